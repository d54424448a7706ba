"""What is done a thousand times costs what it costs once."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading

import numpy
import pytest
from support import pages, vectors

import windrow
from windrow import _core


def cost_of(work, times=30, warm=5):
    """Blocks of memory, objects and descriptors that each turn leaves behind."""
    for _ in range(warm):
        work()
    gc.collect()
    before = (
        sys.getallocatedblocks(),
        len(gc.get_objects()),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
    )
    for _ in range(times):
        work()
    gc.collect()
    after = (
        sys.getallocatedblocks(),
        len(gc.get_objects()),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
    )
    left = [b - a for a, b in zip(before, after, strict=True)]
    print("blocks, objects, descriptors, threads left behind:", left)
    assert left[0] < 3 * times
    assert left[1] < times
    assert left[2] <= 0
    assert left[3] <= 0


def test_calls_leave_nothing_behind(url):
    bad = [
        {"url": "https://b.example/", "content": "x", "embedding": [1, "x"]},
        {"url": "https://b.example/\ud800", "content": "\ud800"},
        {"url": 5},
    ]
    vector = numpy.zeros(3, "f") + 1
    own = [{"url": "https://v.example/", "content": "x", "embedding": vector}] * 5

    def work():
        assert store.save(pages(20)).failed == 0
        assert store.save(bad).failed == 2
        assert store.save(own).failed == 0
        store.known([p["url"] for p in pages(50)])
        store.known_details([p["url"] for p in pages(5)])
        store.get([p["url"] for p in pages(30)], embedding=True)
        store.search("bread", vector=[1, 2, 3], filter={"metadata": {"a": 1}})
        for _ in store.export(embedding=True, page=7):
            pass
        store.stats()
        store.check()
        store.delete(["https://example.org/3"])
        for wrong in (
            lambda: store.search("x", filter={"no": 1}),
            lambda: store.search(vector="x"),
            lambda: store.search(vector=[1, None]),
            lambda: store.known([1]),
            lambda: store.save([], policy="no"),
            lambda: store.search(k=-1),
            lambda: store.search("x", k=1 << 70),
        ):
            with pytest.raises((TypeError, ValueError, OverflowError)):
                wrong()
        assert len(store.metrics) > 10

    with windrow.open_sync(url, embeddings=vectors, dim=3) as store:
        cost_of(work)


def test_stores_leave_nothing_behind(url):
    def work():
        with windrow.open_sync(url, embeddings=vectors, dim=3) as store:
            store.save(pages(3))
            store.search("bread")

    cost_of(work, times=20)


def test_loops_leave_nothing_behind(url):
    async def embed(texts):
        return vectors(texts)

    async def main():
        async with windrow.open(url, embeddings=embed, dim=3) as store:
            await store.save(pages(3))
            await store.search("bread")

    cost_of(lambda: asyncio.run(main()), times=20)


def test_a_store_through_many_loops_leaves_nothing_behind(url):
    store = windrow.open(url)
    cost_of(lambda: asyncio.run(store.save(pages(3))), times=30)
    asyncio.run(store.close())


def test_the_extension_refuses_what_is_wrong_and_leaves_nothing():
    queue = _core.Queue()
    store = _core.Store.open({"store": "mem:"}, queue, 1)
    assert queue.next(1, -1)[0][:3] == (1, _core.EV_OPEN, 0)
    row = ("https://a/", None, None, "x", None, None, None, None, None)

    def wrong():
        for call in (
            lambda: _core.Queue(1),
            lambda: _core.Queue(a=1),
            lambda: _core.Store(),
            lambda: _core.Reply(),
            lambda: _core.Store.open({"store": 5}, queue, 1),
            lambda: _core.Store.open({"store": "mem:\0"}, queue, 1),
            lambda: _core.Store.open({"store": "mem:", "no": 1}, queue, 1),
            lambda: _core.Store.open({"store": "mem:", 5: 1}, queue, 1),
            lambda: _core.Store.open({"store": "mem:", "dim": -1}, queue, 1),
            lambda: _core.Store.open({"store": "mem:", "dim": 1 << 32}, queue, 1),
            lambda: _core.Store.open({"store": "mem:", "dim": "1"}, queue, 1),
            lambda: _core.Store.open({"store": "mem:", "log_queue": 1}, queue, 1),
            lambda: _core.Store.open({"store": "no:"}, queue, 1),
            lambda: store.submit([row], 9, queue, 1),
            lambda: store.submit([row], 0, "queue", 1),
            lambda: store.submit([row[:-1]], 0, queue, 1),
            lambda: store.submit([list(row)], 0, queue, 1),
            lambda: store.submit([(*row[:5], "x", *row[6:])], 0, queue, 1),
            lambda: store.submit([(*row[:5], 1 << 70, *row[6:])], 0, queue, 1),
            lambda: store.submit([(*row[:8], object())], 0, queue, 1),
            lambda: store.submit([(*row[:8], [object()])], 0, queue, 1),
            lambda: store.submit(5, 0, queue, 1),
            lambda: store.submit("x", 0, queue, 1),
            lambda: store.submit(iter([1 / 0]), 0, queue, 1),
            lambda: store.known(["x", 5], 0, 0, queue, 1),
            lambda: store.search([], queue, 1),
            lambda: store.search({"vector": b"xx"}, queue, 1),
            lambda: store.prune({}, queue, 1),
            lambda: queue.next(0, 0),
        ):
            with pytest.raises(
                (TypeError, ValueError, ArithmeticError, _core.WindrowError)
            ):
                call()
        assert queue.next(10, 0) == []

    cost_of(wrong)
    store.submit([row], 0, queue, 7)
    ((tag, kind, status, reply),) = queue.next(10, -1)
    assert (tag, kind, status) == (7, _core.EV_SUBMIT, 0)
    assert reply.counts() == (1, 0, 0, 0, 0, 0)
    # Asked for what it has not, a reply has nothing, and does not fail.
    cost_of(
        lambda: (
            reply.known(),
            reply.fetched(),
            reply.documents(),
            reply.stats(),
            reply.properties(),
            reply.findings(),
            reply.texts(),
            reply.log(),
            reply.cursor(),
            reply.error(),
            reply.errors(5),
            reply.outcomes(5),
        )
    )
    for wrong_count in (-1, "x", 1 << 70):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            reply.outcomes(wrong_count)
    reply.fail(_core.EIO, 0, "no request at all")
    with pytest.raises(RuntimeError, match="answered"):
        reply.counts()
    store.free()
    with pytest.raises(_core.WindrowError):
        store.stats(0, queue, 1)
    queue.close()
    queue.close()
    with pytest.raises(ValueError, match="closed"):
        queue.next(1, 0)
    assert queue.fileno() == -1


def test_closing_a_queue_ends_the_wait_for_it():
    queue = _core.Queue()
    results = []

    def wait():
        try:
            results.append(queue.next(1, -1))
        except ValueError:
            results.append([])  # it was closed before the wait began

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    queue.close()
    for thread in threads:
        thread.join(30)
    assert results == [[]] * 4
