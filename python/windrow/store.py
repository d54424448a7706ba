"""The asyncio store."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Sequence,
)
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from windrow import _core, embedding, errors, verbs
from windrow.handle import Handle, drain_log
from windrow.lookups import WINDOW as LOOKUPS
from windrow.lookups import Lookups
from windrow.records import (
    Chunk,
    Document,
    Finding,
    Hit,
    Known,
    Pending,
    Policy,
    Records,
    Report,
    Time,
    chunks,
    since_of,
)

if TYPE_CHECKING:
    from windrow.blocking import BlockingStore

__all__ = ["Store"]

logger = logging.getLogger("windrow")

T = TypeVar("T")

_Ended = tuple[int, "_core.Reply | None"]

#: Submissions of one `save()` at a time.
_WINDOW = 8
#: Ends of work that are told at a time: what wakes up for them takes its time,
#: and timers wait meanwhile.
_EVENTS = 4


class _Hub:
    """A store in one event loop: its queue hangs there by its descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop, handle: Handle) -> None:
        self.loop = loop
        self.queue = _core.Queue()
        self.pending: dict[int, asyncio.Future[_Ended]] = {}
        self.tags = itertools.count(1)
        #: Who is let in where the store is full: one at a time, in their order.
        self.door = asyncio.Lock()
        self._room: asyncio.Future[None] | None = None
        self._embedder = handle.embedder
        self._embed_queue = handle.embed_queue if handle.in_loop else None
        self._embed_timeout = handle.embed_timeout
        self._log_queue = handle.log_queue
        self._tasks: dict[asyncio.Task[None], _core.Reply] = {}
        self._attached = True
        loop.add_reader(self.queue.fileno(), self._drain)
        loop.add_reader(self._log_queue.fileno(), self._drain_log)
        if self._embed_queue is not None:
            loop.add_reader(self._embed_queue.fileno(), self._embed)

    def _drain(self) -> None:
        self._take_events()

    def _take_events(self) -> int:
        events = self.queue.next(_EVENTS, 0)
        for tag, kind, status, reply in events:
            if kind == _core.EV_ROOM:
                if self._room is not None and not self._room.done():
                    self._room.set_result(None)
                continue
            future = self.pending.pop(tag, None)
            if future is not None and not future.done():
                future.set_result((status, reply))
        return len(events)

    def _drain_log(self) -> None:
        drain_log(self._log_queue)

    def _embed(self) -> None:
        embedder, queue = self._embedder, self._embed_queue
        if embedder is not None and embedder.coroutine is not None and queue:
            embedding.start_answers(
                queue, embedder.coroutine, self._embed_timeout, self._tasks
            )

    async def room(self) -> None:
        """Wait until submitting makes sense again."""
        self._room = self.loop.create_future()
        try:
            await self._room
        finally:
            self._room = None

    def detach(self) -> None:
        """Take the descriptors out of the loop.  In the loop's own thread."""
        if not self._attached:
            return
        self._attached = False
        # What the store did before it closed is known here, if not yet told.
        while self._take_events():
            pass
        for queue in (self.queue, self._log_queue, self._embed_queue):
            if queue is not None and not self.loop.is_closed():
                self.loop.remove_reader(queue.fileno())
        self.queue.close()
        for task in list(self._tasks):
            task.cancel()
        for future in self.pending.values():
            if not future.done():
                future.set_exception(errors.closed())
                # Nobody may wait for it any more.
                future.exception()
        self.pending.clear()

    def begun(self) -> list[_core.Reply]:
        """Give the requests to embed that were begun here."""
        return list(self._tasks.values())

    def detach_soon(self) -> None:
        """Likewise, from any thread."""
        if self.loop.is_closed():
            self._attached = False
        elif asyncio._get_running_loop() is self.loop:
            self.detach()
        else:
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.detach)


class _Work:
    """A verb under way: what to wait for, and what to cancel."""

    def __init__(self, core: _core.Store, hub: _Hub) -> None:
        self.core = core
        self.hub = hub
        self.tag = next(hub.tags)
        self.future: asyncio.Future[_Ended] = hub.loop.create_future()

    def start(self, verb: verbs.Verb[Any]) -> None:
        self.hub.pending[self.tag] = self.future
        try:
            verb.start(self.core, self.hub.queue, self.tag)
        except BaseException:
            del self.hub.pending[self.tag]
            raise

    def cancel(self) -> None:
        """Tell it to end early; its event, when it comes, is for nobody."""
        if self.hub.pending.pop(self.tag, None) is None:
            return
        if self.hub.loop.is_closed():
            # A coroutine that nobody will run any more is being collected.
            return
        self.future.cancel()
        # A store that is closed has ended it by itself.
        with contextlib.suppress(_core.WindrowError, ValueError):
            self.core.cancel(self.hub.queue, self.tag)

    async def end(self) -> _Ended:
        try:
            return await self.future
        except asyncio.CancelledError:
            self.cancel()
            raise


