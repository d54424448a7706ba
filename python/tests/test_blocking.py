"""The blocking store."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from support import PATIENCE, pages, vectors

import windrow


def test_it_does_what_its_twin_does(url):
    with windrow.open_sync(url, embeddings=vectors) as store:
        assert store.save(pages(300)).inserted == 300
        assert store.save(pages(1), policy="skip").skips == {0: "stored"}
        assert store.known(["https://example.org/1", "https://x/"]) == [True, False]
        assert store.filter_new(["https://x/", "https://example.org/1"]) == [
            "https://x/"
        ]
        assert store.known_details(["https://example.org/1"])[0].has_embedding
        doc = store.get("https://example.org/2", embedding=True)
        assert list(doc.embedding) == vectors([doc.content])[0]
        assert store.get(["https://x/"]) == [None]
        assert store.search("number7", mode="text")[0].url == "https://example.org/7"
        assert sum(1 for _ in store.export(page=90)) == 300
        assert store.delete(["https://example.org/2"]) == 1
        assert store.prune(timedelta(days=1)) == 0
        assert store.embed_pending() == (0, 0)
        assert store.stats()["documents"] == 299
        assert all(f.what for f in store.check())
        assert store.migrate() >= 1
        assert store.index() == 0
        assert store.progress() == {}
        assert store.dim == 3
        assert "windrow_" in store.metrics
        bad = store.save([{"url": "https://b/", "content": "x", "embedding": [1, "y"]}])
        assert bad.failed == 1
    with pytest.raises(windrow.ClosedError):
        store.stats()
    store.close()


def test_many_threads_share_one_store(url):
    with windrow.open_sync(url) as store, ThreadPoolExecutor(8) as threads:
        done = threads.map(lambda i: store.save(pages(20, start=20 * i)), range(40))
        assert sum(report.inserted for report in done) == 800
        assert store.stats(exact=True)["documents"] == 800


def test_it_waits_while_the_store_is_full(url):
    with (
        windrow.open_sync(url, max_records=50, max_bytes=100_000) as store,
        ThreadPoolExecutor(6) as threads,
    ):
        done = threads.map(
            lambda i: store.save(pages(40, start=40 * i, size=2000)), range(24)
        )
        assert sum(report.inserted for report in done) == 960


def test_a_coroutine_embeds_on_a_thread_of_its_own(url):
    threads = set()

    async def embed(texts):
        threads.add(threading.current_thread().name)
        await asyncio.sleep(0)
        return vectors(texts)

    with windrow.open_sync(url, embeddings=embed, dim=3) as store:
        assert store.save(pages(100)).embedded == 100
        assert store.search("page number3 bread", mode="vector")
    assert threads == {"windrow-embed-loop"}


def test_both_faces_show_one_store(url):
    async def main(store):
        assert (await store.save(pages(5))).inserted == 5
        return await store.search("bread", mode="vector")

    with windrow.open_sync(url, embeddings=vectors) as store:
        assert len(asyncio.run(main(store.asyncio))) == 5
        assert len(asyncio.run(main_again(store.asyncio))) == 5
        assert store.stats()["documents"] == 5


async def main_again(store):
    assert (await store.save(pages(5))).unchanged == 5
    blocking = store.blocking
    return await asyncio.to_thread(blocking.get, [p["url"] for p in pages(5)])


def test_an_interrupt_ends_the_wait(url):
    release = threading.Event()
    asked = threading.Event()

    def embed(texts):
        asked.set()
        release.wait(PATIENCE)
        return vectors(texts)

    def interrupt():
        asked.wait(PATIENCE)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with windrow.open_sync(url, embeddings=embed, dim=3) as store:
        helper = threading.Thread(target=interrupt)
        helper.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            store.save(pages(1))
        assert time.monotonic() - began < PATIENCE / 2
        helper.join()
        release.set()
        assert store.save(pages(1, start=5)).inserted == 1


def test_an_unclosed_store_is_warned_of_and_freed(url):
    store = windrow.open_sync(url, embeddings=vectors)
    store.save(pages(1))
    with pytest.warns(ResourceWarning, match="not closed"):
        del store
    with windrow.open_sync(url, embeddings=vectors) as store:
        assert store.stats()["documents"] == 1
