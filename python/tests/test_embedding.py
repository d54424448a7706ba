"""Everything that embeds, and everything that can go wrong with it."""

from __future__ import annotations

import asyncio
import threading
import time
from array import array
from concurrent.futures import Future

import numpy
import pytest
from support import PATIENCE, pages, vectors

import windrow


class LangChainLike:
    """As langchain_core.embeddings.Embeddings, with a native coroutine."""

    model = "like-langchain"

    def __init__(self):
        self.calls = []

    def embed_documents(self, texts):
        self.calls.append("documents")
        return vectors(texts)

    def embed_query(self, text):
        self.calls.append("query")
        return vectors([text])[0]

    async def aembed_documents(self, texts):
        self.calls.append("adocuments")
        return vectors(texts)

    async def aembed_query(self, text):
        self.calls.append("aquery")
        return vectors([text])[0]


class OnlyAsync:
    async def aembed_documents(self, texts):
        return vectors(texts)


class CallableObject:
    model_name = "callable"

    async def __call__(self, texts):
        return vectors(texts)


async def coroutine(texts):
    await asyncio.sleep(0)
    return vectors(texts)


@pytest.mark.parametrize(
    ("embeddings", "model"),
    [
        (LangChainLike(), "like-langchain"),
        (OnlyAsync(), f"{__name__}.OnlyAsync"),
        (CallableObject(), "callable"),
        (coroutine, f"{__name__}.coroutine"),
        (vectors, "support.vectors"),
        (lambda texts: coroutine(texts), f"{__name__}.<lambda>"),
    ],
)
def test_whatever_embeds_is_taken(run, url, embeddings, model):
    async def main():
        async with windrow.open(url, embeddings=embeddings) as store:
            assert store.dim == 3
            assert (await store.save(pages(150))).embedded == 150
            stats = await store.stats()
            assert stats["model"] == model
            assert stats["documents_pending"] == 0
            assert await store.search("page number1", mode="vector")
            assert (await store.save(pages(150))).embedded == 0

    run(main())


def test_coroutines_come_first_where_the_store_is_asyncios(run, url):
    one, two = LangChainLike(), LangChainLike()

    async def main():
        async with windrow.open(url, embeddings=one, dim=3) as store:
            await store.save(pages(1))
            await store.search("bread")
            await store.search("bread", mode="text")

    run(main())
    with windrow.open_sync(url, embeddings=two, dim=3) as store:
        store.save(pages(2))
        store.search("bread")
    assert one.calls == ["adocuments", "aquery"]
    assert two.calls == ["documents", "query"]


@pytest.mark.parametrize(
    "shape",
    [
        lambda v: v,
        lambda v: tuple(tuple(x) for x in v),
        lambda v: numpy.array(v, dtype=numpy.float32),
        lambda v: numpy.array(v, dtype=numpy.float64),
        lambda v: numpy.array(v, dtype=numpy.float16),
        lambda v: numpy.array(v, dtype=numpy.int64),
        lambda v: numpy.asfortranarray(numpy.array(v, dtype=numpy.float32)),
        lambda v: numpy.array(v, dtype=">f4"),
        lambda v: [array("f", x) for x in v],
        lambda v: [array("d", x) for x in v],
        lambda v: [numpy.array(x, dtype=numpy.float32)[::1] for x in v],
        lambda v: [numpy.repeat(numpy.array(x, "f"), 2)[::2] for x in v],
        lambda v: (x for x in v),
    ],
)
def test_vectors_of_all_kinds_are_taken(url, shape):
    with windrow.open_sync(url, embeddings=lambda t: shape(vectors(t))) as store:
        assert store.save(pages(5)).embedded == 5
        doc = store.get("https://example.org/3", embedding=True)
        assert list(doc.embedding) == vectors([doc.content])[0]
        assert numpy.asarray(doc.embedding).dtype == numpy.float32
    with windrow.open_sync(url.replace("store", "own"), model="m", dim=3) as store:
        for i, vector in enumerate(shape(vectors(["a", "bb"]))):
            record = {"url": f"https://e/{i}", "content": "x", "embedding": vector}
            assert store.save([record]).inserted == 1
        doc = store.get("https://e/1", embedding=True)
        assert list(doc.embedding) == vectors(["bb"])[0]


def failing(error):
    def embed(texts):
        raise error

    return embed


class TooMany(Exception):
    status_code = 429
    retry_after = 0.01