class Store:
    """A store, from asyncio.

    Made by `windrow.open()`; the first method that is awaited opens it, and so
    do `await store` and `async with store`, which tell at once what is wrong.
    Methods may be called from several event loops, in several threads, at the
    same time; a store that outlives its loop goes on in the next one.

    Awaiting ends no sooner than the data are committed.  Cancelling an await
    cancels the work; what was committed by then stays.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __repr__(self) -> str:
        return f"<windrow.Store of {self._handle!r}>"

    # ------------------------------------------------------------- life --

    async def _opened(self) -> Self:
        try:
            await self.flush()
        except BaseException:
            await self.close(drain=False)
            raise
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.close()

    async def close(self, *, drain: bool = True) -> None:
        """Finish what was begun, or with drain=False abort it, and let go.

        A second call waits for the first one's end; on a store that is closed,
        or that is a parent process's, it does nothing.
        """
        core = self._handle.to_close()
        if core is not None:
            hub = self._hub()
            work = _Work(core, hub)
            mode = _core.CLOSE_DRAIN if drain else _core.CLOSE_ABORT
            try:
                work.start(verbs.close(mode))
            except _core.WindrowError as error:
                if error.args[0] != _core.ECLOSED:
                    raise errors.from_core(error) from None
            else:
                try:
                    await work.future
                except asyncio.CancelledError:
                    # Who cannot wait for a drain gets an abort.
                    with contextlib.suppress(_core.WindrowError, ValueError):
                        core.close(_core.CLOSE_ABORT, hub.queue, 0)
                    raise
        self._handle.finish()

    @functools.cached_property
    def blocking(self) -> BlockingStore:
        """The same store for code that waits: see `BlockingStore`.

        Not to be called in the thread of a loop that embeds for the store.
        """
        from windrow.blocking import BlockingStore

        return BlockingStore(self._handle)

    @property
    def dim(self) -> int:
        """The dimension of its embeddings; 0: not known, or not open yet."""
        return self._handle.dim

    @property
    def metrics(self) -> str:
        """Counters in Prometheus' text format."""
        return self._handle.metrics()

    # ---------------------------------------------------------- running --

    def _hub(self) -> _Hub:
        loop = asyncio.get_running_loop()
        hub = self._handle.hubs.get(loop)
        if isinstance(hub, _Hub):
            return hub
        made = _Hub(loop, self._handle)
        self._handle.add_hub(loop, made)
        return made

    async def _begin(self, verb: verbs.Verb[Any]) -> _Work:
        """Start a verb, when there is room for it."""
        core = self._handle.ensure()
        hub = self._hub()
        work = _Work(core, hub)
        try:
            if not hub.door.locked():
                with contextlib.suppress(_core.Full):
                    work.start(verb)
                    return work
            async with hub.door:
                while True:
                    try:
                        work.start(verb)
                    except _core.Full:
                        await hub.room()
                    else:
                        return work
        except _core.WindrowError as error:
            raise errors.from_core(error) from None

    async def _run(self, verb: verbs.Verb[T]) -> T:
        status, reply = await (await self._begin(verb)).end()
        if status:
            raise _error(status, reply)
        assert reply is not None
        return verb.result(reply)

    async def _run_each(
        self, made: Iterable[verbs.Verb[T]], window: int
    ) -> AsyncGenerator[T, None]:
        """Run several of them, a few at a time; results in their order."""
        waiting: deque[tuple[_Work, verbs.Verb[T]]] = deque()
        try:
            for verb in made:
                waiting.append((await self._begin(verb), verb))
                if len(waiting) >= window:
                    yield await _take(waiting)
            while waiting:
                yield await _take(waiting)
        finally:
            for work, _ in waiting:
                work.cancel()

    # ----------------------------------------------------------- writing --

    async def save(self, records: Records, policy: Policy = "update") -> Report:
        """Save records: any iterable of them, also an asynchronous one.

        Waits while too much is in flight.  See `windrow.records` for what a
        record is.  With policy `"update"` what is stored is written again if it
        changed, with `"skip"` it is left as it is, with `"fail"` its record
        fails.  A bad record fails alone: see the report's `errors`.
        """
        number = verbs.policy_of(policy)
        report = Report()
        waiting: deque[tuple[_Work, Chunk]] = deque()
        try:
            async for chunk in _chunks(records):
                waiting.append((await self._submit(chunk, number), chunk))
                if len(waiting) >= _WINDOW:
                    await _settle(waiting, report)
            while waiting:
                await _settle(waiting, report)
        finally:
            for work, _ in waiting:
                work.cancel()
        return report

    async def _submit(self, chunk: Chunk, policy: int) -> _Work:
        verb = verbs.submit(chunk.rows, policy)
        try:
            return await self._begin(verb)
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, errors.Error) or not chunk.refuse_embeddings():
                raise
        return await self._begin(verb)

    async def delete(self, urls: Sequence[str], *, keys: bool = False) -> int:
        """Delete by URL; gives how many there were."""
        return await self._run(verbs.delete(verbs.texts_of(urls), keys))

    async def prune(
        self,
        older_than: timedelta | Time | None = None,
        *,
        filter: verbs.Filter | None = None,
        limit: int | None = None,
        dry_run: bool = False,
    ) -> int:
        """Delete what was fetched before a time, or by a filter; or only count.

        Needs one or the other.  Gives how many there were.
        """
        return await self._run(verbs.prune(older_than, filter, limit, dry_run))

    async def flush(self) -> None:
        """Wait for what was begun before, in whatever task or thread."""
        await self._run(verbs.flush())

    async def embed_pending(self, limit: int | None = None) -> Pending:
        """Embed documents that wait for it, at most limit of them."""
        return await self._run(verbs.embed_pending(limit))

    # ----------------------------------------------------------- reading --

    async def known(
        self,
        urls: Sequence[str],
        max_age: timedelta | float | None = None,
        *,
        since: Time | None = None,
        keys: bool = False,
    ) -> list[bool]:
        """Tell for each URL whether it is stored.

        With max_age (seconds, or a `timedelta`), or since, only pages count
        that were fetched since then.
        """
        when = since_of(max_age, since)
        return (await self._look_up(verbs.texts_of(urls), when, keys)).known()

    async def _look_up(self, urls: list[str], since: int, keys: bool) -> Lookups:
        lookups = Lookups(urls)
        for _ in lookups.arrange():
            await asyncio.sleep(0)
        made = self._run_each(lookups.verbs(since, keys), LOOKUPS)
        async with contextlib.aclosing(made) as ended:
            async for _ in ended:
                pass
        return lookups

    async def known_details(
        self,
        urls: Sequence[str],
        max_age: timedelta | float | None = None,
        *,
        since: Time | None = None,
        keys: bool = False,
    ) -> list[Known]:
        """Likewise, with when it was fetched and whether it has an embedding."""
        return await self._run(
            verbs.known_details(verbs.texts_of(urls), since_of(max_age, since), keys)
        )

    async def filter_new(
        self, urls: Iterable[str], max_age: timedelta | float | None = None
    ) -> list[str]:
        """Give the URLs that are not stored, or too old, in their order."""
        texts = verbs.texts_of(urls)
        return (await self._look_up(texts, since_of(max_age), False)).new()

    @overload
    async def get(  # type: ignore[overload-overlap]
        self,
        urls: str,
        *,
        content: bool = ...,
        embedding: bool = ...,
        keys: bool = ...,
    ) -> Document | None: ...

    @overload
    async def get(
        self,
        urls: Sequence[str],
        *,
        content: bool = ...,
        embedding: bool = ...,
        keys: bool = ...,
    ) -> list[Document | None]: ...

    async def get(
        self,
        urls: str | Sequence[str],
        *,
        content: bool = True,
        embedding: bool = False,
        keys: bool = False,
    ) -> Document | list[Document | None] | None:
        """Give the document of a URL, or those of several, None for none.

        keys: they are keys of one's own, not URLs to be made canonical.
        """
        parts = verbs.parts_of(content, embedding, keys)
        if isinstance(urls, str):
            return (await self._run(verbs.get([urls], parts)))[0]
        return await self._run(verbs.get(verbs.texts_of(urls), parts))

    async def search(
        self,
        text: str | None = None,
        *,
        vector: object = None,
        mode: verbs.Mode = "auto",
        k: int = 10,
        filter: verbs.Filter | None = None,
        content: bool = False,
        embedding: bool = False,
        mark: tuple[str, str] | None = None,
        timeout: float | None = None,
        effort: int | None = None,
    ) -> list[Hit]:
        """Find the k best, by words, by a vector, or by both.

        Mode `"auto"` is `"hybrid"` where the store can, else what it can.
        filter: `url_prefix`, `host`, `since`, `until`, `metadata`.  mark: what
        to put around the words found in a snippet.  effort: candidates that an
        HNSW index looks at.
        """
        if vector is None and text and mode != "text":
            vector = await self._query_vector(text, required=mode != "auto")
            if vector is None and mode == "auto" and self._embeds_queries:
                mode = "text"
        return await self._run(
            verbs.search(
                text,
                vector,
                mode,
                k,
                filter,
                verbs.parts_of(content, embedding),
                mark,
                timeout,
                effort,
            )
        )

    @property
    def _embeds_queries(self) -> bool:
        embedder = self._handle.embedder
        return embedder is not None and embedder.has_query

    async def _query_vector(self, text: str, required: bool) -> object:
        """Embed a query where the embedder has a way of its own to do so."""
        handle, embedder = self._handle, self._handle.embedder
        if embedder is None or not embedder.has_query:
            return None
        try:
            async with asyncio.timeout(handle.embed_timeout):
                if embedder.query_coroutine is None:
                    query = embedder.query
                    assert query is not None
                    return await asyncio.wrap_future(
                        handle.pool.submit(lambda: query(text))
                    )
                coroutine = embedder.query_coroutine(text)
                if isinstance(handle.service, embedding.LoopService):
                    return await asyncio.wrap_future(handle.service.submit(coroutine))
                return await coroutine
        except Exception as error:
            return query_failed(error, required)

    async def export(
        self,
        filter: verbs.Filter | None = None,
        *,
        content: bool = True,
        embedding: bool = False,
        page: int = 100,
    ) -> AsyncIterator[Document]:
        """Go through all documents that pass a filter, in the order of their keys.

        The next page is fetched when the one before it is used up.
        """
        parts, after = verbs.parts_of(content, embedding), ""
        while True:
            documents, after = await self._run(verbs.scan(filter, after, page, parts))
            for document in documents:
                yield document
            if not after:
                return

    async def stats(self, *, exact: bool = False) -> dict[str, int | str]:
        """Give what the store says of itself; exact: count where that is dear."""
        return await self._run(verbs.stats(exact))

    # ------------------------------------------------------ housekeeping --

    async def check(self, *, deep: bool = False) -> list[Finding]:
        """Look for damage and for what could be better."""
        return await self._run(verbs.check(deep))

    async def migrate(self) -> int:
        """Bring the schema up to date; gives its version."""
        return await self._run(verbs.migrate())

    async def index(
        self,
        which: verbs.Which = "all",
        *,
        m: int | None = None,
        ef_construction: int | None = None,
        drop: bool = False,
    ) -> int:
        """Build (or drop) the indexes that searches use; gives how many.

        Best after a load.  Only PostgreSQL has any.
        """
        return await self._run(verbs.index(which, m, ef_construction, drop))

    async def progress(self) -> dict[str, int | str]:
        """How far is the migration, or the index, that is being worked on?"""
        return await self._run(verbs.progress())


