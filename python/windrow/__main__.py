"""python -m windrow demo: the old ways to save scraped pages, and Windrow's.

Each saves the same records with the same embedder, which takes 50 ms a call
however many texts it is given, as services over a network do.  A clock in the
event loop says for how long nothing else could run there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import windrow

DIM = 384
BATCH = 50
AT_A_TIME = 8
THREADS = 4
TICK_S = 0.001

WORDS = ("bread", "butter", "cheese", "dough", "flour", "honey", "oven", "rye", "yeast")

Record = dict[str, str]


class Embedder:
    """Blocks for as long as a service would take to answer."""

    model = "windrow-demo"

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.calls = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, so to speak."""
        self.calls += 1
        time.sleep(self.delay)
        return [[len(text) / 1000 + 0.5] * DIM for text in texts]


@dataclass
class Figures:
    """What a way took."""

    way: str
    records: int
    ms_per_record: float
    stall_ms: float
    cpu_ms_per_record: float
    calls: int


class Clock:
    """Ticks in the event loop, and notes the longest it had to wait for a turn."""

    def __init__(self) -> None:
        self.stall = 0.0

    async def _tick(self) -> None:
        while True:
            before = time.perf_counter()
            try:
                await asyncio.sleep(TICK_S)
            finally:
                waited = time.perf_counter() - before - TICK_S
                self.stall = max(self.stall, waited)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tick meanwhile."""
        task = asyncio.create_task(self._tick())
        await asyncio.sleep(0)
        try:
            yield
            # What held the loop up to the very end counts, too.
            await asyncio.sleep(2 * TICK_S)
        finally:
            task.cancel()


async def measure(
    way: str,
    n: int,
    embedder: Embedder,
    work: Callable[[], Awaitable[None]],
) -> Figures:
    """Run it, beside a clock."""
    clock = Clock()
    calls, cpu = embedder.calls, time.process_time()
    async with clock.running():
        began = time.perf_counter()
        await work()
        seconds = time.perf_counter() - began
        cpu = time.process_time() - cpu
    return Figures(
        way,
        n,
        seconds * 1000 / n,
        clock.stall * 1000,
        cpu * 1000 / n,
        embedder.calls - calls,
    )


def make_records(n: int) -> list[Record]:
    """Pages of some 2 KB, always the same."""
    chance = random.Random(7)
    return [
        {
            "url": f"https://example.org/recipes/{i}",
            "title": f"Recipe {i}",
            "raw_content": " ".join(chance.choices(WORDS, k=360)),
        }
        for i in range(n)
    ]


# ------------------------------------------------------------- the old ways --


class Table:
    """Rows in SQLite, as a program of its own would write them."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(
            "CREATE TABLE pages (url TEXT PRIMARY KEY, title TEXT, content TEXT, "
            "embedding TEXT)"
        )

    def upsert(self, records: Sequence[Record], vectors: Sequence[list[float]]) -> None:
        """Write rows, and commit."""
        with self._db:
            self._db.executemany(
                "INSERT INTO pages VALUES (?, ?, ?, ?) ON CONFLICT (url) DO UPDATE "
                "SET title = excluded.title, content = excluded.content, "
                "embedding = excluded.embedding",
                [
                    (r["url"], r["title"], r["raw_content"], json.dumps(vector))
                    for r, vector in zip(records, vectors, strict=True)
                ],
            )

    def check(self, n: int) -> None:
        """See that all is there."""
        (stored,) = self._db.execute("SELECT count(*) FROM pages").fetchone()
        self._db.close()
        if stored != n:
            raise SystemExit(f"demo: {stored} of {n} records are stored")


async def one_by_one(folder: Path, records: list[Record], delay: float) -> Figures:
    """Embed a record, write it, go on to the next."""
    table, embedder = Table(folder / "one.db"), Embedder(delay)

    async def work() -> None:
        for record in records:
            table.upsert([record], embedder.embed_documents([record["raw_content"]]))
            await asyncio.sleep(0)

    figures = await measure("one by one, blocking", len(records), embedder, work)
    table.check(len(records))
    return figures


