"""Searches with and without the server's help, and the indexes they use."""

import json
import random
import signal
import subprocess

import pytest
from conftest import BINARY, Windrow

import pgservers

WORDS = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)]
QUERY = "wordaa wordcc wordzb"


def pages(n, seed=3):
    rand = random.Random(seed)
    return "".join(
        json.dumps({"url": f"http://h{i % 97}.example/{i}",
                    "title": " ".join(rand.choices(WORDS, k=3)),
                    "raw_content": " ".join(rand.choices(WORDS, k=40))}) + "\n"
        for i in range(n))


def fill(url, n=2000, *args):
    store = Windrow(url)
    store("init", *args)
    store("ingest", "-", "--quiet", input=pages(n))
    return store


def scores(store, mode, *args):
    return [hit["score"] for hit in store.objects(
        "search", "--json", "--mode", mode, *args, QUERY)]


def found(store, mode, *args, query=QUERY):
    return [(hit["url"], hit["rank_text"], hit["rank_vector"])
            for hit in store.objects("search", "--json", "--mode", mode, *args,
                                     query)]


@pytest.mark.parametrize("mode", ["text", "vector", "hybrid"])
def test_a_server_without_pgvector_finds_what_one_with_it_finds(
        url, server15, mode):
    server15.sql("DROP SCHEMA IF EXISTS search CASCADE; CREATE SCHEMA search "
                 f"AUTHORIZATION {pgservers.USER}")
    own, arrays = fill(url), fill(server15.url(schema="search"))
    # What the one finds before the other differs in the last bit of a float.
    for limit in (1, 10, 100):
        hits = scores(own, mode, "--limit", limit)
        assert len(hits) == limit
        assert hits == pytest.approx(scores(arrays, mode, "--limit", limit),
                                     rel=0.02)
    assert found(own, mode, "--limit", 3) == found(arrays, mode, "--limit", 3)


def test_an_index_finds_as_many_as_there_are_whatever_the_filter(url):
    store = fill(url, 5000)
    exact = found(store, "vector", "--limit", 60, "--host", "h7.example")
    assert len(exact) == 52
    assert json.loads(store("index", "--json"))["built"] == 2
    assert found(store, "vector", "--limit", 60, "--host",
                 "h7.example") == exact
    assert found(store, "vector", "--limit", 20, "--host",
                 "h7.example") == exact[:20]
    assert len(found(store, "vector", "--limit", 3000)) == 3000
    assert len(found(store, "hybrid", "--limit", 60, "--host",
                     "h7.example")) == 52


def test_words_are_found_with_and_without_their_index(url, server, table):
    store = fill(url)
    # How rare a word is depends on how many rows the server knows of.
    server.sql(f"ANALYZE {table}")
    before = found(store, "text", "--limit", 50)
    store("index", "--text")
    assert found(store, "text", "--limit", 50) == before
    # What another program changes has no words of its own.
    key = before[0][0]
    server.sql(f"UPDATE {table} SET content = 'gazelle', updated_at = now() "
               f"WHERE url = '{key}'")
    assert found(store, "text", query="gazelle")[0][0] == key
    assert key not in [hit[0] for hit in found(
        store, "text", "--limit", 2000, query="wordaa -gazelle")]


def test_rows_of_other_programs_are_found_by_their_index(url, server, table):
    fill(url)
    plan = server.sql(
        f"ANALYZE {table}; EXPLAIN SELECT url FROM {table} AS d WHERE "
        "coalesce(d.hashed_at <> d.updated_at, true)::integer = 1")
    assert "scraped_documents_stale" in plan


def test_vectors_over_2000_dimensions_are_ranked_by_the_whole(url):
    store = fill(url, 500, "--embedder", "hash", "--dim", 3000)
    exact = found(store, "vector", "--limit", 20)
    assert json.loads(store("index", "--vector", "--json"))["built"] == 1
    assert found(store, "vector", "--limit", 20) == exact


def test_a_number_that_no_half_can_hold_fails_no_search(url):
    store = fill(url, 50, "--embedder", "hash", "--dim", 2500)
    large = {"url": "http://h.example/large", "raw_content": "wordaa",
             "embedding": [70000.0] + [1.0] * 2499}
    store("ingest", "-q", "-", input=json.dumps(large) + "\n")
    before = found(store, "vector", "--limit", 51)
    assert len(before) == 51
    assert json.loads(store("index", "--vector", "--json"))["built"] == 1
    assert found(store, "vector", "--limit", 51) == before


def adopt(url, server, table):
    """A table that the original could have made."""
    server.sql(
        f"SET ROLE {pgservers.USER}; CREATE TABLE {table} (id serial, "
        "url varchar UNIQUE, title varchar, content text, "
        "embedding double precision[], created_at timestamp, "
        "updated_at timestamp)")
    return Windrow(url)


