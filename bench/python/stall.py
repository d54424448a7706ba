"""How long an event loop is held up while pages go through save().

    stall.py                run all, and print the table
    stall.py idle           tick until standard input ends
    stall.py save PAGES     tick while so many pages are saved

A clock in the loop sleeps for a millisecond over and over; how much later than
that it wakes is the stall.  The same clock ticks, at the same time, in a process
that does nothing else, and says what the machine has to do with it.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from array import array

from table import (drop_schema, make_schema, postgres, repeats, row_beside,
                   row_limit, say, scaled)

PAGES, BYTES, PER_CALL, AT_A_TIME, SEED = 100_000, 4096, 50, 8, 3
SCHEMA = "bench_python_stall"
TICK_S, MORE_MS = 0.001, 1.0


class Clock:
    def __init__(self):
        self.late = array("d")

    async def tick(self):
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.late.append(time.perf_counter() - before - TICK_S)

    def figures(self, **more):
        late = sorted(self.late)
        return json.dumps({
            "median": 1000 * late[len(late) // 2],
            "p999": 1000 * late[min(len(late) - 1, int(len(late) * 0.999))],
            "max": 1000 * late[-1], "ticks": len(late), **more})


async def idle():
    loop, clock = asyncio.get_running_loop(), Clock()
    task = asyncio.create_task(clock.tick())
    await loop.run_in_executor(None, sys.stdin.read)
    task.cancel()
    print(clock.figures())


def make_text(n):
    """Of which every page is a piece that begins elsewhere."""
    chance = random.Random(SEED)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz",
                                    k=chance.randint(2, 11))) for _ in range(20_000)]
    text = " ".join(chance.choices(words, k=400_000))
    return text, max(1, (len(text) - BYTES) // n)


async def save(pages):
    import windrow

    n, clock = int(pages), Clock()
    text, step = make_text(n)
    starts = iter(range(0, n, PER_CALL))

    async def work(store):
        for start in starts:
            report = await store.save([
                {"url": f"https://example.org/{i}", "title": f"Page {i}",
                 "raw_content": text[i * step:i * step + BYTES]}
                for i in range(start, min(n, start + PER_CALL))])
            report.raise_for_failed()

    async with windrow.open(postgres(), schema=SCHEMA, embeddings="none",
                            fulltext=False) as store:
        task = asyncio.create_task(clock.tick())
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_A_TIME):
                group.create_task(work(store))
        rate = n / (time.perf_counter() - began)
        task.cancel()
    print(clock.figures(rate=rate))


def run_once():
    make_schema(SCHEMA)
    still = subprocess.Popen([sys.executable, __file__, "idle"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    busy = subprocess.run(
        [sys.executable, __file__, "save", str(scaled(PAGES))], check=True,
        stdout=subprocess.PIPE, text=True)
    out, _ = still.communicate()
    drop_schema(SCHEMA)
    return json.loads(busy.stdout), json.loads(out)


def main():
    runs = [run_once() for _ in range(repeats())]
    for busy, still in runs:
        for who, f in (("saving", busy), ("idle", still)):
            say(f"stall: {who}: median {f['median']:.2f} ms, 99.9 % "
                f"{f['p999']:.2f} ms, max {f['max']:.1f} ms, {f['ticks']} ticks")
        say(f"stall: {busy['rate']:.0f} pages/s")
    row_limit("stall of the loop, 99.9 %, beyond an idle one's", "ms",
              [busy["p999"] - still["p999"] for busy, still in runs], MORE_MS)
    row_beside("the same, greatest (peer: an idle loop)", "ms",
               [still["max"] for _, still in runs],
               [busy["max"] for busy, _ in runs])


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run({"idle": idle, "save": save}[sys.argv[1]](*sys.argv[2:]))
    else:
        main()
