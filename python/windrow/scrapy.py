"""Scrapy: a pipeline that stores items, a middleware that skips stored pages.

    ITEM_PIPELINES = {"windrow.scrapy.WindrowPipeline": 800}
    SPIDER_MIDDLEWARES = {"windrow.scrapy.SkipStoredMiddleware": 800}
    WINDROW_URL = "sqlite:///pages.db"

| setting | means |
| --- | --- |
| `WINDROW_URL` | the store; without it both are disabled |
| `WINDROW_EMBEDDINGS` | as in `windrow.open()`, or where to import it from |
| `WINDROW_OPTIONS` | a dict of `windrow.open()`'s other arguments |
| `WINDROW_POLICY` | of `save()`; default `"update"` |
| `WINDROW_FIELDS` | a dict: a record's name -> an item's, where they differ |
| `WINDROW_METADATA` | a list: items' fields that are kept as metadata |
| `WINDROW_MAX_AGE` | seconds for which a page is fresh; default: for ever |
| `WINDROW_SKIP_START` | are requests to start from skipped, too?  default: no |

Both share one store, which closes with the spider.  They need asyncio, which is
Scrapy's default.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self
from weakref import WeakKeyDictionary

from itemadapter import ItemAdapter
from scrapy import Request, signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.misc import load_object

import windrow
from windrow import verbs

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

__all__ = ["SkipStoredMiddleware", "WindrowPipeline"]

logger = logging.getLogger(__name__)

#: What a record may have; see `windrow.records`.
_NAMES = ("url", "key", "title", "metadata", "fetched_at", "embedding")
_CONTENTS = ("raw_content", "content")

#: Outputs of a callback that are looked up at a time.
_OUTPUTS = 100
_DAY_S = 86_400.0


class _Crawl:
    """A crawler's store, which its pipeline and its middleware share."""

    _of: ClassVar[WeakKeyDictionary[Crawler, _Crawl]] = WeakKeyDictionary()

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        url = settings.get("WINDROW_URL")
        if not url:
            raise NotConfigured("WINDROW_URL is not set")
        assert crawler.stats is not None
        self._crawler = crawler
        self._stats = crawler.stats
        self.settings = settings
        self.max_age = _seconds(settings.get("WINDROW_MAX_AGE"))
        options: dict[str, Any] = dict(settings.getdict("WINDROW_OPTIONS"))
        if self.max_age is not None:
            # A page that was fetched again and had not changed is fresh again.
            often = max(1.0, min(self.max_age / 2, _DAY_S))
            options.setdefault("touch_after", often)
        embeddings = _embeddings_of(settings.get("WINDROW_EMBEDDINGS"))
        self.store = windrow.open(url, embeddings=embeddings, **options)
        crawler.signals.connect(self.close, signal=signals.spider_closed)

    @classmethod
    def of(cls, crawler: Crawler) -> _Crawl:
        """Give the one of a crawler."""
        crawl = cls._of.get(crawler)
        if crawl is None:
            crawl = cls._of[crawler] = cls(crawler)
        return crawl

    def count(self, what: str, n: int = 1) -> None:
        """Count in the crawler's collector."""
        if n:
            self._stats.inc_value(f"windrow/{what}", n)

    async def close(self) -> None:
        """Finish what was begun, and let go."""
        self._of.pop(self._crawler, None)
        await self.store.close()


@dataclass(frozen=True, slots=True)
class _End:
    """Of what a callback gives, with what it raised."""

    error: Exception | None


def _seconds(age: object) -> float | None:
    if age is None or age == "":
        return None
    return age.total_seconds() if isinstance(age, timedelta) else float(str(age))


def _embeddings_of(value: Any) -> Any:
    """Import what embeds, where it is a path."""
    if isinstance(value, str) and "." in value:
        value = load_object(value)
    return value() if isinstance(value, type) else value


