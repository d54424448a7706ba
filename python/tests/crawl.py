"""A crawl in a process of its own, for test_scrapy.py: a reactor runs once.

crawl.py SPIDER START SETTINGS        SETTINGS: JSON; prints stats as JSON
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response

import windrow.scrapy

USED = "windrow.scrapy.WindrowPipeline"
SKIPS = "windrow.scrapy.SkipStoredMiddleware"


def page_of(response: Response) -> dict[str, Any]:
    return {
        "url": response.url,
        "title": response.css("title::text").get(),
        "raw_content": " ".join(response.xpath("//body//text()").getall()),
    }


class Site(scrapy.Spider):
    """Every page, by the links."""

    name = "site"

    def parse(self, response: Response) -> Iterator[Any]:
        if response.css("body"):
            yield page_of(response)
        links = response.css("a::attr(href)").getall()
        urls = (response.urljoin(link).partition("#")[0] for link in links)
        for url in dict.fromkeys(urls):
            if url.startswith(self.start_urls[0]):
                yield response.follow(url)


class Waits(scrapy.Spider):
    """A callback that goes on only when what it asked for has come."""

    name = "waits"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.came = asyncio.Event()

    async def parse(self, response: Response) -> AsyncIterator[Any]:
        yield page_of(response)
        if not self.came.is_set():
            yield response.follow("pages/1.html", callback=self.parse_page)
            await asyncio.wait_for(self.came.wait(), 20)
            yield response.follow("pages/2.html", callback=self.parse_page)

    def parse_page(self, response: Response) -> Iterator[Any]:
        self.came.set()
        yield page_of(response)


class Fails(scrapy.Spider):
    """A callback that raises between its outputs."""

    name = "fails"

    def parse(self, response: Response) -> Iterator[Any]:
        yield page_of(response)
        yield response.follow("pages/1.html", callback=self.parse_page)
        raise LookupError("no more of this")

    def parse_page(self, response: Response) -> Iterator[Any]:
        yield page_of(response)


@dataclasses.dataclass
class Article:
    address: str
    body: str | None
    language: str = "en"


class Declared(scrapy.Item):
    address = scrapy.Field()
    body = scrapy.Field()
    language = scrapy.Field()


class Kinds(scrapy.Spider):
    """Items of all kinds, pages and others, good and bad."""

    name = "kinds"

    def parse(self, response: Response) -> Iterator[Any]:
        yield Article("https://example.org/dataclass", "one")
        yield Declared(address="https://example.org/item", body="two", language="de")
        yield {"address": "https://example.org/dict", "body": "three"}
        yield {"address": "https://example.org/nul", "body": "fo\0ur \ud800"}
        yield {"address": "https://example.org/" + "x" * 100_000, "body": "long"}
        yield {"address": "https://example.org/number", "body": 5}
        yield {"price": 12}
        yield Article("https://example.org/empty", None)


class Embedder:
    model = "of the test"

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0.01)
        return [[1.0, float(len(text))] for text in texts]


class Seen:
    """A pipeline behind Windrow's: what comes here is stored."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self.url, self.options = url, options

    @classmethod
    def from_crawler(cls, crawler: Any) -> Seen:
        settings = crawler.settings
        return cls(settings["WINDROW_URL"], settings.getdict("WINDROW_OPTIONS"))

    async def process_item(self, item: Any) -> Any:
        async with windrow.open(self.url, **self.options) as store:
            assert await store.known([item["url"]]) == [True]
        return item


def main() -> None:
    name, start, settings = sys.argv[1:4]
    spiders = {s.name: s for s in (Site, Waits, Fails, Kinds)}
    process = CrawlerProcess(
        {
            "TELNETCONSOLE_ENABLED": False,
            "LOG_LEVEL": "INFO",
            "CONCURRENT_REQUESTS": 32,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
            "DOWNLOAD_DELAY": 0,
            "ITEM_PIPELINES": {USED: 300},
            "SPIDER_MIDDLEWARES": {SKIPS: 300},
            **json.loads(settings),
        }
    )
    crawler = process.create_crawler(spiders[name])
    process.crawl(crawler, start_urls=[start])
    process.start()
    assert crawler.stats is not None
    print(json.dumps(crawler.stats.get_stats(), default=str))


if __name__ == "__main__":
    main()
