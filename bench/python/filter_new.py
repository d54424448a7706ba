"""Which of 100,000 URLs are not stored, of a table of a million?

    filter_new.py                        run all, and print the table
    filter_new.py ask URLS

Both ask the same table, that of the original, in processes of their own, and
twice: the first time memory is what counts, the second time, when connections are
made, time.
"""

import asyncio
import random
import sys

from table import (PEERS, bench_file, drop_schema, make_schema, postgres, repeats,
                   row_at_least, row_at_most, run, say, scaled, sql)

ROWS, URLS, SEED = 1_000_000, 100_000, 11
SCHEMA = "bench_python_known"


async def ask(path):
    import windrow
    from pages import Watch

    with open(path, encoding="utf-8") as file:
        urls = file.read().splitlines()
    async with windrow.open(postgres(), schema=SCHEMA, embeddings="none",
                            urls="as-given") as store:
        await store.filter_new(urls[:10])
        for _ in range(2):
            watch = Watch()
            new = await store.filter_new(urls)
            print(watch.figures(len(new)))


def url_of(i):
    return f"https://www.example.org/{i % 97}/articles/{i * 7919 % 10_000_019}.html"


def figures(n, *command):
    first, second = run(*command)
    assert first["pages"] == second["pages"] == n - n // 2, (command, first, second)
    return {**second, "more_mb": first["more_mb"]}


def main():
    rows, n = scaled(ROWS), scaled(URLS)
    make_schema(SCHEMA)
    original = PEERS / "original.py"
    run(original, "create", postgres(), SCHEMA)
    sql(f"INSERT INTO {SCHEMA}.scraped_documents (url, title, content) "
        "SELECT 'https://www.example.org/' || i % 97 || '/articles/' || "
        "i * 7919 % 10000019 || '.html', 'Title', 'Content' "
        f"FROM generate_series(0, {rows - 1}::bigint) i")
    sql(f"VACUUM ANALYZE {SCHEMA}.scraped_documents")
    chance = random.Random(SEED)
    known = chance.sample(range(rows), n // 2)
    urls = [url_of(i) for i in (*known, *range(rows, rows + n - n // 2))]
    chance.shuffle(urls)
    path = bench_file("urls")
    path.write_text("\n".join(urls))
    ours, theirs = [], []
    for _ in range(repeats()):
        theirs.append(figures(n, original, "filter", postgres(), SCHEMA, path))
        ours.append(figures(n, __file__, "ask", path))
        for who, f in (("original", theirs[-1]), ("windrow", ours[-1])):
            say(f"filter_new: {who}: {f['seconds']:.3f} s, CPU {f['cpu']:.3f} s, "
                f"{f['more_mb']:.1f} MB more")
    row_at_least("Python, filter_new (peer: the original)", "/s",
                 [n / f["seconds"] for f in theirs], [n / f["seconds"] for f in ours],
                 5)
    row_at_most("the same, more memory", "MB", [f["more_mb"] for f in theirs],
                [f["more_mb"] for f in ours], 0.5)
    drop_schema(SCHEMA)
    path.unlink()


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(ask(sys.argv[2]))
    else:
        main()
