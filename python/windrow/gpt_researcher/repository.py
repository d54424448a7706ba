"""The original's classes, over a store."""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from windrow.gpt_researcher import shared
from windrow.gpt_researcher.documents import (
    HAS_SQLALCHEMY,
    ScrapedDocument,
    to_scraped,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    from windrow.blocking import BlockingStore
    from windrow.gpt_researcher.orm import Sessions
    from windrow.records import Document
    from windrow.store import Store

__all__ = ["ScraperDataManager", "ScraperRepository", "save_scraped_data_optimized"]

logger = logging.getLogger("windrow.gpt_researcher")

#: URLs of one statement.
_MANY = 1000


def _batch(batch_size: int) -> int:
    if batch_size < 1:
        raise ValueError("batch_size must be positive")
    return batch_size


async def _save(
    store: Store, records: Iterable[Mapping[str, Any]], batch_size: int, upsert: bool
) -> int:
    """Save, and count what is stored now as it was given."""
    _batch(batch_size)
    report = await store.save(records, policy="update" if upsert else "skip")
    shared.log_failures(report)
    return report.saved


async def save_scraped_data_optimized(
    records: Iterable[Mapping[str, Any]],
    db_url: str | os.PathLike[str],
    embeddings: Any | None = None,
    batch_size: int = 50,
    upsert: bool = True,
    **options: Any,
) -> int:
    """Save scraped records: mappings with `url`, `raw_content` and a `title`.

    Gives how many are stored now as they were given; with upsert=False, how many
    were new.  Those that cannot be stored are logged, the others are stored.
    All calls with the same db_url and embeddings share one store, which stays
    open until `close_all()` or Python's end.  batch_size is of no consequence:
    records are embedded and written in the largest batches that are good for it.
    The other options are those of `windrow.open()`.
    """
    records = list(records)
    if not records:
        logger.warning("no records to save")
        return 0
    place = shared.share(db_url, embeddings, **options)
    try:
        return await _save(place.store.asyncio, records, batch_size, upsert)
    finally:
        shared.release(place)


class ScraperRepository:
    """Documents by their URLs, in a store of its own.

    The first method that is awaited opens the store; one that was closed is
    opened again.  The options are those of `windrow.open()`; with
    `urls="conservative"` URLs are made canonical, in a store that is new.
    """

    def __init__(
        self,
        db_url: str | os.PathLike[str],
        embeddings: Any | None = None,
        pool_size: int = 20,
        max_overflow: int = 10,
        pool_recycle: int = 3600,
        echo: bool = False,
        **options: Any,
    ) -> None:
        self.db_url = db_url
        self.embeddings = embeddings
        self._pool = {
            "pool_size": pool_size,
            "max_overflow": max_overflow,
            "pool_recycle": pool_recycle,
        }
        self._echo = echo
        self._options = options
        self._store: BlockingStore | None = None
        self._sessions: Sessions | None = None
        self._no_sessions: str | None = None

    @property
    def store(self) -> Store:
        """The store itself, for all that the original has no method for."""
        if self._store is None:
            self._store = shared.open_store(
                self.db_url, self.embeddings, {**self._pool, **self._options}
            )
        return self._store.asyncio

    # --------------------------------------------------------- SQLAlchemy --

    def _open_sessions(self) -> Sessions:
        """Give what makes sessions; a RuntimeError says why there are none."""
        if self._sessions is None:
            if not HAS_SQLALCHEMY:
                raise RuntimeError(
                    "get_session() needs the package sqlalchemy, and asyncpg or "
                    "aiosqlite; all else works without"
                )
            from windrow.gpt_researcher.orm import Sessions

            self._sessions = Sessions(
                self.db_url,
                schema=self._options.get("schema"),
                table=self._options.get("table"),
                echo=self._echo,
                **self._pool,
            )
        return self._sessions

    def _try_sessions(self) -> Sessions | None:
        if self._no_sessions is None:
            try:
                return self._open_sessions()
            except Exception as error:
                self._no_sessions = str(error)
                logger.debug("documents have no id: %s", error)
        return None

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine on the same database, in the running loop."""
        return self._open_sessions().engine

    def get_session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Lend a session of SQLAlchemy's on the same database.

        `async with repository.get_session() as session:`; it is committed at the
        end, or rolled back where it raised.  A RuntimeError says what is not
        installed.  Over SQLite it is for reading.
        """
        return self._open_sessions().session()

    async def _ids(self, urls: Sequence[str]) -> dict[str, int]:
        """Ask for the rows' numbers, which the store has no use for."""
        sessions = self._try_sessions()
        if sessions is None or not urls:
            return {}
        from sqlalchemy import select

        ids: dict[str, int] = {}
        table: Any = ScrapedDocument
        try:
            async with sessions.session() as session:
                for i in range(0, len(urls), _MANY):
                    query = select(table.url, table.id)
                    query = query.where(table.url.in_(urls[i : i + _MANY]))
                    for url, number in await session.execute(query):
                        ids[url] = number
        except Exception as error:
            self._no_sessions = str(error)
            logger.warning("documents have no id: %s", error)
        return ids

    async def _show(self, found: Iterable[Document | None]) -> list[ScrapedDocument]:
        documents = [document for document in found if document is not None]
        ids = await self._ids([document.url for document in documents])
        return [to_scraped(document, ids.get(document.url)) for document in documents]

    # ------------------------------------------------------------ methods --

    async def initialize_database(self) -> None:
        """Open the store, and make it where there is none."""
        await self.store.flush()

    async def save_records(
        self,
        records: Iterable[Mapping[str, Any]],
        batch_size: int = 50,
        upsert: bool = True,
    ) -> int:
        """Save records; see `save_scraped_data_optimized()`."""
        return await _save(self.store, records, batch_size, upsert)

    async def get_document_by_url(self, url: str) -> ScrapedDocument | None:
        """Give the document of a URL, or None."""
        found = await self.get_documents_batch([url])
        return found[0] if found else None

    async def get_documents_batch(self, urls: Iterable[str]) -> list[ScrapedDocument]:
        """Give the documents of these URLs, without those that are not stored."""
        wanted = list(dict.fromkeys(urls))
        found: list[Document | None] = []
        for i in range(0, len(wanted), _MANY):
            found += await self.store.get(wanted[i : i + _MANY], embedding=True)
        return await self._show(found)

    async def get_existing_urls(self, urls: Iterable[str]) -> list[str]:
        """Give those of these URLs that are stored."""
        wanted = list(dict.fromkeys(urls))
        known = await self.store.known(wanted)
        return [url for url, stored in zip(wanted, known, strict=True) if stored]

    async def update_embeddings(self, urls: Iterable[str], batch_size: int = 20) -> int:
        """Embed those documents that have no embedding; gives how many have now.

        The others have one of the same model, of the same content.
        """
        _batch(batch_size)
        if self.embeddings is None:
            logger.warning("there is nothing to embed with")
            return 0
        wanted = list(dict.fromkeys(urls))
        lacking = [
            url
            for url, known in zip(
                wanted, await self.store.known_details(wanted), strict=True
            )
            if known.stored and not known.has_embedding
        ]
        for i in range(0, len(lacking), batch_size):
            found = await self.store.get(lacking[i : i + batch_size])
            # The same content again: nothing but its embedding is written.
            await self.store.save(
                {
                    "key": document.url,
                    "raw_content": document.content or "",
                    "fetched_at": document.fetched_at,
                }
                for document in found
                if document is not None
            )
        details = await self.store.known_details(lacking)
        return sum(known.has_embedding for known in details)

    async def search_by_embedding(
        self,
        query_embedding: Sequence[float],
        limit: int = 10,
        similarity_threshold: float = 0.7,
    ) -> list[ScrapedDocument]:
        """Give the documents that are nearest by cosine, the best first.

        All of them are at least similarity_threshold (-1 to 1) similar.
        """
        hits = await self.store.search(
            vector=query_embedding,
            mode="vector",
            k=limit,
            content=True,
            embedding=True,
        )
        return await self._show(h for h in hits if h.score >= similarity_threshold)

    async def cleanup_old_documents(self, days: int = 30) -> int:
        """Delete documents that were created more than so many days ago."""
        before = datetime.now(UTC) - timedelta(days=days)
        deleted = 0
        old: list[str] = []
        async with contextlib.aclosing(self._without_content()) as documents:
            async for document in documents:
                if document.created_at is not None and document.created_at < before:
                    old.append(document.url)
                if len(old) >= _MANY:
                    deleted += await self.store.delete(old, keys=True)
                    old.clear()
        if old:
            deleted += await self.store.delete(old, keys=True)
        return deleted

    def _without_content(self) -> Any:
        return self.store.export(content=False, page=_MANY)

    async def get_statistics(self) -> dict[str, Any]:
        """Count documents, and tell when the oldest and the newest were created."""
        stats = await self.store.stats(exact=True)
        oldest, newest = await self._created()
        return {
            "total_documents": stats["documents"],
            "documents_with_embeddings": stats["documents_with_embedding"],
            "oldest_document": oldest,
            "newest_document": newest,
        }

    async def _created(self) -> tuple[datetime | None, datetime | None]:
        sessions = self._try_sessions()
        if sessions is not None:
            from sqlalchemy import func, select

            time: Any = ScrapedDocument.created_at
            try:
                async with sessions.session() as session:
                    found = await session.execute(
                        select(func.min(time), func.max(time))
                    )
                    oldest, newest = found.one()
                    return oldest, newest
            except Exception as error:
                self._no_sessions = str(error)
                logger.warning("SQLAlchemy cannot be used: %s", error)
        oldest = newest = None
        async with contextlib.aclosing(self._without_content()) as documents:
            async for document in documents:
                created = document.created_at
                if created is not None:
                    oldest = created if oldest is None else min(oldest, created)
                    newest = created if newest is None else max(newest, created)
        return oldest, newest

    async def close(self) -> None:
        """Finish what was begun, and close."""
        store, self._store = self._store, None
        if store is not None:
            await store.asyncio.close()
        sessions, self._sessions = self._sessions, None
        if sessions is not None:
            await sessions.close()


class ScraperDataManager:
    """A repository, and questions that scrapers ask: `async with` it."""

    def __init__(
        self,
        db_url: str | os.PathLike[str],
        embeddings: Any | None = None,
        pool_size: int = 20,
        **options: Any,
    ) -> None:
        self.repository = ScraperRepository(
            db_url, embeddings, pool_size=pool_size, **options
        )

    async def __aenter__(self) -> Self:
        try:
            await self.initialize()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.close()

    async def initialize(self) -> None:
        """Open the store, and make it where there is none."""
        await self.repository.initialize_database()

    async def save_batch(
        self, records: Iterable[Mapping[str, Any]], batch_size: int = 50
    ) -> int:
        """Save records; gives how many are stored now as they were given."""
        return await self.repository.save_records(records, batch_size)

    async def get_existing_urls(self, urls: Iterable[str]) -> list[str]:
        """Give those of these URLs that are stored, in their order."""
        return await self.repository.get_existing_urls(urls)

    async def filter_new_urls(self, urls: Iterable[str]) -> list[str]:
        """Give those of these URLs that are not stored, in their order."""
        return await self.repository.store.filter_new(urls)

    async def update_embeddings_for_urls(
        self, urls: Iterable[str], batch_size: int = 20
    ) -> int:
        """Embed those that have no embedding; gives how many have one now."""
        return await self.repository.update_embeddings(urls, batch_size)

    async def get_statistics(self) -> dict[str, Any]:
        """See `ScraperRepository.get_statistics()`."""
        return await self.repository.get_statistics()

    async def cleanup_old_data(self, days: int = 30) -> int:
        """Delete what was created more than so many days ago; gives how many."""
        return await self.repository.cleanup_old_documents(days)

    async def close(self) -> None:
        """Finish what was begun, and close."""
        await self.repository.close()
