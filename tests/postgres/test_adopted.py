"""The table of the original program: used as it is found, migrated under its
hands, and used by it afterwards."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import ROOT, Windrow

HERE = Path(__file__).parent
PACKAGES = (HERE / "requirements.txt").read_text().split()


class Original:
    def __init__(self, python, url):
        self.command = [python, "-B", str(HERE / "original.py"), url]

    def __call__(self, *args):
        done = subprocess.run(
            [*self.command, *map(str, args)], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self):
        """Its pages by URL, through its ORM."""
        pages = [json.loads(line) for line in self("read").splitlines()]
        for page in pages:
            # What it does not know how to read would come as text.
            assert isinstance(page["embedding"], (list, type(None))), page
        return {page["url"]: page for page in pages}

    def keep(self):
        return subprocess.Popen(
            [*self.command, "keep"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def python():
    done = subprocess.run([str(ROOT / "scripts" / "venv"), *PACKAGES],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode:
        pytest.skip(f"SQLAlchemy and asyncpg cannot be had: {done.stderr}")
    return done.stdout.strip()


@pytest.fixture
def original(python, url):
    made = Original(python, url)
    made("create")
    return made


@pytest.fixture
def windrow(url):
    return Windrow(url)


def url_of(i):
    return f"https://example.org/{i}"


def record(i, version, **more):
    """A page as the original has it, or had it."""
    return {
        "url": url_of(i),
        "title": f"Page {i}",
        "raw_content": f"Number {i} in version {version} of the original",
    } | more


def ingest(windrow, records, *args):
    text = "".join(json.dumps(r) + "\n" for r in records)
    return json.loads(windrow("ingest", "--json", "-q", *args, "-",
                              input=text))


def columns(server, schema):
    return server.sql(
        "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) "
        "|| CASE WHEN attnotnull THEN ' not null' ELSE '' END, ', ' "
        "ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND "
        f"attrelid = '{schema}.scraped_documents'::regclass")


def test_a_table_is_used_as_it_is_found(server, schema, original, windrow):
    original("save", 0, 120, 1)
    before = columns(server, schema)
    found = {d["url"]: d for d in windrow.objects("export", "-q", "--vectors")}
    theirs = original.read()
    assert found.keys() == theirs.keys()
    for url, doc in theirs.items():
        assert found[url]["title"] == doc["title"]
        assert found[url]["raw_content"] == doc["content"]
        assert found[url]["embedding"] == pytest.approx(doc["embedding"])
    # What has not changed is not written, nor embedded again.
    report = ingest(windrow, [record(i, 1) for i in range(120)])
    assert report["unchanged"] == 120, report
    assert original.read() == theirs
    report = ingest(windrow, [record(i, 2) for i in range(110, 130)],
                    "--embedder", "hash", "--dim", "8")
    assert (report["updated"], report["inserted"]) == (10, 10), report
    theirs = original.read()
    assert len(theirs) == 130
    for i in range(110, 130):
        doc = theirs[url_of(i)]
        assert "version 2" in doc["content"] and len(doc["embedding"]) == 8
        assert doc["id"] and doc["created_at"] and doc["updated_at"]
    hits = windrow.objects("search", "--json", "-k", "1", "--mode", "text",
                           "number", "117")
    assert hits and "117" in hits[0]["url"]
    assert windrow("known", "--stored", input=url_of(0) + "\n").strip()
    windrow("prune", "--url-prefix", url_of(129))
    original("save", 0, 60, 3)
    assert columns(server, schema) == before
    assert len(original.read()) == 129


def test_what_the_original_changes_is_not_taken_for_unchanged(
        server, schema, original, windrow):
    original("save", 0, 100, 1)
    windrow("migrate", "-q")
    report = ingest(windrow, [record(i, 1) for i in range(100)],
                    "--embedder", "hash", "--dim", "8")
    assert report["unchanged"] == 100, report
    original("save", 0, 50, 2)
    # Its content is what counts now: the older is another one ...
    report = ingest(windrow, [record(i, 1) for i in range(25)],
                    "--embedder", "hash", "--dim", "8")
    assert report["updated"] == 25, report
    # ... and the same is the same, though no digest says so.
    report = ingest(windrow, [record(i, 2) for i in range(25, 50)],
                    "--embedder", "hash", "--dim", "8")
    assert report["unchanged"] == 25, report
    original("save", 0, 100, 4)
    theirs = original.read()
    assert all("version 4" in doc["content"] for doc in theirs.values())
    (hit,) = windrow.objects("search", "--json", "-k", "1", "--mode", "text",
                             "version 4", "number", "77")
    assert hit["url"] == url_of(77)
    report = ingest(windrow, [record(i, 4) for i in range(100)],
                    "--embedder", "hash", "--dim", "8")
    assert report["unchanged"] == 100, report


def test_metadata_has_a_place_after_the_migration(
        server, schema, original, windrow):
    original("save", 0, 10, 1)
    windrow("migrate", "-q")
    ingest(windrow, [record(3, 1, metadata={"lang": "en"})],
           "--embedder", "hash", "--dim", "8")
    (doc,) = windrow.objects("export", "-q", "--meta", "lang=en")
    assert doc["url"] == url_of(3)
    original("save", 0, 10, 2)
    (doc,) = windrow.objects("export", "-q", "--meta", "lang=en")
    assert "version 2" in doc["raw_content"]


def test_a_migration_is_killed_and_resumed_while_the_original_writes(
        server, schema, original, windrow, rand):
    server.sql(
        f"INSERT INTO {schema}.scraped_documents (url, title, content, "
        "embedding, created_at, updated_at) SELECT 'https://example.org/' || i,"
        " 'Page ' || i, 'Number ' || i || ' in version 1 of the original', "
        "ARRAY[1,0,0,0,0,0,0,i]::float8[], now(), now() "
        "FROM generate_series(0, 9999) AS i")
    before = columns(server, schema)
    kept = original.keep()
    killed = 0
    for _ in range(15):
        migration = windrow.popen("migrate", "-q", stderr=subprocess.PIPE)
        try:
            migration.wait(0.02 + rand.random() * 0.3)
        except subprocess.TimeoutExpired:
            migration.send_signal(signal.SIGKILL)
            migration.wait()
            killed += 1
            continue
        assert migration.returncode == 0, migration.stderr.read()
        break
    windrow("migrate", "-q")
    time.sleep(0.3)
    assert kept.poll() is None, kept.stderr.read()
    out, errors = kept.communicate("", timeout=60)
    assert kept.returncode == 0, errors
    print("killed", killed)
    assert killed, "it was done before it could be killed"
    # The columns that were there are as they were, and no write was lost.
    assert columns(server, schema).startswith(before)
    last = dict(map(int, line.split()) for line in out.splitlines())
    theirs = original.read()
    for i, version in last.items():
        assert f"version {version} " in theirs[url_of(i)]["content"], i
    assert len(theirs) >= 10000
    # All of it is known to Windrow for what it is.
    some = random.Random(1).sample(range(10000), 3000)
    report = ingest(windrow, [record(i, last.get(i, 1)) for i in some],
                    "--embedder", "hash", "--dim", "8")
    assert report["unchanged"] == 3000, report
    assert "version" in windrow("migrate", "--json")
    original("save", 0, 100, 9999)
    assert "version 9999 " in original.read()[url_of(50)]["content"]