@pytest.mark.parametrize(
    "embed",
    [
        failing(RuntimeError("no model")),
        failing(ValueError("\ud800")),
        failing(SystemExit(3)),
        failing(PermissionError("no key")),
        lambda texts: vectors(texts)[:-1],
        lambda texts: [v[:2] for v in vectors(texts)],
        lambda texts: [[1.0, 2.0, float("nan")] for _ in texts],
        lambda texts: [[0.0, 0.0, 0.0] for _ in texts],
        lambda texts: [[1.0, 2.0, 1e300] for _ in texts],
        lambda texts: None,
        lambda texts: "abc",
        lambda texts: [["a", "b", "c"] for _ in texts],
        lambda texts: [*vectors(texts)[1:], [1.0]],
        lambda texts: [],
        lambda texts: [[] for _ in texts],
        lambda texts: numpy.zeros((len(texts), 3, 3), "f"),
    ],
)
@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_pages_are_stored_and_wait_where_embedding_fails(url, embed, kind):
    async def soon(texts):
        return embed(texts)

    if kind == "coroutine" and embed.__name__ == "embed":
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            embed([])
        if isinstance(caught.value, SystemExit):
            pytest.skip("it ends the loop, as it should")

    async def main():
        chosen = embed if kind == "function" else soon
        options = {"model": "m", "dim": 3, "op_timeout": 2}
        async with windrow.open(url, embeddings=chosen, **options) as store:
            report = await store.save(pages(3))
            assert (report.inserted, report.embedded) == (3, 0), report
            assert (await store.stats())["documents_pending"] == 3
        async with windrow.open(url, embeddings=vectors, model="m") as store:
            assert await store.embed_pending() == (3, 0)

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_what_passes_is_tried_again(url):
    calls = []

    def embed(texts):
        calls.append(len(texts))
        if len(calls) < 3:
            raise [TooMany("slow down"), ConnectionError("gone")][len(calls) - 1]
        return vectors(texts)

    with windrow.open_sync(url, embeddings=embed, dim=3) as store:
        assert store.save(pages(3)).embedded == 3
    assert calls == [3, 3, 3]


def test_one_text_that_cannot_be_embedded_costs_only_itself(url):
    def embed(texts):
        for text in texts:
            if "number5 " in text:
                raise UnicodeError("this one")
        return vectors(texts)

    with windrow.open_sync(url, embeddings=embed, dim=3) as store:
        report = store.save(pages(20))
        assert (report.inserted, report.embedded) == (20, 19)


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_hang_costs_the_embedding_alone(url, kind):
    release = threading.Event()
    cancelled = []

    def hang(texts):
        release.wait(PATIENCE)
        return vectors(texts)

    async def hang_soon(texts):
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            cancelled.append(len(texts))
            raise

    async def main():
        options = {"dim": 3, "embed_timeout": 0.2, "op_timeout": 1.5}
        embed = hang if kind == "function" else hang_soon
        async with windrow.open(url, embeddings=embed, **options) as store:
            began = time.monotonic()
            report = await store.save(pages(2))
            assert (report.inserted, report.embedded) == (2, 0)
            assert time.monotonic() - began < PATIENCE / 2
            # A search that may choose goes on without its vector.
            assert await store.search("bread")
            release.set()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert kind == "function" or cancelled


def test_batches_workers_and_calls_at_a_time_are_as_asked(url):
    lock, now, most, sizes = threading.Lock(), [0], [0], []
    both = threading.Barrier(2)

    def embed(texts):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            sizes.append(len(texts))
            first = len(sizes) <= 2
        if first:
            both.wait(PATIENCE)
        with lock:
            now[0] -= 1
        return vectors(texts)

    with windrow.open_sync(
        url, embeddings=embed, dim=3, embed_workers=2, embed_batch=10, embed_inflight=3
    ) as store:
        assert store.save(pages(100)).embedded == 100
    assert most[0] == 2
    assert max(sizes) == 10


def test_a_query_that_is_not_embedded_fails_only_where_it_must(run, url):
    class NoQuery(LangChainLike):
        async def aembed_query(self, text):
            raise RuntimeError("no query")

    async def main():
        async with windrow.open(url, embeddings=NoQuery()) as store:
            await store.save(pages(3))
            assert await store.search("bread")
            with pytest.raises(windrow.RemoteError, match="no query"):
                await store.search("bread", mode="vector")

    run(main())


def test_an_answer_after_the_stores_end_is_dropped(url):
    asked, release, late = threading.Event(), threading.Event(), Future()

    def embed(texts):
        asked.set()
        release.wait(PATIENCE)
        late.set_result(None)
        return vectors(texts)

    store = windrow.open_sync(url, embeddings=embed, dim=3)
    saver = threading.Thread(target=lambda: store.save(pages(1)), daemon=True)

    def save():
        with pytest.raises(windrow.Error):
            store.save(pages(1))

    saver = threading.Thread(target=save)
    saver.start()
    assert asked.wait(PATIENCE)
    store.close(drain=False)
    saver.join(PATIENCE)
    release.set()
    late.result(PATIENCE)
