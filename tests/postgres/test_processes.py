"""Many processes at once."""

from conftest import Windrow
from test_faults import nothing_is_twice, stored

import pgservers


def test_sixteen_processes_that_write_the_same_pages_never_deadlock(
        server, url, table, load):
    works = [load(url, seed=n, keys=200, batch=20, rounds=40, inflight=3,
                  shared=1, quiet=1, pool_size=3) for n in range(16)]
    counts = [work.finish() for work in works]
    assert all(c["failed"] == 0 and c["wrong"] == 0 for c in counts), (
        counts, [work.errors for work in works])
    # Each page was inserted by one of them, and by one alone.
    assert sum(c["inserted"] for c in counts) == nothing_is_twice(server, table)
    deadlocks = server.sql("SELECT deadlocks FROM pg_stat_database "
                           f"WHERE datname = '{pgservers.DATABASE}'")
    print("deadlocks that the server saw:", deadlocks)


def test_ten_processes_that_start_at_once_make_one_store(
        server, url, schema, load):
    works = [load(url, seed=n, keys=50, batch=10, rounds=5, shared=1, quiet=1,
                  pool_size=2) for n in range(10)]
    counts = [work.finish() for work in works]
    assert all(c["failed"] == 0 and c["wrong"] == 0 for c in counts), counts
    rows, keys = stored(server, f"{schema}.scraped_documents")
    assert rows == keys == sum(c["inserted"] for c in counts)


def test_of_ten_that_make_a_new_store_one_succeeds(server, url):
    windrow = Windrow(url)
    made = [windrow.popen("init", "--embedder", "hash", "--dim", "8",
                          stderr=-1) for _ in range(10)]
    said = [process.communicate(timeout=100)[1] for process in made]
    assert sorted(process.returncode for process in made) == [0] + [2] * 9, said
    assert all("already" in text for text in said if text), said
    assert windrow.objects("stats", "--json")
