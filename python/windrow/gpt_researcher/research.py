"""GPT Researcher over a store: its scraping, a retriever, and a vector store.

Nothing here needs GPT Researcher to be imported but `install()`.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias
from urllib.parse import urlsplit

from windrow.gpt_researcher import shared

if TYPE_CHECKING:
    import os

    from windrow.gpt_researcher.chunks import WindrowChunks
    from windrow.records import Document, Hit
    from windrow.verbs import Mode

__all__ = [
    "Installed",
    "WindrowRetriever",
    "install",
    "retriever",
    "uninstall",
    "vector_store",
]

logger = logging.getLogger("windrow.gpt_researcher")

Page: TypeAlias = dict[str, Any]
Scraped: TypeAlias = tuple[list[Page], list[dict[str, Any]]]
Scrape: TypeAlias = Callable[..., Coroutine[Any, Any, Scraped]]

#: Under which names GPT Researcher knows what all scraped pages pass through.
PLACES = (
    "gpt_researcher.actions.web_scraping",
    "gpt_researcher.actions",
    "gpt_researcher.skills.browser",
)

#: GPT Researcher takes more than this for the whole page, and fetches the page
#: where it is less.
SNIPPET_CHARACTERS = 100


# ---------------------------------------------------------------- scraping --


class Installed:
    """What `install()` changed; `uninstall()` or `with` changes it back.

    `from_store` and `scraped` count pages.  `retriever` is a class of
    retrievers over the same store that leaves the pages to the scraping.
    """

    def __init__(
        self,
        place: shared.Holder,
        max_age: timedelta | None,
        patience: float,
    ) -> None:
        self._place = place
        self._max_age = max_age
        self._patience = patience
        self._originals: list[tuple[Any, str, Any]] = []
        self.from_store = 0
        self.scraped = 0
        self.retriever = _bind(place, content=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.uninstall()

    # Both may be asked for in a coroutine; the store embeds on its own threads.

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until what was scraped is saved; False: that took too long."""
        return self._place.background.flush(timeout)

    async def aflush(self, timeout: float | None = None) -> bool:
        """Likewise, from a coroutine."""
        return await asyncio.to_thread(self.flush, timeout)

    def uninstall(self) -> None:
        """Let GPT Researcher scrape as it did; what was scraped is still saved."""
        if not self._originals:
            return
        for module, name, original in self._originals:
            setattr(module, name, original)
        self._originals.clear()
        self._place.release()

    def _patch(self) -> None:
        original: Scrape = importlib.import_module(PLACES[0]).scrape_urls

        async def scrape_urls(urls: Iterable[str], *args: Any, **more: Any) -> Scraped:
            return await self._read_through(original, list(urls), args, more)

        for name in PLACES:
            self._replace(importlib.import_module(name), "scrape_urls", scrape_urls)
        self._register_retriever()

    def _replace(self, module: Any, name: str, value: Any) -> None:
        self._originals.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    def _register_retriever(self) -> None:
        """Make RETRIEVER=windrow a choice."""
        choices = importlib.import_module("gpt_researcher.actions.retriever")
        names = importlib.import_module("gpt_researcher.retrievers.utils")
        get, all_names = choices.get_retriever, names.get_all_retriever_names

        def get_retriever(name: str) -> Any:
            return self.retriever if name == "windrow" else get(name)

        def get_all_retriever_names() -> list[str]:
            return [*(all_names() or []), "windrow"]

        self._replace(choices, "get_retriever", get_retriever)
        self._replace(names, "get_all_retriever_names", get_all_retriever_names)

    async def _read_through(
        self, scrape: Scrape, urls: list[str], args: Any, more: Any
    ) -> Scraped:
        """Give stored pages and scraped ones, in the order of their URLs."""
        urls = list(dict.fromkeys(urls))
        pages = await self._stored(urls)
        missing = [url for url in urls if url not in pages]
        self.from_store += len(pages)
        if not missing:
            return _in_order(urls, pages)
        scraped, _ = await scrape(missing, *args, **more)
        self.scraped += len(scraped)
        await self._save(scraped)
        # A page may know itself by another URL.
        others = [page for page in scraped if page.get("url") not in missing]
        pages |= {page["url"]: page for page in scraped if page not in others}
        return _in_order(urls, pages, others)

    async def _stored(self, urls: Sequence[str]) -> dict[str, Page]:
        """Give the pages that are fresh; none where the store does not answer."""
        try:
            async with asyncio.timeout(self._patience):
                found = await self._place.store.asyncio.get(urls)
        except Exception as error:
            logger.warning("pages are scraped, for the store failed: %s", error)
            return {}
        since = None if self._max_age is None else datetime.now(UTC) - self._max_age
        return {
            url: _page_of(url, document)
            for url, document in zip(urls, found, strict=True)
            if document is not None and _is_fresh(document, since)
        }

    async def _save(self, scraped: Iterable[Page]) -> None:
        background = self._place.background
        background.save([r for page in scraped if (r := _record_of(page))])
        if background.backlog > shared.BACKLOG:
            await asyncio.to_thread(
                background.flush, self._patience, shared.BACKLOG // 2
            )


def _is_fresh(document: Document, since: datetime | None) -> bool:
    if not document.content:
        return False
    fetched = document.fetched_at
    return since is None or (fetched is not None and fetched >= since)


