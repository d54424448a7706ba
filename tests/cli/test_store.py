"""Init, stats, export, prune, doctor, migrate."""

import gzip
import json
import re
import subprocess

import pytest

from conftest import Windrow, page


def test_init_says_what_it_fixed(windrow):
    text = windrow("init", "--dim", "64", "--urls", "aggressive", "--no-fulltext")
    assert windrow.db in text and "hash" in text and "64" in text
    assert "aggressive" in text
    stats = windrow.object("stats")
    assert stats["embedder"] == "hash" and str(stats["dim"]) == "64"


def test_init_as_json(windrow):
    made = windrow.object("init", "--embedder", "none", "--dim", "3", "--model", "m-3")
    assert made["store"] == windrow.db
    assert made["embedder"] == "none"
    assert made["model"] == "m-3" and str(made["dim"]) == "3"
    windrow.ingest([page(1, embedding=[1, 2, 2])])
    (got,) = windrow.objects("get", "--vectors", page(1)["url"])
    assert got["embedding"] == pytest.approx([1, 2, 2]) or got[
        "embedding"
    ] == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_init_leaves_a_store_alone(windrow):
    windrow.ingest([page(1)])
    assert windrow.fails("init")
    assert len(windrow.stored()) == 1


def test_init_where_it_cannot(windrow):
    assert windrow.fails("init", "--db", "sqlite:///no/such/folder/x.db")


@pytest.mark.parametrize(
    "option, word",
    [
        (["--schema", "pages"], "schema"),
        (["--table", "pages"], "table"),
        (["--vector-type", "halfvec"], "vectors"),
        (["--language", "german"], "languages"),
        (["--distributed"], "workers"),
    ],
)
def test_what_only_postgresql_has_is_refused(windrow, option, word):
    reason = windrow.fails("init", *option)
    assert "PostgreSQL" in reason and word in reason
    assert not windrow.path.exists()


def test_what_does_not_matter_here_does_no_harm(windrow):
    windrow("init", "--pool-size", "3", "--max-overflow", "0")
    windrow.ingest([page(1)], "--pool-size", "1")
    assert windrow.object("stats", "--exact")["documents"] == 1
    assert len(windrow.objects("search", "--effort", "200", "page")) == 1


def test_fulltext_can_be_said_either_way(windrow):
    windrow("init", "--fulltext", "off")
    assert windrow.object("stats")["fulltext"] == "off"
    assert windrow.fails("init", "--fulltext", "on", "--no-fulltext")


def test_there_is_no_index_to_build(windrow):
    windrow.ingest([page(1)])
    assert windrow("index") == "nothing to build\n"
    assert windrow("index", "--drop") == "nothing to drop\n"
    assert windrow.object("index", "--text")["built"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:5ecret@localhost:1/x",
        "postgresql://me@localhost:1/x?password=5ecret",
        "host=localhost port=1 password=5ecret",
        "host=localhost port=1 password='5ecret",
        " host=localhost port=1 password=5ecret",
        "me:5ecret@localhost/x",
        "postgresql://me:5ecret@localhost:99999/x",
        "postgresql+asyncpg://me:5ec%72et@localhost:1/x",
    ],
)
def test_a_password_is_never_printed(windrow, url):
    calls = [["stats", "--db", url], ["init", "--json", "--db", url]]
    if "post" in url or "=" in url:
        calls.append(["stats", url])
    for args in calls:
        done = windrow.run(*args)
        assert done.returncode == 2, done
        assert "5ec" not in done.stdout + done.stderr, done


def test_urls_as_given_keeps_them_apart(windrow):
    windrow("init", "--urls", "as-given")
    given = ["https://E.org/a#b", "https://e.org/a"]
    windrow.ingest([{"url": u, "raw_content": u} for u in given])
    assert set(windrow.stored()) == set(given)


def test_stats(windrow):
    windrow.ingest([page(i) for i in range(3)])
    stats = windrow.object("stats")
    assert stats["documents"] == 3
    assert stats["store"] == windrow.db
    text = windrow("stats")
    assert re.search(r"^documents +3$", text, re.M)


# ------------------------------------------------------------------ export --

PAGES = [
    page(
        i,
        f"Page {i}: “quotes”, \\ and é\nin lines\t{i}",
        metadata={"n": i, "deep": {"list": [1, None, "x"]}},
        fetched_at=f"2024-05-{i + 1:02}T12:00:00.{i:06}Z",
    )
    for i in range(20)
]


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz", "p.jsonl.zst", "-"])
def test_an_export_comes_back_the_same(windrow, tmp_path, name):
    windrow.ingest(PAGES)
    windrow.ingest([page(3, "Changed.")])
    if name == "-":
        (tmp_path / "p").write_text(windrow("export", "-q", "--vectors"))
        name = "p"
    else:
        report = windrow.object("export", "--vectors", name)
        assert list(report) == ["exported", "seconds"] and report["exported"] == 20
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = Windrow(other_folder)
    report = other.object("ingest", tmp_path / name)
    assert report["inserted"] == 20 and report["embedded"] == 0
    before = windrow.objects_of_export("--vectors")
    assert before == other.objects_of_export("--vectors")
    assert all(len(d["embedding"]) == 384 for d in before)
    assert before[0].keys() >= {"url", "title", "raw_content", "metadata"}
    assert before[0].keys() >= {"fetched_at", "created_at", "updated_at"}


