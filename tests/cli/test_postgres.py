"""The command over PostgreSQL: WINDROW_TEST_PG18 is the URL of a database.

What other files test of any store is run here again, over tables of one's own.
"""

import itertools
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import TIMEOUT, Windrow, page

# Found by pytest, and run with the fixture below.
from test_find import *  # noqa: F403
from test_signals import (  # noqa: F401
    test_a_signal_drains_and_what_was_acknowledged_is_stored,
    test_a_slow_input_is_acknowledged_as_it_comes,
    test_two_processes_fill_one_new_store,
    test_what_was_acknowledged_survives_kill_9,
)
from test_store import (  # noqa: F401
    test_a_password_is_never_printed,
    test_an_export_comes_back_the_same,
    test_an_export_of_many_pages_misses_none,
    test_exports_can_be_filtered,
    test_exports_are_compressed_by_their_names,
    test_init_leaves_a_store_alone,
    test_prune_deletes_what_is_old,
    test_prune_takes_away_many_in_portions,
    test_urls_as_given_keeps_them_apart,
)

URL = os.environ.get("WINDROW_TEST_PG18")
PIPE = subprocess.PIPE
numbers = itertools.count(1)

pytestmark = pytest.mark.skipif(
    not URL, reason="no such server; scripts/servers run COMMAND starts them"
)


