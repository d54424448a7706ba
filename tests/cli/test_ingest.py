"""Pages in: inputs, reports, failures, rejects."""

import gzip
import json
import resource
import sqlite3
import subprocess

import pytest

from conftest import page

KEYS = [
    "inserted",
    "updated",
    "unchanged",
    "skipped",
    "failed",
    "embedded",
    "seconds",
]


def counts(report):
    """The counts that are not zero."""
    return {k: v for k, v in report.items() if v and k not in ("seconds", "embedded")}


def test_the_report_has_exactly_its_keys(windrow):
    report = windrow.ingest([page(1), page(2)])
    assert list(report) == KEYS
    assert counts(report) == {"inserted": 2}
    assert report["embedded"] == 2
    assert report["seconds"] >= 0


def test_the_same_again_is_unchanged_and_not_embedded(windrow):
    pages = [page(i) for i in range(500)]
    assert counts(windrow.ingest(pages)) == {"inserted": 500}
    again = windrow.ingest(pages)
    assert counts(again) == {"unchanged": 500}
    assert again["embedded"] == 0


def test_what_changed_is_updated(windrow):
    windrow.ingest([page(1), page(2), page(3)])
    report = windrow.ingest([page(1), page(2, "New words."), page(3, title="New")])
    assert counts(report) == {"updated": 2, "unchanged": 1}
    assert report["embedded"] == 1
    assert windrow.stored()["https://example.org/2"]["raw_content"] == "New words."


def test_policies(windrow):
    windrow.ingest([page(1)])
    more = [page(1, "Other words."), page(2)]
    assert counts(windrow.ingest(more, "--policy", "skip")) == {
        "inserted": 1,
        "skipped": 1,
    }
    report = windrow.ingest([page(1, "Other."), page(3)], "--policy=fail", status=1)
    assert counts(report) == {"inserted": 1, "failed": 1}
    assert counts(windrow.ingest(more, "--policy", "update")) == {
        "updated": 1,
        "unchanged": 1,
    }