def _page_of(url: str, document: Document) -> Page:
    """Show a document as the scrapers of GPT Researcher show a page."""
    images = document.metadata.get("image_urls")
    return {
        "url": url,
        "raw_content": document.content,
        "image_urls": images if isinstance(images, list) else [],
        "title": document.title or "",
    }


def _record_of(page: Mapping[str, Any]) -> dict[str, Any] | None:
    content = page.get("raw_content")
    if not content or not page.get("url"):
        return None
    images = page.get("image_urls")
    return {
        "url": page["url"],
        "title": page.get("title") or None,
        "raw_content": content,
        "metadata": {"image_urls": images} if images else None,
    }


def _in_order(
    urls: Iterable[str], pages: Mapping[str, Page], others: Iterable[Page] = ()
) -> Scraped:
    shown = [pages[url] for url in urls if url in pages] + list(others)
    return shown, [image for page in shown for image in page.get("image_urls") or ()]


_installed: Installed | None = None


def install(
    db_url: str | os.PathLike[str],
    embeddings: Any | None = None,
    *,
    max_age: timedelta | float | None = timedelta(days=1),
    patience: float = 10.0,
    **options: Any,
) -> Installed:
    """Make GPT Researcher's scraping read through a store.

    Pages that are stored, and were fetched within max_age (seconds, or a
    `timedelta`; None: whenever), come from the store; the others are scraped,
    and saved in the background.  Where the store does not answer within
    patience seconds, all pages are scraped.  It replaces what was installed
    before.  With `RETRIEVER=windrow` in the environment the store is searched,
    too.  The other options are those of `windrow.open()`.
    """
    global _installed
    if isinstance(max_age, int | float):
        max_age = timedelta(seconds=max_age)
    if max_age is not None:
        # A page that has not changed must not look older than it is.
        touch = min(timedelta(days=1), max_age / 2)
        options.setdefault("touch_after", max(1.0, touch.total_seconds()))
    uninstall()
    place = shared.Holder(db_url, embeddings, options)
    made = Installed(place, max_age, patience)
    try:
        made._patch()
    except BaseException:
        made.uninstall()
        raise
    _installed = made
    return made


def uninstall() -> None:
    """Undo `install()`; nothing where nothing is installed."""
    global _installed
    was, _installed = _installed, None
    if was is not None:
        was.uninstall()


# --------------------------------------------------------------- retriever --


class WindrowRetriever:
    """A retriever over a store, as GPT Researcher uses them.

    `retriever()` makes classes of it: GPT Researcher makes an object for each
    query.
    """

    place: ClassVar[shared.Holder]
    content: ClassVar[bool]
    options: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        query: str,
        query_domains: Sequence[str] | None = None,
        **_: Any,
    ) -> None:
        self.query = query
        self.query_domains = [domain.lower() for domain in query_domains or ()]

    def search(self, max_results: int = 10) -> list[dict[str, Any]]:
        """Give the best pages: `href`, `url`, `title`, `body`, `raw_content`."""
        many = max_results * (5 if self.query_domains else 1)
        self.place.background.flush()
        hits = self.place.store.search(
            self.query, k=many, content=self.content, **self.options
        )
        fitting = [hit for hit in hits if self._is_wanted(hit.url)]
        return [self._show(hit) for hit in fitting[:max_results]]

    def _is_wanted(self, url: str) -> bool:
        if not self.query_domains:
            return True
        try:
            host = (urlsplit(url).hostname or "").lower()
        except ValueError:
            return False
        return any(host == d or host.endswith("." + d) for d in self.query_domains)

    def _show(self, hit: Hit) -> dict[str, Any]:
        shown = {"href": hit.url, "url": hit.url, "title": hit.title or ""}
        if self.content:
            content = hit.content or ""
            return {**shown, "body": content, "raw_content": content}
        return {**shown, "body": (hit.snippet or "")[:SNIPPET_CHARACTERS]}


def _bind(
    place: shared.Holder, content: bool, **options: Any
) -> type[WindrowRetriever]:
    members = {"place": place, "content": content, "options": options}
    return type("WindrowRetriever", (WindrowRetriever,), members)


def retriever(
    db_url: str | os.PathLike[str],
    embeddings: Any | None = None,
    *,
    content: bool = True,
    mode: str = "auto",
    filter: Mapping[str, Any] | None = None,
    **options: Any,
) -> type[WindrowRetriever]:
    """Make a class of retrievers over a store: `researcher.retrievers = [it]`.

    With content GPT Researcher gets whole pages and fetches nothing; without it
    scrapes what was found, which is right where `install()` has been called.
    mode and filter are those of `Store.search()`.
    """
    place = shared.Holder(db_url, embeddings, options)
    return _bind(place, content, mode=mode, filter=filter)


# ------------------------------------------------------------ vector store --


def vector_store(
    db_url: str | os.PathLike[str],
    embeddings: Any | None = None,
    *,
    mode: Mode = "auto",
    **options: Any,
) -> WindrowChunks:
    """Make a vector store for `GPTResearcher(vector_store=…)`.

    GPT Researcher puts chunks of pages in it, so that it should have a place of
    its own: another file, or another table (`table="research_chunks"`).  Over a
    store of pages it finds whole pages.  Needs the package langchain-core.
    """
    from windrow.gpt_researcher.chunks import WindrowChunks

    return WindrowChunks(shared.Holder(db_url, embeddings, options), embeddings, mode)
