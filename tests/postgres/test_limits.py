"""What a database may refuse or lack: locks, rights, connections, space."""

import os
import subprocess
import time

import pytest
from conftest import Windrow

import pgservers


class Locked:
    """A table that somebody holds for so long, from when this is made."""

    def __init__(self, server, table, seconds):
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [str(pgservers.programs(server.version) / "psql"), "-X", "-q",
             "-h", str(server.folder), "-p", str(server.port), "-U",
             "postgres", "-d", pgservers.DATABASE, "-c",
             f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; "
             f"SELECT pg_sleep({seconds}); COMMIT"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def end(self):
        assert self.process.wait(60) == 0
        return time.monotonic() - self.begun


def test_a_table_that_is_locked_for_20_s_is_waited_for(url, server, table, load):
    work = load(url)
    work.goes_on(5)
    locked = Locked(server, table, 20)
    assert locked.end() >= 20
    work.goes_on(20, 60)
    counts = work.all_is_well()
    assert counts["slowest_ms"] > 15000
    assert counts["longest_call_ms"] < 1000


def test_a_lock_longer_than_a_statement_may_take_is_tried_again(
        url, server, table, load):
    work = load(url, statement_timeout_ms=800)
    work.goes_on(5)
    Locked(server, table, 4).end()
    work.goes_on(20, 60)
    work.all_is_well()


def test_a_store_that_is_locked_is_not_waited_for_without_end(
        url, server, table):
    make_store(url)
    locked = Locked(server, f"{table}_windrow", 40)
    while server.sql("SELECT count(*) FROM pg_locks WHERE relation = "
                     f"'{table}_windrow'::regclass").strip() == "0":
        pass
    error = Windrow(url).fails("stats")
    assert "too long" in error and "lock" in error
    assert time.monotonic() - locked.begun < 39
    locked.process.kill()
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation "
               f"= '{table}_windrow'::regclass")


def test_rows_that_another_program_locks_are_waited_for(
        url, server, table, load):
    work = load(url, keys=40, batch=10, statement_timeout_ms=1000)
    work.goes_on(20)
    # In the order opposite to the one in which Windrow writes: a deadlock, if
    # both held on; the server ends one of them, and Windrow tries again.
    for _ in range(8):
        server.sql(
            f"DO $$ DECLARE r record; BEGIN "
            f"FOR r IN SELECT url FROM {table} ORDER BY url DESC LOOP "
            f"UPDATE {table} SET title = title WHERE url = r.url; "
            f"PERFORM pg_sleep(0.002); END LOOP; "
            f"EXCEPTION WHEN deadlock_detected THEN NULL; END $$")
    work.goes_on(20, 60)
    work.all_is_well()


# ---------------------------------------------------------------- rights --


@pytest.fixture
def role(server, schema):
    """A role that may do nothing at all."""
    name = f"role_{schema}"
    password = pgservers.PASSWORD
    server.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    yield name
    server.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def make_store(url):
    Windrow(url)("init", "--embedder", "hash", "--dim", "8")


def test_a_role_without_rights_is_told_what_it_lacks(server, schema, role, load):
    make_store(server.url(schema=schema))
    work = load(server.url(schema=schema, user=role))
    work.finish(2)
    said = "".join(work.errors)
    assert said.startswith("WR_EAUTH"), said
    assert "GRANT" in said, said
    assert "5ecret" not in said


def test_a_role_that_may_read_only_reads(server, schema, role, load):
    make_store(server.url(schema=schema))
    server.sql(f"GRANT USAGE ON SCHEMA {schema} TO {role};"
               f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};")
    url = server.url(schema=schema, user=role)
    assert Windrow(url).objects("stats", "--json")
    work = load(url)
    work.goes_on(1)
    counts = work.finish()
    assert counts["failed"] > 0 and counts["wrong"] == 0
    assert counts["inserted"] == 0
    assert "permission denied" in "".join(work.errors), work.errors