def test_rows_without_a_date_are_found_and_those_without_a_url_passed_over(
        url, server, table):
    store = adopt(url, server, table)
    server.sql(f"INSERT INTO {table} (url, content) SELECT NULL, 'nothing' "
               "FROM generate_series(1, 1500)")
    store("migrate", "-q")
    server.sql(f"INSERT INTO {table} (url, content) "
               "VALUES ('http://h.example/', 'wordaa')")
    for _ in range(2):
        assert found(store, "text") == [("http://h.example/", 1, 0)]
        store("migrate", "-q")
    assert server.sql(f"SELECT count(*) FROM {table} "
                      "WHERE hashed_at = updated_at").strip() == "1"


@pytest.mark.parametrize("odd", [
    "array_fill('NaN'::float8, '{8}')", "array_fill('Infinity'::float8, '{8}')",
    "array_fill('-Infinity'::float8, '{8}')", "array_fill(1e300, '{8}')",
    "array_fill(NULL::float8, '{8}')", "array_fill(1, '{8, 2}')", "'{}'",
])
def test_an_array_that_is_no_vector_fails_no_search(url, server, table, odd):
    store = adopt(url, server, table)
    store("migrate", "-q")
    store("ingest", "-q", "--embedder", "hash", "--dim", "8", "-",
          input=pages(20))
    server.sql(f"INSERT INTO {table} (url, content, embedding, updated_at) "
               f"VALUES ('http://odd.example/', 'wordaa', {odd}, now())")
    for _ in range(2):
        assert len(found(store, "vector", "--limit", 30)) == 20
        assert len(found(store, "hybrid", "--limit", 30)) == 21
        store("index", "--vector")


def test_vectors_over_4000_dimensions_have_no_index(url):
    store = fill(url, 100, "--embedder", "hash", "--dim", 4500)
    assert "4000 dimensions" in store.fails("index", "--vector")
    assert len(found(store, "vector")) == 10


def test_indexes_are_built_once_and_dropped(url, server, schema):
    store = fill(url)
    assert json.loads(store("index", "--json"))["built"] == 2
    assert json.loads(store("index", "--json"))["built"] == 0
    # A build that was cut off leaves such a one behind.
    server.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
               f"'{schema}.scraped_documents_hnsw'::regclass")
    assert "is not valid" in store("doctor", status=1)
    assert json.loads(store("index", "--json"))["built"] == 1
    assert "is not valid" not in store("doctor")
    assert json.loads(store("index", "--drop", "--json"))["dropped"] == 2
    assert json.loads(store("index", "--drop", "--json"))["dropped"] == 0


def settings(pooler):
    return subprocess.run(
        [str(pgservers.programs("18") / "psql"), "-XtA", pooler.url(), "-c",
         "SELECT current_setting('statement_timeout'), "
         "current_setting('maintenance_work_mem')"],
        capture_output=True, text=True, timeout=30, check=True).stdout


def test_an_index_canceled_behind_a_pooler_leaves_nothing_set(
        url, server, schema, place):
    fill(url)
    try:
        pooler = pgservers.Pooler(place / "pooler", server).create().start()
    except pgservers.Missing as missing:
        pytest.skip(str(missing))
    server.sql(f"ALTER ROLE {pgservers.USER} SET statement_timeout = '77s'")
    try:
        before = settings(pooler)
        build = subprocess.Popen(
            [BINARY, "index", "-q", "--vector", "-m", "64",
             "--ef-construction", "800", "--db",
             f"{pooler.url(schema=schema)}"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while build.poll() is None and server.sql(
                "SELECT count(*) FROM pg_stat_progress_create_index "
                "WHERE phase LIKE 'building%'").strip() == "0":
            pass
        build.send_signal(signal.SIGINT)
        assert "canceled" in build.communicate(timeout=30)[1]
        assert settings(pooler) == before
    finally:
        server.sql(f"ALTER ROLE {pgservers.USER} RESET statement_timeout")
        pooler.stop()


def test_an_index_without_what_it_needs_says_so(server15):
    server15.sql("DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare "
                 f"AUTHORIZATION {pgservers.USER}")
    store = fill(server15.url(schema="bare"), 10, "--fulltext", "off")
    assert "pgvector" in store.fails("index", "--vector")
    assert "without full text" in store.fails("index", "--text")
    assert "pgvector" in store.fails("index")


def test_a_title_and_a_content_make_no_phrase_and_accents_none_matter(url):
    store = Windrow(url)
    store("init")
    store("ingest", "-", "--quiet", input=json.dumps({
        "url": "http://a.example/", "title": "Hash maps",
        "raw_content": "Buckets of Caf\u00e9 M\u00fcnchen"}))
    for query, n in (('"maps buckets"', 0), ('"hash maps"', 1),
                     ("cafe", 1), ("CAF\u00c9", 1), ('"cafe munchen"', 1)):
        assert len(found(store, "text", query=query)) == n, query