class WindrowPipeline:
    """Store items that are pages; all others pass.

    An item comes out when it is committed: pipelines behind this one and
    `item_scraped` see only what is stored.  Items on their way together are
    written together.  One that cannot be stored is an error of that item, as
    Scrapy knows them.

    A page is an item with `url` (or `key`) and `raw_content` (or `content`);
    `title`, `metadata`, `fetched_at` and `embedding` are taken where they are.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawl = _Crawl.of(crawler)
        settings = self._crawl.settings
        self._policy: windrow.Policy = settings.get("WINDROW_POLICY") or "update"
        verbs.policy_of(self._policy)
        fields: Mapping[str, str] = settings.getdict("WINDROW_FIELDS")
        if unknown := set(fields) - {*_NAMES, *_CONTENTS}:
            raise ValueError(f"WINDROW_FIELDS: a record has no {sorted(unknown)}")
        self._fields = {name: fields.get(name, name) for name in _NAMES}
        self._contents = [fields.get(name, name) for name in _CONTENTS]
        self._metadata: list[str] = settings.getlist("WINDROW_METADATA")
        self._told = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make one, as Scrapy does."""
        return cls(crawler)

    async def open_spider(self) -> None:
        """Open the store: a crawl that cannot store anything does not begin."""
        await self._crawl.store

    async def close_spider(self) -> None:
        """Wait until all is committed."""
        await self._crawl.store.flush()

    async def process_item(self, item: Any) -> Any:
        """Store an item, if it is a page."""
        crawl = self._crawl
        record = self._record_of(item)
        if record is None:
            crawl.count("ignored")
            return item
        try:
            report = await crawl.store.save([record], self._policy)
        except windrow.Error:
            crawl.count("failed")
            raise
        for outcome in report.outcomes:
            crawl.count(outcome)
        crawl.count("embedded", report.embedded)
        for error in report.errors.values():
            raise error
        return item

    def _record_of(self, item: Any) -> dict[str, Any] | None:
        if not ItemAdapter.is_item(item):
            return None
        get = ItemAdapter(item).get
        record = {name: get(field) for name, field in self._fields.items()}
        contents = (get(field) for field in self._contents)
        record["content"] = next((c for c in contents if c is not None), None)
        named = record["url"] is not None or record["key"] is not None
        if not named or record["content"] is None:
            if named and not self._told:
                self._told = True
                logger.warning(
                    "an item has a URL and no content, and is not stored: %s has "
                    "none of %s (see WINDROW_FIELDS)",
                    type(item).__name__,
                    ", ".join(self._contents),
                )
            return None
        if self._metadata:
            more = {name: get(name) for name in self._metadata}
            record["metadata"] = {
                **(record["metadata"] or {}),
                **{name: value for name, value in more.items() if value is not None},
            }
        return record


class SkipStoredMiddleware:
    """Drop requests for pages that are stored and fresh.

    What is fresh is for `WINDROW_MAX_AGE` to say.  Always made are requests with
    another method than GET, with `dont_filter`, or with `meta={"windrow":
    "fetch"}`: give that to pages whose links are wanted, since links of what is
    skipped are not seen.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawl = _Crawl.of(crawler)
        self._skip_start = self._crawl.settings.getbool("WINDROW_SKIP_START")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make one, as Scrapy does."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Let requests to start from pass, unless told otherwise."""
        outputs = self._pass_new(start, True) if self._skip_start else start
        async for output in outputs:
            yield output

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        """Let what a callback gives pass, less what need not be fetched."""
        async for output in self._pass_new(result, False):
            yield output

    async def _pass_new(
        self, outputs: AsyncIterator[Any], at_start: bool
    ) -> AsyncIterator[Any]:
        """Look up, together, the requests that are there at the same time.

        A callback that waits between two of them holds none back.
        """
        queue: asyncio.Queue[Any] = asyncio.Queue(_OUTPUTS)

        async def read() -> None:
            error: Exception | None = None
            try:
                async for output in outputs:
                    await queue.put(output)
            except Exception as raised:
                error = raised
            await queue.put(_End(error))

        reader = asyncio.ensure_future(read())
        try:
            while True:
                batch = [await queue.get()]
                while not queue.empty():
                    batch.append(queue.get_nowait())
                end = batch.pop() if isinstance(batch[-1], _End) else None
                for output in await self._new(batch, at_start):
                    yield output
                if end is not None:
                    break
            if end.error is not None:
                raise end.error
        finally:
            reader.cancel()

    async def _new(self, outputs: list[Any], at_start: bool) -> list[Any]:
        """Leave requests out whose pages are stored and fresh."""
        crawl = self._crawl
        urls = [o.url for o in outputs if _is_optional(o, at_start)]
        if not urls:
            return outputs
        try:
            known = await crawl.store.known(urls, max_age=crawl.max_age)
        except windrow.Error as error:
            # To fetch too much is better than to stop.
            crawl.count("lookups_failed")
            logger.error("what is stored cannot be told: %s", error)
            return outputs
        stored = {url for url, is_known in zip(urls, known, strict=True) if is_known}
        crawl.count("requests_looked_up", len(urls))
        new = [
            o for o in outputs if not _is_optional(o, at_start) or o.url not in stored
        ]
        crawl.count("requests_skipped", len(outputs) - len(new))
        return new


def _is_optional(output: object, at_start: bool) -> bool:
    """Is it a request that need not be made if its page is stored?"""
    return (
        isinstance(output, Request)
        and output.method == "GET"
        and (at_start or not output.dont_filter)
        and output.meta.get("windrow") != "fetch"
        and output.url.startswith(("http:", "https:"))
    )