def sql(statement):
    """What psql prints for it: rows, unaligned."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", URL],
        input=statement,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def windrow(tmp_path):
    schema = f"cli_{os.getpid()}_{next(numbers)}"
    sql(f"CREATE SCHEMA {schema}")
    made = Windrow(tmp_path)
    made.db = f"{URL}?schema={schema}"
    made.schema = schema
    made.table = f"{schema}.scraped_documents"
    made.env["WINDROW_DB"] = made.db
    yield made
    sql(f"DROP SCHEMA {schema} CASCADE")


SECRET = "5ecret"


def test_init_says_what_it_fixed(windrow):
    text = windrow(
        "init", "--dim", "64", "--vector-type", "halfvec", "--language", "german"
    )
    assert re.match(r"made postgresql://127\.0\.0\.1:\d+/windrow$", text, re.M)
    assert SECRET not in text
    stats = windrow.object("stats")
    assert stats["backend"] == "postgresql" and stats["dim"] == 64
    assert SECRET not in json.dumps(stats)
    assert "halfvec(64)" == sql(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        f"WHERE attrelid = '{windrow.table}'::regclass AND attname = 'embedding'"
    )


def test_schema_and_table_are_the_users(windrow):
    where = ["--schema", windrow.schema, "--table", "My Pages"]
    env = {"WINDROW_DB": URL}
    windrow("init", *where, env=env)
    windrow("ingest", "-q", *where, "-", input=json.dumps(page(1)) + "\n", env=env)
    assert sql(f'SELECT count(*) FROM {windrow.schema}."My Pages"') == "1"
    (hit,) = windrow.objects("search", *where, "page", env=env)
    assert hit["url"] == page(1)["url"]


def test_there_is_nothing_where_nothing_was_made(windrow):
    assert "init" in windrow.fails("stats")


def test_no_fulltext_and_arrays(windrow):
    windrow("init", "--fulltext", "off", "--vector-type", "array")
    windrow.ingest([page(i) for i in range(5)])
    hits = windrow.objects("search", "-k", "1", "page", "number", "3")
    assert len(hits) == 1 and hits[0]["rank_vector"] == 1
    assert windrow.run("search", "--mode", "text", "page").returncode == 2


def test_unchanged_pages_are_left_alone(windrow):
    pages = [page(i) for i in range(100)]
    assert windrow.ingest(pages)["inserted"] == 100
    before = sql(f"SELECT url, xmin, ctid FROM {windrow.table} ORDER BY url")
    assert windrow.ingest(pages)["unchanged"] == 100
    after = sql(f"SELECT url, xmin, ctid FROM {windrow.table} ORDER BY url")
    assert before == after


def test_stats_exact(windrow):
    windrow.ingest([page(i) for i in range(30)])
    assert windrow.object("stats", "--exact")["documents"] == 30


def test_indexes_are_built_and_dropped(windrow):
    windrow.ingest([page(i) for i in range(50)])
    assert windrow.object("index")["built"] == 2
    assert windrow("index") == "nothing to build\n"
    methods = sql(
        "SELECT string_agg(amname, ' ' ORDER BY amname) FROM pg_index i "
        "JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam "
        f"WHERE indrelid = '{windrow.table}'::regclass AND indisvalid "
        "AND amname <> 'btree'"
    )
    assert methods == "gin hnsw"
    hits = windrow.objects("search", "--effort", "200", "page", "number", "7")
    assert hits[0]["url"] == page(7)["url"]
    assert windrow("index", "--drop", "--text") == "dropped 1 index\n"
    assert windrow.object("index", "--drop")["dropped"] == 1


def test_an_index_that_was_stopped_can_be_built_again(windrow):
    windrow("init", "--dim", "256")
    windrow.ingest([page(i, f"Words {i} {i * 7919} {i % 97}.") for i in range(4000)])
    process = windrow.popen(
        "index", "--vector", "-m", "64", "--ef-construction", "1000", stderr=PIPE
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=TIMEOUT)[1].decode()
    # It may have been through before.
    assert process.returncode in (0, 2), err
    assert windrow.object("index", "-q", "--vector")["built"] == (
        0 if process.returncode == 0 else 1
    )


def test_doctor_says_what_could_be_better(windrow):
    windrow.ingest([page(i) for i in range(10)])
    for args in ([], ["--deep"]):
        report = json.loads(windrow.run("doctor", "--json", *args).stdout)
        assert all({"level", "what", "advice"} <= set(f) for f in report["findings"])
        assert not [f for f in report["findings"] if f["level"] == "error"]
        assert SECRET not in json.dumps(report)


def test_the_originals_table_is_used_and_migrated(windrow):
    sql(
        f"CREATE TABLE {windrow.table} (id serial PRIMARY KEY, url varchar UNIQUE "
        "NOT NULL, title varchar, content text, embedding double precision[], "
        "created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());"
        f"INSERT INTO {windrow.table} (url, title, content, embedding) SELECT "
        "'https://old.example/' || i, 'Old ' || i, 'An old page, number ' || i, "
        "array_fill(i::float8, ARRAY[8]) FROM generate_series(1, 2500) i"
    )
    assert len(windrow.objects("search", "--mode", "text", "old")) == 10
    assert windrow("known", input="https://old.example/7\n") == ""
    report = windrow.object("migrate", "-q")
    assert report["version"] >= 1
    assert windrow.object("migrate")["version"] == report["version"]
    assert sql(
        f"SELECT count(*) FROM {windrow.table} WHERE hashed_at IS DISTINCT FROM "
        "updated_at"
    ) == "0"
    # The original's multi-row upsert still works.
    sql(
        f"INSERT INTO {windrow.table} (url, title, content, embedding) VALUES "
        "('https://old.example/1', 'x', 'y', '{1,2}'), "
        "('https://old.example/new', 'x', 'y', '{1,2}') ON CONFLICT (url) DO "
        "UPDATE SET title = excluded.title, content = excluded.content, "
        "embedding = excluded.embedding, updated_at = now()"
    )
    assert windrow.object("stats", "--exact")["documents"] == 2501
    (got,) = windrow.objects("get", "https://old.example/1")
    assert got["content" if "content" in got else "raw_content"] == "y"


def test_a_page_that_cannot_be_deleted_is_named(windrow):
    windrow.ingest([page(1)])
    sql(f"REVOKE DELETE ON {windrow.table} FROM CURRENT_USER")
    done = windrow.run("delete", "--json", page(1)["url"])
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"deleted": 0, "missing": 0, "failed": 1}
    assert page(1)["url"] in done.stderr and "permission" in done.stderr


def test_a_server_that_is_not_there_is_named(windrow):
    reason = windrow.fails("stats", "--db", "postgresql://u:5ecret@127.0.0.1:1/x")
    assert "127.0.0.1" in reason and SECRET not in reason


def test_a_database_that_is_not_there_is_none_of_windrows(windrow):
    reason = windrow.fails("stats", "--db", URL + "_that_is_not_there")
    assert "CREATE DATABASE" in reason and "init" not in reason


def test_a_wrong_password_is_not_shown(windrow):
    reason = windrow.fails("stats", env={"WINDROW_DB": URL, "PGPASSWORD": "x"},
                           *["--db", re.sub(r":[^:@/]*@", ":5ecretive@", URL)])
    assert "5ecretive" not in reason