def _error(status: int, reply: _core.Reply | None) -> errors.Error:
    details = None if reply is None else reply.error()
    if details is None:
        details = (status, 0, 0, "", "", "")
    return errors.from_details(details)


async def _take(waiting: deque[tuple[_Work, verbs.Verb[T]]]) -> T:
    work, verb = waiting[0]
    status, reply = await work.end()
    waiting.popleft()
    if status:
        raise _error(status, reply)
    assert reply is not None
    return verb.result(reply)


async def _settle(waiting: deque[tuple[_Work, Chunk]], report: Report) -> None:
    """Wait for the oldest submission, and take down what became of it."""
    work, chunk = waiting[0]
    status, reply = await work.end()
    waiting.popleft()
    if reply is not None:
        report.add(chunk, reply)
    if status:
        error = _error(status, reply)
        error.report = report
        raise error


async def _chunks(records: Records) -> AsyncIterator[Chunk]:
    """Convert records, a submission at a time; the loop has its turn between."""
    if isinstance(records, AsyncIterable):
        chunk = Chunk()
        async for record in records:
            chunk.add(record)
            if chunk.is_full:
                yield chunk
                chunk = Chunk()
        if chunk.rows:
            yield chunk
        return
    for i, made in enumerate(chunks(records)):
        if i:
            await asyncio.sleep(0)
        yield made


def query_failed(error: Exception, required: bool) -> object:
    """Raise where a search needs the vector; else it goes by words alone."""
    if not required:
        logger.warning("the query was not embedded, searching text: %r", error)
        return None
    if isinstance(error, errors.Error):
        raise error
    raise errors.RemoteError(
        f"the query was not embedded: {type(error).__name__}: {error}",
        status=embedding.status_of(error),
        where="python",
    ) from error
