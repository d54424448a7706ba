"""Pages that GPT Researcher has scraped once come from the store the next time.

    pip install gpt-researcher
    python examples/scrape_once.py https://example.org/ [URL...]

Needs no key: nothing asks a model.
"""

import asyncio
import sys
import time

from gpt_researcher.config import Config
from gpt_researcher.skills import browser
from gpt_researcher.utils.workers import WorkerPool

from windrow.gpt_researcher import install


async def scrape(urls):
    began = time.monotonic()
    pages, _ = await browser.scrape_urls(urls, Config(), WorkerPool(max_workers=8))
    took = (time.monotonic() - began) * 1000
    print(f"{len(pages)} pages, {took:.0f} ms; "
          f"scraped {installed.scraped}, from the store {installed.from_store}")


async def main(urls):
    await scrape(urls)
    await installed.aflush()
    await scrape(urls)
    for hit in installed.retriever("what is this about?").search(max_results=3):
        print("-", hit["title"] or hit["href"])


with install("sqlite:///research.db", embeddings="hash") as installed:
    asyncio.run(main(sys.argv[1:] or ["https://example.org/"]))