def test_a_role_that_may_write_needs_no_right_to_create(
        server, schema, role, load):
    make_store(server.url(schema=schema))
    server.sql(
        f"GRANT USAGE ON SCHEMA {schema} TO {role};"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON "
        f"{schema}.scraped_documents TO {role};"
        f"GRANT SELECT ON {schema}.scraped_documents_windrow TO {role};")
    url = server.url(schema=schema, user=role)
    work = load(url)
    work.goes_on(20)
    work.all_is_well()
    windrow = Windrow(url)
    assert windrow.objects("stats", "--json")
    windrow("prune", "--url-prefix", "https://example.org/1")


def test_a_role_that_may_not_create_is_told_who_must(server, schema, role, load):
    server.sql(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    work = load(server.url(schema=schema, user=role))
    work.finish(2)
    said = "".join(work.errors)
    assert said.startswith("WR_EAUTH"), said
    assert "GRANT" in said or "init" in said, said


# ----------------------------------------------------------- connections --


def test_a_pool_of_one_serves_everybody(url, load):
    work = load(url, pool_size=1, max_overflow=0xffffffff, inflight=16,
                batch=5, write_batch=5)
    work.goes_on(50)
    work.all_is_well()


def test_a_pool_that_is_exhausted_is_waited_for(url, server, table, load):
    work = load(url, pool_size=2, max_overflow=0xffffffff, inflight=16,
                batch=5, write_batch=5, pool_timeout_ms=1000)
    work.goes_on(10)
    Locked(server, table, 3).end()
    work.goes_on(20)
    work.all_is_well()


def test_a_server_with_few_connections_is_used_with_those(
        server, url, schema, load):
    make_store(url)
    server.sql(f"ALTER ROLE {pgservers.USER} CONNECTION LIMIT 2")
    try:
        work = load(url, inflight=16, batch=5, write_batch=5)
        work.goes_on(50)
        work.all_is_well()
    finally:
        server.sql(f"ALTER ROLE {pgservers.USER} CONNECTION LIMIT -1")


# ----------------------------------------------------------------- space --


@pytest.fixture
def small(place):
    """A folder in which there is room for 24 MB."""
    folder = place / "small"
    folder.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
            stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small file system")
    pgservers.own(folder)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_tablespace_costs_only_what_does_not_fit(
        server, schema, url, table, small, load):
    server.sql(f"CREATE TABLESPACE small OWNER {pgservers.USER} "
               f"LOCATION '{small}'")
    server.sql(f"ALTER ROLE {pgservers.USER} SET default_tablespace = small")
    try:
        filler = small / "filler"
        make_store(url)
        work = load(url, op_timeout_ms=2000, size=2000, keys=2000)
        work.goes_on(10)
        with open(filler, "wb") as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
                    f.flush()
            except OSError:
                pass
        until = time.monotonic() + 60
        while not work.failed and time.monotonic() < until:
            work.take(1)
        assert work.failed
        os.unlink(filler)
        work.catch_up()
        time.sleep(2.5)
        work.catch_up()
        failed = work.failed
        work.goes_on(5)
        assert work.failed <= failed + 200
        counts = work.finish()
        assert counts["wrong"] == 0, work.errors
        assert "space" in "".join(work.errors), work.errors
    finally:
        server.sql(f"ALTER ROLE {pgservers.USER} RESET default_tablespace;"
                   f"DROP SCHEMA {schema} CASCADE")
        server.sql("DROP TABLESPACE small")


# ------------------------------------------------------------------- TLS --


def tls(server, host="localhost", ca="ca.crt"):
    return server.url(host=host, sslmode="verify-full",
                      sslrootcert=str(server.folder / ca))


def test_a_server_is_verified_in_full(server15):
    Windrow(tls(server15))("init", "--embedder", "hash", "--dim", "8")
    assert Windrow(tls(server15)).objects("stats", "--json")


def test_another_name_than_the_certificates_is_refused(server15):
    said = Windrow(tls(server15, host="127.0.0.1")).fails("stats")
    assert "127.0.0.1" in said and "localhost" in said, said


def test_a_certificate_of_another_authority_is_refused(server15):
    said = Windrow(tls(server15, ca="other.crt")).fails("stats")
    assert "certificate" in said, said