def test_compressed_files_are_read_as_such(windrow):
    plain = windrow.write("a.jsonl", [page(1)])
    lines = (json.dumps(page(2)) + "\n").encode()
    (windrow.folder / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    windrow.write("c.jsonl", [page(3)])
    subprocess.run(["zstd", "-q", "c.jsonl"], cwd=windrow.folder, check=True)
    report = windrow.object("ingest", plain, "b.jsonl.gz", "c.jsonl.zst")
    assert counts(report) == {"inserted": 3}


def test_compressed_standard_input_is_read_too(windrow):
    lines = (json.dumps(page(2)) + "\n").encode()
    report = windrow.object("ingest", "-", input=gzip.compress(lines))
    assert counts(report) == {"inserted": 1}


def test_a_truncated_file_gives_what_it_holds_and_status_1(windrow):
    lines = "".join(json.dumps(page(i)) + "\n" for i in range(2000)).encode()
    packed = gzip.compress(lines)
    (windrow.folder / "a.gz").write_bytes(packed[: len(packed) // 2])
    done = windrow.run("ingest", "--json", "a.gz")
    assert done.returncode == 1, done.stderr
    assert "a.gz was not read to its end" in done.stderr
    report = json.loads(done.stdout)
    assert 0 < report["inserted"] < 2000


def test_a_folder_of_html(windrow):
    site = windrow.folder / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text(
        "<html><head><title>Home &amp; garden</title><script>var x = 1</script>"
        "<style>p {}</style></head><body><nav>Menu</nav><p>Gr&uuml;&szlig;e</p></body>"
    )
    (site / "sub" / "two.htm").write_bytes(
        b"<meta charset=iso-8859-1><title>Two</title><p>caf\xe9</p>"
    )
    (site / "style.css").write_text("p {}")
    report = windrow.object("ingest", "--base-url", "https://e.org/docs/", site)
    assert counts(report) == {"inserted": 2}
    stored = windrow.stored()
    home = stored["https://e.org/docs/index.html"]
    assert home["title"] == "Home & garden"
    assert home["raw_content"].strip() == "Grüße"
    assert "café" in stored["https://e.org/docs/sub/two.htm"]["raw_content"]


def test_a_folder_without_its_address_is_refused_before_anything_happens(windrow):
    assert "--base-url" in windrow.fails("ingest", windrow.folder)
    assert not windrow.path.exists()


def test_a_missing_input_is_refused_before_anything_happens(windrow):
    good = windrow.write("a.jsonl", [page(1)])
    assert "nowhere.jsonl" in windrow.fails("ingest", good, "nowhere.jsonl")
    assert not windrow.path.exists()
    assert "only once" in windrow.fails("ingest", "-", "-")


def test_the_format_can_be_told(windrow):
    path = windrow.write("pages.txt", [page(1)])
    assert counts(windrow.object("ingest", "--format", "jsonl", path)) == {
        "inserted": 1
    }


def test_bad_records_are_named_and_their_neighbours_stored(windrow):
    text = "\n".join(
        [
            json.dumps(page(1)),
            "this is not JSON",
            '{"title": "no address", "raw_content": "x"}',
            json.dumps(page(2, metadata=[1])),
            json.dumps(page("x" * 3000)),
            json.dumps({"url": "", "raw_content": "x"}),
            "",
            json.dumps(page(3)),
        ]
    )
    done = windrow.run("ingest", "--json", "-", input=text)
    assert done.returncode == 1
    assert counts(json.loads(done.stdout)) == {"inserted": 2, "failed": 5}
    failed = [s for s in done.stderr.splitlines() if s.startswith("windrow: failed:")]
    assert len(failed) == 5
    assert "standard input, line 2: " in done.stderr
    assert "example.org/xxx" in done.stderr
    assert set(windrow.stored()) == {"https://example.org/1", "https://example.org/3"}


def test_many_failures_are_counted(windrow):
    done = windrow.run("ingest", "-", input="x\n" * 50)
    assert done.returncode == 1
    assert done.stderr.count("windrow: failed:") == 20
    assert "30 more failed" in done.stderr


def test_rejects_can_be_taken_in_again(windrow):
    fetched = "2024-05-01T12:00:00.25Z"
    vector = [round(0.1 * i, 3) for i in range(1, 385)]
    first = page(1, "Stored already.")
    again = page(
        1, "Said \"so\",\n\u2028\x07 more.", metadata={"k": [1, "é"]},
        fetched_at=fetched, embedding=vector,
    )
    windrow.ingest([first])
    path = windrow.write("more.jsonl", [again, page(2)])
    with open(path, "a") as f:
        f.write("{broken\n")
    done = windrow.run("ingest", "--policy", "fail", "--rejects", "r.jsonl", path)
    assert done.returncode == 1
    assert "windrow: failed:" not in done.stderr
    assert "r.jsonl" in done.stderr
    lines = (windrow.folder / "r.jsonl").read_text().splitlines()
    rejects = sorted(map(json.loads, lines), key=lambda r: "line" in r)
    assert len(rejects) == 2
    record, line = rejects
    assert record["url"] == again["url"] and record["status"] == "WR_EEXIST"
    assert record["reason"] and record["metadata"] == {"k": [1, "é"]}
    assert line["line"] == "{broken" and line["position"].endswith("line 3")
    assert line["status"] == "WR_EDATA" and line["reason"]

    windrow("delete", again["url"])
    report = windrow.object("ingest", "r.jsonl", status=1)
    assert counts(report) == {"inserted": 1, "failed": 1}
    (got,) = windrow.objects("get", "--vectors", again["url"])
    assert got["raw_content"] == again["raw_content"]
    assert got["metadata"] == again["metadata"]
    assert got["fetched_at"].startswith("2024-05-01T12:00:00.25")
    assert got["embedding"] == pytest.approx(vector, rel=1e-6)


def test_rejects_are_empty_where_nothing_failed(windrow):
    path = windrow.write("a.jsonl", [page(1)])
    windrow("ingest", "--rejects", "r.jsonl", path)
    assert (windrow.folder / "r.jsonl").read_text() == ""


def test_rejects_never_overwrite_an_input(windrow):
    path = windrow.write("a.jsonl", [page(1)])
    assert "is an input" in windrow.fails("ingest", "--rejects", path, path)
    assert path.read_text()


def test_rejects_that_cannot_be_written_are_an_error(windrow):
    done = windrow.run("ingest", "--rejects", "/dev/full", "-", input="x\n")
    assert done.returncode == 2
    assert "/dev/full" in done.stderr
    assert "no/such" in windrow.fails("ingest", "--rejects", "no/such", "-")


def test_ack_prints_each_url_as_it_was_given(windrow):
    windrow.ingest([page(1)])
    given = ["HTTPS://Example.org:443/1", "https://example.org/a#b", "https://x.org"]
    text = "".join(json.dumps({"url": u, "raw_content": "x"}) + "\n" for u in given)
    text += '{"url": "", "raw_content": "fails"}\n'
    done = windrow.run("ingest", "--ack", "-", input=text)
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == sorted(given)
    assert set(windrow.stored()) == {
        "https://example.org/1",
        "https://example.org/a",
        "https://x.org/",
    }


def test_with_ack_and_json_the_report_comes_last(windrow):
    lines = windrow("ingest", "--ack", "--json", "-", input=json.dumps(page(1)))
    url, report = lines.splitlines()
    assert url == page(1)["url"]
    assert list(json.loads(report)) == KEYS


def test_quiet_says_nothing_and_else_a_summary_is_said(windrow):
    path = windrow.write("a.jsonl", [page(i) for i in range(3)])
    done = windrow.run("ingest", path)
    assert done.stdout == ""
    assert done.stderr.startswith("3 pages in ")
    assert "3 new" in done.stderr
    done = windrow.run("ingest", "--quiet", path)
    assert done.stdout == done.stderr == ""


def test_no_input_is_no_failure(windrow):
    assert counts(windrow.ingest([])) == {}


def test_content_over_the_limit_fails_alone(windrow):
    pages = [page(1), page(2, "x" * 5000)]
    report = windrow.ingest(pages, "--max-content", "1K", status=1)
    assert counts(report) == {"inserted": 1, "failed": 1}


def test_pages_without_an_embedder_wait_and_embed_catches_up(windrow):
    windrow("init")
    report = windrow.ingest([page(i) for i in range(1200)], "--embedder", "none")
    assert counts(report) == {"inserted": 1200} and report["embedded"] == 0
    first = windrow.object("embed", "--pending", "--limit", 700)
    assert (first["embedded"], first["remaining"]) == (700, 500)
    second = windrow.object("embed", "--pending")
    assert (second["embedded"], second["remaining"]) == (500, 0)
    assert list(second) == ["embedded", "remaining", "seconds"]
    assert windrow.object("embed", "--pending")["embedded"] == 0
    assert "embedded 0 pages, 0 wait still" in windrow("embed", "--pending")


def test_a_store_is_made_with_what_was_asked_for(windrow):
    windrow.ingest([page(1)], "--dim", "64", "--no-fulltext")
    stats = windrow.object("stats")
    assert str(stats["dim"]) == "64"
    (got,) = windrow.objects("get", "--vectors", page(1)["url"])
    assert len(got["embedding"]) == 64
    assert windrow.fails("ingest", "--dim", "65", "-")
    assert counts(windrow.ingest([page(2)])) == {"inserted": 1}


def test_small_and_large_batches_do_the_same(windrow):
    pages = [page(i) for i in range(100)]
    assert counts(windrow.ingest(pages, "--batch", "1")) == {"inserted": 100}
    assert counts(windrow.ingest(pages, "--batch", "10000")) == {"unchanged": 100}


def test_a_key_twice_in_one_input_is_stored_once(windrow):
    report = windrow.ingest([page(1, "First."), page(1, "Last.")])
    assert sum(counts(report).values()) == 2
    assert windrow.stored()["https://example.org/1"]["raw_content"] == "Last."


def test_hostile_content_is_cleaned(windrow):
    record = b'{"url": "https://e.org/", "raw_content": "a\\u0000b\xff \\ud800c"}\n'
    assert counts(windrow.object("ingest", "-", input=record)) == {"inserted": 1}
    content = windrow.stored()["https://e.org/"]["raw_content"]
    assert "\0" not in content and content.startswith("ab")


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(windrow):
    windrow("init")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    process = windrow.popen(
        "ingest", "--ack", "--json", "--timeout", "1s", "-",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=limit,
    )
    text = "".join(json.dumps(page(i, f"{i} words " * 200)) + "\n" for i in range(5000))
    out, err = process.communicate(text.encode(), timeout=120)
    *urls, report = out.decode().splitlines()
    report = json.loads(report)
    assert process.returncode in (1, 2), err
    assert report["failed"] and report["inserted"] == len(urls)
    assert b"stopped reading, since the store fails" in err
    assert b"limit" in err
    assert windrow("known", input="\n".join(urls)) == ""
    # The cause is gone: work goes on.
    again = windrow.object("ingest", "-q", "-", input=text)
    assert again["inserted"] + again["unchanged"] == 5000


def test_a_locked_store_is_waited_for_and_then_given_up(windrow):
    windrow.ingest([page(1)])
    lock = sqlite3.connect(windrow.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    done = windrow.run("ingest", "--timeout", "1s", "-", input=json.dumps(page(2)))
    lock.close()
    assert done.returncode == 2
    assert "stopped reading, since the store fails" in done.stderr
    assert counts(windrow.ingest([page(2)])) == {"inserted": 1}