def test_exports_are_compressed_by_their_names(windrow):
    windrow.ingest(PAGES)
    windrow("export", "a.gz")
    windrow("export", "a.zst")
    packed = (windrow.folder / "a.gz").read_bytes()
    plain = gzip.decompress(packed).decode()
    assert plain == windrow("export")
    unpacked = subprocess.run(
        ["zstd", "-dcq", windrow.folder / "a.zst"], capture_output=True, check=True
    )
    assert unpacked.stdout.decode() == plain
    assert len([json.loads(s) for s in plain.splitlines()]) == 20


@pytest.mark.parametrize(
    "args, n",
    [
        (["--until", "2024-05-11"], 10),
        (["--since", "2024-05-11"], 10),
        (["--meta", "n=7"], 1),
        (["--host", "example.org"], 20),
        (["--host", "example.com"], 0),
        (["--url-prefix", "https://example.org/1"], 11),
    ],
)
def test_exports_can_be_filtered(windrow, args, n):
    windrow.ingest(PAGES)
    assert len(windrow.objects_of_export(*args)) == n


def test_an_export_of_many_pages_misses_none(windrow):
    windrow.ingest([page(i) for i in range(1234)])
    urls = [d["url"] for d in windrow.objects_of_export()]
    assert len(urls) == len(set(urls)) == 1234
    assert urls == sorted(urls)


def test_an_export_that_fails_leaves_no_file(windrow):
    windrow.ingest(PAGES)
    assert windrow.fails("export", "no/such/folder.jsonl")
    before = set(windrow.folder.iterdir())
    with open("/dev/full", "w") as full:
        done = windrow.popen("export", "-q", stdout=full, stderr=subprocess.PIPE)
        done.communicate(timeout=60)
    assert done.returncode == 2
    assert {p for p in windrow.folder.iterdir() if "db" not in p.name} == {
        p for p in before if "db" not in p.name
    }


# ------------------------------------------------------------------- prune --


def test_prune_deletes_what_is_old(windrow):
    windrow.ingest(PAGES)
    windrow.ingest([page("new")])
    assert windrow("prune", "--older-than", "30d", "--dry-run") == (
        "would prune 20 pages\n"
    )
    assert windrow.object("prune", "--older-than", "30d", "-n") == {
        "pruned": 0,
        "would_prune": 20,
    }
    assert windrow.object("prune", "--before", "2024-05-11") == {"pruned": 10}
    assert windrow("prune", "--meta", "n=15") == "pruned 1 page\n"
    assert windrow("prune", "--older-than", "30d") == "pruned 9 pages\n"
    assert set(windrow.stored()) == {"https://example.org/new"}
    assert windrow("prune", "--host", "nowhere.org") == "pruned 0 pages\n"


def test_prune_takes_away_many_in_portions(windrow):
    windrow("init", "--no-fulltext", "--embedder", "none")
    windrow.ingest([page(i) for i in range(12_000)])
    windrow.ingest([{"url": "https://other.org/", "raw_content": "stays"}])
    assert windrow.object("prune", "--host", "example.org") == {"pruned": 12_000}
    assert set(windrow.stored()) == {"https://other.org/"}


# ---------------------------------------------------------- doctor, migrate --


def test_a_sound_store_is_well(windrow):
    windrow.ingest(PAGES)
    for args in ([], ["--deep"]):
        report = windrow.object("doctor", *args)
        assert report["ok"] is True
        assert all(f["level"] in ("info", "debug") for f in report["findings"])
        assert "the store is well" in windrow("doctor", *args)


def test_a_damaged_store_is_not_well(windrow):
    windrow.ingest([page(i, "words " * 500) for i in range(200)])
    data = bytearray(windrow.path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 8192] = b"\xa5" * 8192
    windrow.path.write_bytes(data)
    done = windrow.run("doctor", "--deep", "--json")
    assert done.returncode in (1, 2), done.stdout
    if done.returncode == 1:
        report = json.loads(done.stdout)
        assert report["ok"] is False
        assert any(f["level"] == "error" and f["advice"] for f in report["findings"])
    else:
        assert "WR_ECORRUPT" in done.stdout


def test_a_file_that_is_no_store_is_refused(windrow):
    windrow.path.write_text("This is no database, and long enough to tell. " * 50)
    before = windrow.path.read_bytes()
    assert windrow.fails("stats")
    assert windrow.fails("ingest", "-")
    assert windrow.path.read_bytes() == before


def test_migrate_tells_the_version(windrow):
    windrow("init")
    version = windrow.object("migrate")["version"]
    assert version >= 1
    assert windrow("migrate") == f"schema version {version}\n"
