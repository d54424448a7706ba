"""Faults that pass: each time nothing acknowledged is lost, nothing fails, and
work goes on by itself."""

import time

import pytest
from proxy import Plan, Proxy, random_answers, random_bytes

import pgservers

# Ends one backend of the role after another, at random.
TERMINATE = """
DO $$
BEGIN
  FOR i IN 1 .. {times} LOOP
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(pid) FROM (
      SELECT pid FROM pg_stat_activity
      WHERE usename = 'windrow' ORDER BY random() LIMIT 1) AS one;
    PERFORM pg_sleep({pause});
  END LOOP;
END $$;
"""


@pytest.fixture
def proxied(server, schema):
    """The proxy, and the URL that leads through it."""
    proxy = Proxy(server.port)
    url = server.url(schema=schema, port=proxy.port, sslmode="disable")
    yield proxy, url
    proxy.close()


def stored(server, table):
    """(rows, different keys)"""
    count = server.sql(f"SELECT count(*), count(DISTINCT url) FROM {table}")
    return tuple(int(n) for n in count.split("|"))


def nothing_is_twice(server, table):
    rows, keys = stored(server, table)
    assert rows == keys
    return rows


def test_backends_that_are_terminated_are_not_noticed(server, url, table, load):
    work = load(url, seed=2)
    work.goes_on(5)
    server.sql(TERMINATE.format(times=60, pause=0.05))
    work.goes_on()
    counts = work.all_is_well()
    assert counts["inserted"] == nothing_is_twice(server, table)


def test_a_server_that_stops_at_once_is_waited_for(server, url, table, load):
    work = load(url)
    for _ in range(3):
        work.goes_on()
        server.stop()
        time.sleep(0.5)
        server.start()
    work.goes_on()
    counts = work.all_is_well()
    assert counts["inserted"] == nothing_is_twice(server, table)


def test_a_role_that_commits_without_waiting_loses_nothing_either(
        server, url, table, load):
    server.sql(f"ALTER ROLE {pgservers.USER} SET synchronous_commit = off;"
               "ALTER SYSTEM SET wal_writer_delay = '10s';"
               "SELECT pg_reload_conf()")
    try:
        work = load(url)
        work.goes_on()
        server.stop()
        server.start()
        work.goes_on()
        counts = work.all_is_well()
        assert counts["inserted"] == nothing_is_twice(server, table)
    finally:
        server.sql(f"ALTER ROLE {pgservers.USER} RESET synchronous_commit;"
                   "ALTER SYSTEM RESET wal_writer_delay;"
                   "SELECT pg_reload_conf()")


def test_traffic_is_cut_and_stopped_at_random_bytes(
        server, table, load, proxied, rand):
    proxy, url = proxied
    work = load(url, statement_timeout_ms=1500, connect_timeout_ms=1500)
    work.goes_on(3)
    proxy.plan = random_bytes(rand, 300_000)
    proxy.cut_all()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        work.catch_up()
        time.sleep(0.1)
    assert proxy.faults > 3
    proxy.heal()
    work.goes_on()
    counts = work.all_is_well()
    assert counts["inserted"] == nothing_is_twice(server, table)


def test_an_answer_to_a_commit_that_is_lost_falsifies_nothing(
        server, table, load, proxied, rand):
    proxy, url = proxied
    work = load(url, connect_timeout_ms=1500, repeat=300)
    work.goes_on(3)
    proxy.plan = random_answers(rand, 12)
    proxy.cut_all()
    until = time.monotonic() + 8
    while time.monotonic() < until:
        work.catch_up()
        time.sleep(0.1)
    assert proxy.faults > 10
    proxy.heal()
    work.goes_on()
    counts = work.all_is_well()
    assert counts["inserted"] == nothing_is_twice(server, table)


def test_a_connection_that_falls_silent_after_a_commit_is_given_up(
        server, table, load, proxied):
    proxy, url = proxied
    work = load(url, statement_timeout_ms=1000, connect_timeout_ms=1000,
                pool_size=4, max_overflow=1)
    work.goes_on(3)
    proxy.plan = lambda n: Plan(stop_answer=6 + n % 5)
    proxy.cut_all()
    until = time.monotonic() + 30
    while proxy.faults < 3 and time.monotonic() < until:
        work.catch_up()
        time.sleep(0.05)
    assert proxy.faults >= 3
    proxy.heal()
    work.goes_on()
    counts = work.all_is_well()
    assert counts["inserted"] == nothing_is_twice(server, table)


def test_slow_traffic_is_only_slow(server, table, load, proxied):
    proxy, url = proxied
    proxy.plan = lambda n: Plan(delay=0.03)
    work = load(url)
    work.goes_on(20)
    counts = work.all_is_well()
    # No call of the program's waits for the network.
    assert counts["longest_call_ms"] < 1000


def test_new_connections_into_a_black_hole_hold_nothing_up(
        server, table, load, proxied):
    proxy, url = proxied
    work = load(url, connect_timeout_ms=3000, batch=5, write_batch=5,
                inflight=8)
    work.goes_on(20)
    before = proxy.made
    proxy.plan = lambda n: Plan(stop=0)
    # All but the youngest of the connections.
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
               "WHERE usename = 'windrow' ORDER BY backend_start "
               "LIMIT (SELECT count(*) - 1 FROM pg_stat_activity "
               "WHERE usename = 'windrow')")
    work.goes_on(50, 30)
    assert proxy.made > before, "no connection was tried"
    proxy.heal()
    counts = work.all_is_well()
    assert counts["longest_call_ms"] < 1000


def test_a_connection_that_is_closed_while_idle_is_replaced(
        server, url, table, load):
    work = load(url, inflight=1)
    work.goes_on(5)
    work.process.send_signal(19)  # SIGSTOP: it is idle, so to say
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
               "WHERE usename = 'windrow'")
    work.process.send_signal(18)
    work.goes_on(20)
    counts = work.all_is_well()
    assert counts["slowest_ms"] < 20000


def test_a_server_that_is_not_there_yet_is_an_error_that_says_so(
        server, load):
    work = load(server.url(port=pgservers.free_port()))
    work.finish(2)
    assert "127.0.0.1" in "".join(work.errors)
    assert "5ecret" not in "".join(work.errors)


def test_a_failover_longer_than_the_deadline_is_told(server, url, table, load):
    work = load(url, op_timeout_ms=1500, inflight=2)
    work.goes_on(5)
    server.stop()
    until = time.monotonic() + 30
    while not work.failed and time.monotonic() < until:
        work.take(1)
    assert work.failed
    server.start()
    work.catch_up()
    failed = work.failed
    work.goes_on(20)
    counts = work.finish()
    assert counts["failed"] >= failed
    assert counts["wrong"] == 0, work.errors
    assert "5ecret" not in "".join(work.errors)
    nothing_is_twice(server, table)


def test_without_a_password_in_anything_printed(server, schema, load):
    for url in (server.url(schema=schema, user="nobody"),
                server.url(schema=schema, password="5ecret-wrong"),
                server.url(schema=schema, database="nowhere"),
                server.url(schema=schema, sslmode="verify-nothing"),
                "postgresql://windrow:5ecret?5ecret=1@127.0.0.1/windrow",
                "postgresql://windrow:5ecret#5ecret@127.0.0.1/windrow",
                "postgresql://windrow:5ecret/5ecret@127.0.0.1/windrow"):
        work = load(url)
        work.finish(2)
        assert work.errors and "5ecret" not in "".join(work.errors)
