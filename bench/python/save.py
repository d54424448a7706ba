"""Pages with vectors, 50 a call, into PostgreSQL: beside the original's way.

    save.py                              run all, and print the table
    save.py save LISTS|BUFFERS SCHEMA TEXTS VECTORS
"""

import array
import asyncio
import os
import subprocess
import sys

from table import (PEERS, bench_file, drop_schema, make_schema, postgres, repeats,
                   row_at_least, row_at_most, run, say, scaled, sql)

PAGES, PER_CALL, AT_A_TIME, SEED = 20_000, 50, 16, 9
OWN, ORIGINAL = "bench_python", "bench_python_original"


def open_store():
    import windrow

    return windrow.open(postgres(), schema=OWN, embeddings="none", dim=384,
                        fulltext=False)


async def create():
    async with open_store():
        pass


async def save(kind, _schema, texts, vectors):
    from pages import Watch, read

    records = [{"url": url, "title": title, "raw_content": content,
                "embedding": array.array("f", numbers) if kind == "buffers"
                else numbers}
               for url, title, content, numbers in read(texts, vectors)]
    calls = iter(range(0, len(records), PER_CALL))

    async def work(store):
        for at in calls:
            report = await store.save(records[at:at + PER_CALL])
            report.raise_for_failed()

    async with open_store() as store:
        watch = Watch()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_A_TIME):
                group.create_task(work(store))
        print(watch.figures(len(records)))


def run_one(schema, pages, *command):
    sql("CHECKPOINT")
    (figures,) = run(*command)
    (stored,) = sql(f"SELECT count(*) FROM {schema}.scraped_documents "
                    "WHERE embedding IS NOT NULL")
    assert stored == pages, (schema, stored)
    sql(f"TRUNCATE {schema}.scraped_documents CASCADE")
    return figures["pages"] / figures["seconds"], figures["cpu"] / figures["pages"]


def main():
    n = scaled(PAGES)
    texts, vectors = bench_file("pages.jsonl"), bench_file("pages.f32")
    with open(texts, "wb") as file:
        subprocess.run([os.environ["BENCH_GENERATE"], str(n), "4096", str(SEED),
                        vectors], check=True, stdout=file)
    make_schema(OWN)
    make_schema(ORIGINAL)
    asyncio.run(create())
    original = PEERS / "original.py"
    run(original, "create", postgres(), ORIGINAL)
    runs = {"original": [], "lists": [], "buffers": []}
    for _ in range(repeats()):
        runs["original"].append(run_one(ORIGINAL, n, original, "save", postgres(),
                                        ORIGINAL, texts, vectors))
        for kind in ("lists", "buffers"):
            runs[kind].append(run_one(OWN, n, __file__, "save", kind, OWN, texts,
                                      vectors))
        for who, figures in runs.items():
            say(f"save: {who}: {figures[-1][0]:.0f} pages/s, "
                f"client CPU {1e6 * figures[-1][1]:.1f} us a page")
    rates = {who: [rate for rate, _ in figures] for who, figures in runs.items()}
    cpus = {who: [1e6 * cpu for _, cpu in figures] for who, figures in runs.items()}
    row_at_least("Python, save of 50 (peer: the original)", "/s", rates["original"],
                 rates["lists"], 6)
    row_at_most("the same, client CPU a page", "us", cpus["original"], cpus["lists"],
                1 / 8)
    row_at_least("vectors as float32 buffers", "/s", rates["original"],
                 rates["buffers"], 6)
    row_at_most("the same, client CPU a page", "us", cpus["original"],
                cpus["buffers"], 1 / 8)
    drop_schema(OWN)
    drop_schema(ORIGINAL)
    texts.unlink()
    vectors.unlink()


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(save(*sys.argv[2:]))
    else:
        main()
