"""Loops, threads, forks, cancelling, back-pressure, and the end of Python."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import LOOPS, PATIENCE, pages, vectors

import windrow


def in_child(work):
    """Run work in a forked child; its exit status is 0 where it did not raise."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "hangs"


# ------------------------------------------------------------------- loops --


def test_a_store_outlives_its_loop(url):
    store = windrow.open(url, embeddings=coroutine, dim=3)
    for i in range(3):
        report = asyncio.run(store.save(pages(20, start=20 * i)))
        assert (report.inserted, report.embedded) == (20, 20)
    asyncio.run(store.close())


async def coroutine(texts):
    await asyncio.sleep(0.001)
    return vectors(texts)


def test_several_loops_in_several_threads_share_a_store(url):
    store = windrow.open(url, embeddings=coroutine, dim=3)

    async def work(i):
        saves = [store.save(pages(10, start=100 * i + 10 * k)) for k in range(10)]
        reports = await asyncio.gather(*saves)
        assert await store.search("bread", k=3)
        return sum(r.inserted for r in reports)

    def thread(i):
        make = list(LOOPS.values())[i % len(LOOPS)]
        with asyncio.Runner(loop_factory=make) as runner:
            return runner.run(asyncio.wait_for(work(i), PATIENCE))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(thread, range(4))) == [100] * 4
    asyncio.run(store.close())


def test_closing_in_one_loop_ends_the_waits_in_another(url):
    asked = threading.Event()

    async def never(texts):
        asked.set()
        await asyncio.sleep(PATIENCE)

    store = windrow.open(url, embeddings=never, dim=3)
    ended = []

    async def save():
        try:
            await store.save(pages(1))
        except windrow.ClosedError as error:
            ended.append(error)

    thread = threading.Thread(target=lambda: asyncio.run(save()))
    thread.start()
    assert asked.wait(PATIENCE)
    asyncio.run(store.close(drain=False))
    thread.join(PATIENCE)
    assert len(ended) == 1


def test_all_faces_of_a_store_are_the_same_in_a_loop(run, url):
    async def main():
        async with windrow.open(url, embeddings=coroutine, dim=3) as store:
            other = store.blocking.asyncio
            assert (await other.save(pages(3))).embedded == 3
            del other
            assert (await store.save(pages(3, start=3))).embedded == 3
            assert len(store._handle.hubs) == 1
        assert not store._handle.hubs

    run(main())


# -------------------------------------------------------------- cancelling --


def test_cancelling_an_await_cancels_the_work(run, url):
    async def main():
        asked = asyncio.Event()
        release = asyncio.Event()

        async def embed(texts):
            asked.set()
            await release.wait()
            return vectors(texts)

        async with windrow.open(url, embeddings=embed, dim=3) as store:
            task = asyncio.create_task(store.save(pages(600)))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            release.set()
            await store.flush()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await store.save(pages(5, start=1000))
            assert (await store.save(pages(1, start=2000))).inserted == 1

    run(main())


def test_many_cancelled_awaits_leave_the_store_sound(run, url):
    async def main():
        async with windrow.open(url, max_records=100) as store:
            for turn in range(30):
                tasks = [
                    asyncio.create_task(store.save(pages(20, start=100 * turn + i)))
                    for i in range(10)
                ]
                for _ in range(turn % 7):
                    await asyncio.sleep(0)
                for task in tasks[::2]:
                    task.cancel()
                done = await asyncio.gather(*tasks, return_exceptions=True)
                for i, result in enumerate(done):
                    if isinstance(result, BaseException):
                        assert isinstance(result, asyncio.CancelledError), result
                        assert i % 2 == 0
            assert (await store.save(pages(1, start=90_000))).inserted == 1
            assert not store._hub().pending  # nothing is waited for that will not come

    run(main())


# ----------------------------------------------------------- back-pressure --


@pytest.mark.parametrize("embeddings", [None, vectors, coroutine])
def test_a_full_store_makes_save_wait(run, url, embeddings):
    async def main():
        async with windrow.open(
            url,
            embeddings=embeddings,
            dim=3,
            model=None if embeddings else "m",
            max_records=60,
            max_bytes=200_000,
        ) as store:
            reports = await asyncio.gather(
                *(store.save(pages(50, start=50 * i, size=1000)) for i in range(40))
            )
            assert sum(r.inserted for r in reports) == 2000
            if embeddings:
                assert sum(r.embedded for r in reports) == 2000
            # One call that is larger than all of it.
            big = await store.save(pages(500, start=10_000, size=2000))
            assert big.inserted == 500
            assert await store.delete([p["url"] for p in pages(2000)]) == 2000

    run(main())


def test_the_loop_goes_on_while_pages_are_saved(run, url):
    async def main():
        worst = 0.0
        ended = asyncio.Event()

        async def watch():
            nonlocal worst
            while not ended.is_set():
                began = time.perf_counter()
                await asyncio.sleep(0.001)
                worst = max(worst, time.perf_counter() - began - 0.001)

        async with windrow.open(url, fulltext=False) as store:
            watcher = asyncio.create_task(watch())
            records = pages(5000, size=4000)
            await asyncio.sleep(0)
            worst = 0.0
            report = await store.save(records)
            ended.set()
            await watcher
            assert report.inserted == 5000
        print(f"longest stall {worst * 1000:.1f} ms")
        assert worst < 1.0

    run(main())


# -------------------------------------------------------------------- fork --


