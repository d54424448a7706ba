"""GPT Researcher itself, without a model of language: real pages of a local
site, scraped through a store, found again, and put into a vector store."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE, vectors

import windrow
from windrow.gpt_researcher import (
    close_all,
    install,
    retriever,
    uninstall,
    vector_store,
)

# It and what it imports warn of all sorts of things.
pytestmark = pytest.mark.filterwarnings("ignore")

FOLDERS = (
    Path("/usr/share/doc/postgresql-doc-15/html"),
    Path("/usr/share/doc/python3-doc/html"),
)
PAGES = 12

PICTURES = b"""<html><head><title>Pictures</title></head><body>
<p>%s</p><img class="hero" src="/large.png" width="2000" height="1500">
</body></html>""" % (b"A page about pictures of bread and of ovens. " * 8)


class Site:
    """A web site, and how often each of its pages was asked for."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: Counter[str] = Counter()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked[self.path] += 1
                body = site.pages.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body or b"gone")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        self.urls = [self.root + path for path in pages]

    @property
    def requests(self) -> int:
        return self.asked.total()


@pytest.fixture
def site() -> Iterator[Site]:
    folder = next((f for f in FOLDERS if f.is_dir()), None)
    if folder is None:
        pytest.skip("no real pages: install postgresql-doc-15")
    files = [p for p in sorted(folder.glob("*.html")) if p.stat().st_size > 8000]
    files = files[:: len(files) // PAGES][:PAGES]
    site = Site({f"/{path.name}": path.read_bytes() for path in files})
    thread = threading.Thread(target=site.server.serve_forever, args=(0.05,))
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def research(monkeypatch):
    """Makes researchers; none of them gets to ask a model anything."""
    pytest.importorskip("gpt_researcher", exc_type=ImportError)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("RETRIEVER", "windrow")

    def make(query: str = "How are queries planned?", **more: Any) -> Any:
        from gpt_researcher import GPTResearcher

        return GPTResearcher(query=query, verbose=False, **more)

    yield make
    uninstall()
    close_all()


@pytest.fixture
def at(place):
    return {"db_url": place.pop("url"), **place}


def contents(pages):
    return {page["url"]: page["raw_content"] for page in pages}


def test_pages_are_scraped_once(site, research, at):
    async def main():
        first = await research().scraper_manager.browse_urls(site.urls)
        assert len(first) == len(site.urls) == site.requests
        await installed.aflush()
        again = research()
        second = await again.scraper_manager.browse_urls(site.urls[::-1])
        assert site.requests == len(site.urls)
        assert [page["url"] for page in second] == site.urls[::-1]
        assert contents(second) == contents(first)
        for page, other in zip(first, second[::-1], strict=True):
            assert page["title"] == other["title"]
            assert page.keys() == other.keys()
            assert page["image_urls"] == other["image_urls"]
        assert contents(again.research_sources) == contents(first)

    with install(**at, embeddings="hash") as installed:
        asyncio.run(main())
        assert (installed.scraped, installed.from_store) == (PAGES, PAGES)
    with windrow.open_sync(at.pop("db_url"), **at) as store:
        stats = store.stats()
        assert stats["documents_with_embedding"] == PAGES


def test_what_is_known_and_what_is_new_come_together_in_order(site, research, at):
    async def main():
        browse = research().scraper_manager.browse_urls
        await browse(site.urls[3:6])
        await installed.aflush()
        site.asked.clear()
        missing = site.root + "/none.html"
        pages = await browse([missing, *site.urls[:8], site.urls[4]])
        assert [page["url"] for page in pages] == site.urls[:8]
        assert site.requests == 6
        return pages

    with install(**at) as installed:
        assert all(len(page["raw_content"]) > 1000 for page in asyncio.run(main()))


def test_what_is_too_old_is_scraped_anew(site, research, url):
    async def main():
        browse = research().scraper_manager.browse_urls
        await browse(site.urls)
        await installed.aflush()
        await asyncio.sleep(1.1)
        site.pages["/" + site.urls[0].rpartition("/")[2]] = PICTURES
        pages = await browse(site.urls)
        assert site.requests == 2 * PAGES
        assert "pictures of bread" in pages[0]["raw_content"]
        # Those that had not changed are no older now than the one that had.
        await installed.aflush()
        await browse(site.urls)
        assert site.requests == 2 * PAGES

    with install(url, max_age=timedelta(seconds=1)) as installed:
        asyncio.run(main())


def test_pictures_come_back_with_their_page(site, research, at):
    site.pages["/pictures.html"] = PICTURES
    page = site.root + "/pictures.html"

    async def main():
        first, second = research(), research()
        scraped = await first.scraper_manager.browse_urls([page])
        assert scraped[0]["image_urls"]
        await installed.aflush()
        assert await second.scraper_manager.browse_urls([page]) == scraped
        assert first.get_research_images() == second.get_research_images() != []

    with install(**at) as installed:
        asyncio.run(main())
    assert site.requests == 1


def test_a_store_that_is_not_there_stops_no_research(site, research, caplog):
    nobody = "postgresql://nobody@127.0.0.1:9/none"

    async def main():
        return await research().scraper_manager.browse_urls(site.urls[:3])

    options = {"op_timeout": 1, "connect_timeout": 1}
    with install(nobody, **options, patience=1) as installed:
        assert len(asyncio.run(main())) == 3
        assert installed.flush(PATIENCE)
    assert "the store failed" in caplog.text
    assert "3 pages were not saved" in caplog.text


def test_a_program_that_ends_at_once_loses_no_page(site, research, url):
    async def main():
        install(url)
        await research().scraper_manager.browse_urls(site.urls)

    asyncio.run(main())
    close_all()
    with windrow.open_sync(url) as store:
        assert store.known(site.urls) == [True] * PAGES


def test_it_can_be_taken_away_and_put_elsewhere(site, research, url):
    from gpt_researcher.skills import browser

    before = browser.scrape_urls
    first = install(url)
    second = install(url + "2")
    assert browser.scrape_urls is not before
    first.uninstall()

    async def main():
        await research().scraper_manager.browse_urls(site.urls[:2])

    asyncio.run(main())
    assert (first.scraped, second.scraped) == (0, 2)
    second.uninstall()
    second.uninstall()
    assert browser.scrape_urls is before
    asyncio.run(main())
    assert second.scraped == 2


def test_research_goes_by_what_is_stored(site, research, at):
    async def main():
        await research().scraper_manager.browse_urls(site.urls)
        await installed.aflush()
        site.asked.clear()
        researcher = research()
        (kind,) = researcher.retrievers
        assert kind.__name__ == "WindrowRetriever"
        found = kind("query planner", query_domains=[]).search(max_results=5)
        assert found
        assert all(len(hit["body"]) <= 100 for hit in found)
        pages = await researcher.research_conductor._scrape_data_by_urls(
            "query planner", []
        )
        assert {page["url"] for page in pages} == {hit["href"] for hit in found}
        assert all(len(page["raw_content"]) > 1000 for page in pages)
        assert site.requests == 0
        other = kind("query planner", query_domains=["example.org"])
        assert other.search() == []
        same = kind("query planner", query_domains=["127.0.0.1"])
        assert len(same.search(max_results=2)) == 2

    with install(**at, embeddings="hash") as installed:
        asyncio.run(main())


def test_a_retriever_gives_whole_pages_by_itself(site, research, at):
    page = {"url": "https://example.org/bread", "title": "Bread"}
    page["raw_content"] = "How bread is baked in an oven of stone. " * 10
    options = {name: value for name, value in at.items() if name != "db_url"}
    with windrow.open_sync(at["db_url"], urls="as-given", **options) as store:
        store.save([page])

    async def main():
        researcher = research()
        researcher.retrievers = [retriever(**at)]
        pages = await researcher.research_conductor._scrape_data_by_urls("bread", [])
        return [(page["url"], page["raw_content"]) for page in pages]

    with install(**at):
        assert asyncio.run(main()) == [(page["url"], page["raw_content"])]


def test_chunks_of_pages_are_stored_once_and_found(site, research, at):
    chunks = vector_store(**at, embeddings="hash")

    async def main():
        for _ in range(2):
            researcher = research(vector_store=chunks)
            assert researcher.vector_store is not None
            pages = await researcher.scraper_manager.browse_urls(site.urls)
            researcher.vector_store.load(pages)
            context = await (
                researcher.context_manager.get_similar_content_by_query_with_vectorstore
            )(first_words(pages[5]), None)
            assert site.urls[5] in context
            wanted = {"source": site.urls[7]}
            found = await chunks.asimilarity_search("the", k=50, filter=wanted)
            assert found
            assert {doc.metadata["source"] for doc in found} == {site.urls[7]}
            counts.append(chunks.store.stats()["documents"])

    counts: list[int] = []
    asyncio.run(main())
    assert counts[0] == counts[1] > PAGES


def first_words(page):
    return " ".join(page["raw_content"].split()[:40])


def test_a_vector_store_over_pages_finds_pages(site, research, at):
    async def main():
        await research().scraper_manager.browse_urls(site.urls)
        await installed.aflush()
        researcher = research(
            first_words({"raw_content": "The query planner chooses"}),
            vector_store=vector_store(**at, embeddings="hash"),
            report_source="langchain_vectorstore",
        )
        found = await researcher.vector_store.asimilarity_search("planner", 3, None)
        assert len(found) == 3
        assert {doc.metadata["source"] for doc in found} <= set(site.urls)
        assert all(doc.metadata["title"] for doc in found)

    with install(**at, embeddings="hash") as installed:
        asyncio.run(main())


def test_chunks_can_be_added_without_a_loop_and_deleted(research, at):
    from langchain_core.documents import Document

    chunks = vector_store(**at, embeddings="hash")
    docs = [
        Document(page_content=f"about {word}", metadata={"source": word})
        for word in ("bread", "ovens", "stone")
    ]
    ids = chunks.add_documents(docs)
    assert ids == chunks.add_documents(docs)
    found = chunks.similarity_search("bread", k=1)
    assert found[0].page_content == "about bread"
    assert found[0].metadata["source"] == "bread"
    assert chunks.delete(ids[:1])
    assert len(asyncio.run(chunks.asimilarity_search("about", k=9))) == 2


def test_a_loop_does_not_wait_for_chunks_to_be_embedded(research, url):
    from langchain_core.documents import Document

    def embed(texts):
        time.sleep(0.5)
        return vectors(texts)

    docs = [
        Document(page_content=f"chunk {i}", metadata={"source": f"https://x/{i}"})
        for i in range(10)
    ]

    async def main():
        chunks = vector_store(url, embed, dim=3)
        before = time.monotonic()
        ids = chunks.add_documents(docs)
        assert time.monotonic() - before < 0.25
        found = await chunks.asimilarity_search("chunk", k=20)
        assert sorted(doc.id for doc in found) == sorted(ids)

    asyncio.run(main())


def test_the_example_does_what_it_says(site, tmp_path):
    pytest.importorskip("gpt_researcher", exc_type=ImportError)
    example = Path(__file__).parents[2] / "examples" / "scrape_once.py"
    done = subprocess.run(
        [sys.executable, str(example), *site.urls],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        env={**os.environ, "PYTHONPATH": str(Path(windrow.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "pages," in line]
    assert lines[0].endswith(f"scraped {PAGES}, from the store 0")
    assert lines[1].endswith(f"scraped {PAGES}, from the store {PAGES}")
    assert site.requests == PAGES
