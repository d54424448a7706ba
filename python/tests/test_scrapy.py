"""Crawls of real pages, from a local server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE

import windrow

pytest.importorskip("scrapy")

HERE = Path(__file__).parent
FOLDERS = (
    Path("/usr/share/doc/postgresql-doc-15/html"),
    Path("/usr/share/doc/python3-doc/html"),
)
PAGES = 1000


class Site:
    """A web server with pages, and one page that links to them all."""

    def __init__(self, pages: dict[str, Path | bytes]) -> None:
        self.pages = pages
        self.asked: Counter[str] = Counter()
        self.asked_for: dict[str, threading.Event] = {}
        links = "".join(f'<a href="{path}">{path}</a> ' for path in pages)
        self.index = f"<html><title>All</title><body>{links}</body></html>".encode()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body are two writes: nobody waits for their ACKs.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                site.asked[self.path] += 1
                body = site.body(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def body(self, path: str) -> bytes | None:
        if path == "/":
            return self.index
        page = self.pages.get(path)
        return page.read_bytes() if isinstance(page, Path) else page


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, Any]], Site]]:
    started: list[tuple[Site, threading.Thread]] = []

    def serve(pages: dict[str, Any]) -> Site:
        site = Site(pages)
        thread = threading.Thread(target=site.server.serve_forever, args=(0.05,))
        thread.start()
        started.append((site, thread))
        return site

    yield serve
    for site, thread in started:
        site.server.shutdown()
        thread.join()
        site.server.server_close()


def real_pages(n: int) -> dict[str, Any]:
    """As many of one manual as of the other, or all of the one that is there."""
    folders = [folder for folder in FOLDERS if folder.is_dir()]
    pages = {
        f"/{i}/{path.relative_to(folder)}": path
        for i, folder in enumerate(folders)
        for path in sorted(folder.rglob("*.html"))[: n // len(folders)]
    }
    if len(pages) < n:
        pytest.skip("no real pages: install postgresql-doc-15")
    return pages


def small_pages(n: int) -> dict[str, Any]:
    return {
        f"/pages/{i}.html": f"<title>{i}</title><body>page {i}</body>".encode()
        for i in range(1, n + 1)
    }


def settings_of(place: dict[str, Any], **more: Any) -> dict[str, Any]:
    options = {"fulltext": False, **{k: v for k, v in place.items() if k != "url"}}
    return {"WINDROW_URL": place["url"], "WINDROW_OPTIONS": options, **more}


def start_crawl(
    spider: str, site: Site, settings: dict[str, Any]
) -> subprocess.Popen[str]:
    path = [str(Path(windrow.__file__).parents[1]), str(HERE)]
    return subprocess.Popen(
        [sys.executable, HERE / "crawl.py", spider, site.url, json.dumps(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )


def end_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        out, log = process.communicate(timeout=4 * PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, log
    return {"log": log, **json.loads(out)}


def crawl(spider: str, site: Site, settings: dict[str, Any]) -> dict[str, Any]:
    return end_of(start_crawl(spider, site, settings))


def stored(place: dict[str, Any]) -> dict[str, windrow.Document]:
    with windrow.open_sync(**place) as store:
        return {document.url: document for document in store.export()}


def test_a_site_of_a_thousand_real_pages_is_stored_and_not_fetched_again(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    site = serve(real_pages(PAGES))
    settings = settings_of(place, WINDROW_MAX_AGE=3600)

    first = crawl("site", site, settings)
    assert first["windrow/inserted"] == PAGES + 1
    assert first["item_scraped_count"] == PAGES + 1
    pages = stored(place)
    assert set(pages) == {site.url, *(site.url + path[1:] for path in site.pages)}
    assert all(page.content for page in pages.values())
    assert sum(page.title is not None for page in pages.values()) > PAGES * 0.9

    site.asked.clear()
    again = crawl("site", site, settings)
    assert site.asked == {"/": 1}
    assert again["windrow/requests_skipped"] == PAGES
    assert again["windrow/unchanged"] == 1
    assert "windrow/inserted" not in again


@pytest.mark.parametrize("n", [1, 37])
def test_the_last_partial_batch_is_stored(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any], n: int
) -> None:
    # Far from a full transaction, which is waited for long.
    settings = settings_of(place)
    settings["WINDROW_OPTIONS"] |= {"write_batch": 10_000, "write_linger": 0.2}
    stats = crawl("site", serve(small_pages(n)), settings)
    assert stats["windrow/inserted"] == n + 1
    assert len(stored(place)) == n + 1


def test_what_was_scraped_when_a_crawl_is_interrupted_is_stored(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    site = serve(small_pages(500))
    site.index += b"".join(b'<a href="/none/%d">' % i for i in range(5000))
    process = start_crawl("site", site, settings_of(place, LOG_LEVEL="ERROR"))
    while site.asked.total() < 100 and process.poll() is None:
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGINT)
    stats = end_of(process)
    assert stats["finish_reason"] == "shutdown"
    assert stats["windrow/inserted"] == stats["item_scraped_count"]
    assert len(stored(place)) == stats["windrow/inserted"]


def test_an_item_comes_out_when_it_is_committed(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    pipelines = {"windrow.scrapy.WindrowPipeline": 300, "crawl.Seen": 301}
    settings = settings_of(place, ITEM_PIPELINES=pipelines)
    stats = crawl("site", serve(small_pages(20)), settings)
    assert stats["item_scraped_count"] == 21


def test_items_of_all_kinds_are_pages_by_their_fields(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    settings = settings_of(
        place,
        WINDROW_FIELDS={"url": "address", "content": "body"},
        WINDROW_METADATA=["language"],
    )
    stats = crawl("kinds", serve({}), settings)
    found = stored(place)
    contents = {url.rpartition("/")[2]: page.content for url, page in found.items()}
    assert contents == {
        "dataclass": "one",
        "item": "two",
        "dict": "three",
        "nul": "four \ufffd\ufffd\ufffd",
    }
    assert found["https://example.org/item"].metadata == {"language": "de"}
    assert found["https://example.org/dict"].metadata == {}
    assert stats["windrow/inserted"] == 4
    assert stats["windrow/failed"] == 2
    assert stats["windrow/ignored"] == 2
    # Pages that cannot be stored are errors of theirs, what is no page passes.
    assert stats["item_scraped_count"] == 6
    assert stats["log"].count("Error processing") == 2
    assert stats["log"].count("an item has a URL and no content") == 1


def test_pages_are_embedded_by_what_a_path_names(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    settings = settings_of(place, WINDROW_EMBEDDINGS="crawl.Embedder")
    stats = crawl("site", serve(small_pages(30)), settings)
    assert stats["windrow/embedded"] == 31
    with windrow.open_sync(**place) as store:
        details = store.known_details(list(stored(place)))
    assert [page.has_embedding for page in details] == [True] * 31


def test_pages_that_are_not_fresh_are_fetched_again(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    site = serve(small_pages(5))
    old = [
        {"url": f"{site.url}pages/{i}.html", "content": "old", "fetched_at": 1e9}
        for i in (1, 2)
    ]
    fresh = [{"url": f"{site.url}pages/{i}.html", "content": "new"} for i in (3, 4)]
    with windrow.open_sync(**place, fulltext=False) as store:
        assert store.save([*old, *fresh]).inserted == 4
    stats = crawl("site", site, settings_of(place, WINDROW_MAX_AGE=3600))
    asked = ("/", *(f"/pages/{i}.html" for i in (1, 2, 5)))
    assert site.asked == dict.fromkeys(asked, 1)
    assert stats["windrow/requests_looked_up"] == 5
    assert stats["windrow/requests_skipped"] == 2
    assert stats["windrow/updated"] == 2
    assert stats["windrow/inserted"] == 2

    # Without an age whatever is stored is not fetched; nor is, where that is
    # asked for, where the crawl starts.
    site.asked.clear()
    crawl("site", site, settings_of(place, WINDROW_SKIP_START=True))
    assert not site.asked


def test_a_callback_that_waits_holds_its_requests_back_no_longer_than_needed(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    stats = crawl("waits", serve(small_pages(2)), settings_of(place))
    assert stats["windrow/inserted"] == 3


def test_an_exception_of_a_callback_reaches_scrapy_behind_its_outputs(
    serve: Callable[[dict[str, Any]], Site], place: dict[str, Any]
) -> None:
    stats = crawl("fails", serve(small_pages(1)), settings_of(place))
    assert stats["windrow/inserted"] == 2
    assert stats["spider_exceptions/LookupError"] == 1


def test_the_example_of_the_manual_runs_twice(
    serve: Callable[[dict[str, Any]], Site], tmp_path: Path
) -> None:
    page = HERE.parents[1] / "docs" / "scrapy.md"
    example = page.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "spider.py").write_text(example)
    site = serve(small_pages(7))
    command = [sys.executable, "-m", "scrapy", "runspider", "spider.py"]
    for asked in (8, 9):
        subprocess.run(
            [*command, "-a", f"url={site.url}"],
            check=True,
            cwd=tmp_path,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": str(Path(windrow.__file__).parents[1])},
        )
        assert site.asked.total() == asked
    assert len(stored({"url": f"sqlite:///{tmp_path}/site.db"})) == 8


def test_a_crawl_without_a_store_does_not_begin(
    serve: Callable[[dict[str, Any]], Site],
) -> None:
    site = serve(small_pages(1))
    place = {"url": "postgresql://nobody@127.0.0.1:1/none", "op_timeout": 1}
    process = start_crawl("site", site, settings_of(place))
    _, log = process.communicate(timeout=PATIENCE)
    assert "UnavailableError" in log
    assert not site.asked


def test_without_an_address_it_is_disabled(
    serve: Callable[[dict[str, Any]], Site],
) -> None:
    stats = crawl("site", serve(small_pages(2)), {})
    assert stats["item_scraped_count"] == 3
    assert stats["log"].count("WINDROW_URL is not set") == 2