def test_a_forked_child_is_told_so_and_harms_nobody(url):
    store = windrow.open_sync(url, embeddings=vectors, dim=3)
    store.save(pages(5))

    def child():
        with pytest.raises(windrow.ForkedError):
            store.save(pages(1))
        with pytest.raises(windrow.ForkedError):
            store.stats()
        with pytest.raises(windrow.ForkedError):
            asyncio.run(store.asyncio.save(pages(1)))
        store.close()
        with windrow.open_sync(url, embeddings=vectors) as own:
            assert own.save(pages(6)).inserted == 1

    assert in_child(child) == 0
    assert store.save(pages(7)).inserted == 1
    store.close()


def test_a_child_that_drops_everything_harms_nobody(url):
    store = windrow.open_sync(url, embeddings=vectors, dim=3)
    holder = [store, store._handle]
    store.save(pages(5))

    def child():
        nonlocal store
        store = None
        holder.clear()

    assert in_child(child) == 0
    assert holder[0].save(pages(7)).inserted == 2
    holder[0].close()


def test_forking_with_work_in_flight_is_survived(url):
    store = windrow.open_sync(url)
    stop = threading.Event()
    saved = []

    def work():
        i = 0
        while not stop.is_set():
            saved.append(store.save(pages(50, start=50 * i)).inserted)
            i += 1

    thread = threading.Thread(target=work)
    thread.start()
    results = [in_child(lambda: None) for _ in range(5)]
    stop.set()
    thread.join(PATIENCE)
    assert results == [0] * 5
    assert store.stats(exact=True)["documents"] == sum(saved)
    store.close()


# ------------------------------------------------------- the end of Python --

BEGIN = """
    import asyncio, sys, threading, time
    import windrow

    def pages(n):
        return [{"url": f"https://e/{i}", "content": f"page {i}"} for i in range(n)]

    def slow(texts):
        time.sleep(0.05)
        return [[1.0, 2.0] for _ in texts]

    async def soon(texts):
        await asyncio.sleep(0.05)
        return [[1.0, 2.0] for _ in texts]

    def hang(texts):
        time.sleep(1000)

    url = sys.argv[1]
"""


@pytest.mark.parametrize(
    ("end", "stored"),
    [
        ("s = windrow.open_sync(url); s.save(pages(5))", 5),
        ("s = windrow.open_sync(url, embeddings=slow, dim=2); s.save(pages(5))", 5),
        ("s = windrow.open_sync(url, embeddings=soon, dim=2); s.save(pages(5))", 5),
        ("s = windrow.open(url); asyncio.run(s.save(pages(5)))", 5),
        ("s = windrow.open(url, embeddings=soon); asyncio.run(s.save(pages(5)))", 5),
        ("s = windrow.open(url); raise SystemExit(0)", None),
        (
            # In a daemon thread, in the middle of it.
            "s = windrow.open_sync(url, embeddings=slow, dim=2)\n"
            "    threading.Thread(target=s.save, args=(pages(500),), daemon=True)"
            ".start()\n"
            "    time.sleep(0.1)",
            None,
        ),
        (
            # A function that never returns.
            "s = windrow.open_sync(url, embeddings=hang, dim=2)\n"
            "    threading.Thread(target=s.save, args=(pages(5),), daemon=True)"
            ".start()\n"
            "    time.sleep(0.1)",
            None,
        ),
        (
            # A coroutine that nobody runs any more.
            "s = windrow.open(url, embeddings=soon, dim=2)\n"
            "    async def main():\n"
            "        asyncio.ensure_future(s.save(pages(5)))\n"
            "        await asyncio.sleep(0.02)\n"
            "    asyncio.run(main())",
            None,
        ),
        (
            # A loop that stays open and holds everything.
            "s = windrow.open(url, embeddings=soon, dim=2)\n"
            "    loop = asyncio.new_event_loop()\n"
            "    loop.run_until_complete(s.save(pages(5)))\n"
            "    import builtins; builtins.kept = (s, loop, s._handle)\n"
            "    loop.close()",
            5,
        ),
        (
            # Everything in a cycle, at the very end.
            "s = windrow.open_sync(url, embeddings=slow, dim=2)\n"
            "    s.me = s; s.save(pages(5)); sys.modules['kept'] = s",
            5,
        ),
        (
            "import os\n"
            "    s = windrow.open_sync(url); s.save(pages(5))\n"
            "    if os.fork() == 0: sys.exit(0)\n"
            "    os.wait()",
            5,
        ),
    ],
)
def test_python_ends_soon_and_well(script, url, end, stored):
    began = time.monotonic()
    done = script(BEGIN + "    " + end + "\n", url)
    took = time.monotonic() - began
    print(done.stdout, done.stderr, took)
    assert done.returncode == 0
    # A thread that still waits is told that the store was closed.
    told = done.stderr.replace("ClosedError", "")
    assert "Error" not in told
    assert "Fatal" not in told
    assert took < PATIENCE
    if stored is not None:
        with windrow.open_sync(url, embeddings="none") as store:
            assert store.stats()["documents"] == stored


@pytest.mark.parametrize("after", ["0", "0.02", "0.04"])
def test_what_was_begun_is_finished_when_python_ends(script, url, after):
    done = script(
        BEGIN
        + """
    s = windrow.open(url, embeddings=soon, dim=2)
    async def main():
        task = asyncio.ensure_future(s.save(pages(50)))
        await asyncio.sleep(float(sys.argv[2]))
        raise SystemExit(0)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main())
    except SystemExit:
        pass
""",
        url,
        after,
    )
    print(done.stderr)
    assert done.returncode == 0
    with windrow.open_sync(url, embeddings="none") as store:
        stats = store.stats()
        assert stats["documents"] == 50