async def in_threads(folder: Path, records: list[Record], delay: float) -> Figures:
    """Embed in four threads, a call for each record; write fifty at a time."""
    table, embedder = Table(folder / "threads.db"), Embedder(delay)
    loop = asyncio.get_running_loop()

    async def work() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            for at in range(0, len(records), BATCH):
                batch = records[at : at + BATCH]
                vectors = await asyncio.gather(
                    *(
                        loop.run_in_executor(
                            pool, embedder.embed_documents, [record["raw_content"]]
                        )
                        for record in batch
                    )
                )
                await loop.run_in_executor(
                    pool, table.upsert, batch, [vector for (vector,) in vectors]
                )

    way = f"{THREADS} threads, a call a record"
    figures = await measure(way, len(records), embedder, work)
    table.check(len(records))
    return figures


# ------------------------------------------------------------------ windrow --


def batches(records: list[Record]) -> Iterator[list[Record]]:
    """Cut them into calls of `save()`."""
    for at in range(0, len(records), BATCH):
        yield records[at : at + BATCH]


async def with_windrow(db: str, records: list[Record], delay: float) -> Figures:
    """Hand them over, fifty a call and eight calls at a time."""
    embedder = Embedder(delay)
    async with windrow.open(
        db,
        embeddings=embedder,
        dim=DIM,
        embed_batch=BATCH,
        embed_inflight=AT_A_TIME,
        embed_workers=AT_A_TIME,
        fulltext=False,
    ) as store:
        turns = asyncio.Semaphore(AT_A_TIME)

        async def save(batch: list[Record]) -> None:
            async with turns:
                report = await store.save(batch)
                report.raise_for_failed()

        async def work() -> None:
            await asyncio.gather(*map(save, batches(records)))

        figures = await measure("windrow", len(records), embedder, work)
        known = await store.known_details([record["url"] for record in records])
        embedded = sum(page.has_embedding for page in known)
        if embedded != len(records):
            raise SystemExit(f"demo: {embedded} of {len(records)} are embedded")
    return figures


# --------------------------------------------------------------------- demo --


def show(figures: Figures, as_json: bool) -> None:
    """Print a line."""
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        print(
            f"{figures.way:<26} {figures.records:>7} {figures.ms_per_record:>10.2f}"
            f" {figures.stall_ms:>12.1f} {figures.cpu_ms_per_record:>14.3f}"
            f" {figures.calls:>6}"
        )


async def demo(arguments: argparse.Namespace) -> None:
    """Run all ways, one after the other."""
    delay = arguments.delay / 1000
    if not arguments.json:
        print(
            f"An embedder that takes {arguments.delay:g} ms a call, and each record "
            "stored with its vector.\n"
        )
        print(
            f"{'':<26} {'records':>7} {'ms/record':>10} {'stall, ms':>12}"
            f" {'CPU, ms/record':>14} {'calls':>6}"
        )
    for n in arguments.records:
        records = make_records(n)
        with tempfile.TemporaryDirectory(prefix="windrow-demo-") as name:
            folder = Path(name)
            old: list[Callable[..., Awaitable[Figures]]] = [one_by_one, in_threads]
            for way in old if n <= arguments.old_most else ():
                show(await way(folder, records, delay), arguments.json)
            db = f"sqlite:///{folder}/windrow.db"
            show(await with_windrow(db, records, delay), arguments.json)
    if not arguments.json:
        print(
            "\nstall: the longest that nothing else could run in the event loop.\n"
            "All of them write a SQLite file; acknowledged is what is committed."
        )


def main(argv: list[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m windrow")
    parser.add_argument("--version", action="version", version=windrow.__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    ours: Any = commands.add_parser(
        "demo", help="save pages in the old ways, and in Windrow's"
    )
    ours.add_argument(
        "--records",
        type=int,
        nargs="+",
        default=[20, 1000],
        metavar="N",
        help="how many (20 and 1000)",
    )
    ours.add_argument(
        "--delay", type=float, default=50, metavar="MS", help="of a call (50)"
    )
    ours.add_argument(
        "--old-most",
        type=int,
        default=100,
        metavar="N",
        help="leave the old ways out for more records than this (100)",
    )
    ours.add_argument("--json", action="store_true", help="a JSON object a line")
    arguments = parser.parse_args(argv)
    if min(arguments.records) < 1 or arguments.delay < 0:
        parser.error("there must be a record, and a delay is not negative")
    asyncio.run(demo(arguments))


if __name__ == "__main__":
    main()
