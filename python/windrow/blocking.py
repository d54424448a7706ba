"""The blocking store: the asyncio store's twin."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from windrow import _core, embedding, errors, verbs
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
    Record,
    Report,
    Time,
    chunks,
    since_of,
)
from windrow.store import _WINDOW, _error, query_failed

if TYPE_CHECKING:
    from windrow.handle import Handle
    from windrow.store import Store

__all__ = ["BlockingStore"]

T = TypeVar("T")


class _Line:
    """A queue for one call, and the events in it that were not asked for yet."""

    def __init__(self) -> None:
        self.queue = _core.Queue()
        self.tags = itertools.count(1)
        self._ended: dict[int, tuple[int, _core.Reply | None]] = {}

    def wait(self, tag: int) -> tuple[int, _core.Reply | None]:
        """Wait for the event with this tag."""
        while tag not in self._ended:
            self._take()
        return self._ended.pop(tag)

    def wait_for_room(self) -> None:
        """Wait until submitting makes sense again."""
        while not self._take():
            pass

    def _take(self) -> bool:
        room = False
        for tag, kind, status, reply in self.queue.next(16, -1):
            if kind == _core.EV_ROOM:
                room = True
            else:
                self._ended[tag] = (status, reply)
        return room


class BlockingStore:
    """A store, from code that waits; the methods are those of `Store`.

    Made by `windrow.open_sync()`, or of an asyncio store by `store.blocking`.
    Any number of threads may use it at the same time.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._lines: deque[_Line] = deque()

    def __repr__(self) -> str:
        return f"<windrow.BlockingStore of {self._handle!r}>"

    # ------------------------------------------------------------- life --

    def open(self) -> Self:
        """Open it, which the first method does too; tells what is wrong."""
        try:
            self.flush()
        except BaseException:
            self.close(drain=False)
            raise
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self, *, drain: bool = True) -> None:
        """Finish what was begun, or with drain=False abort it, and let go."""
        core = self._handle.to_close()
        if core is not None:
            mode = _core.CLOSE_DRAIN if drain else _core.CLOSE_ABORT
            with self._line() as line:
                tag = next(line.tags)
                try:
                    core.close(mode, line.queue, tag)
                except _core.WindrowError as error:
                    if error.args[0] != _core.ECLOSED:
                        raise errors.from_core(error) from None
                else:
                    line.wait(tag)
        self._handle.finish()
        self._lines.clear()

    @functools.cached_property
    def asyncio(self) -> Store:
        """The same store for coroutines: see `Store`."""
        from windrow.store import Store

        return Store(self._handle)

    @property
    def dim(self) -> int:
        """The dimension of its embeddings; 0: not known, or not open yet."""
        return self._handle.dim

    @property
    def metrics(self) -> str:
        """Counters in Prometheus' text format."""
        return self._handle.metrics()

    # ---------------------------------------------------------- running --

    @contextlib.contextmanager
    def _line(self) -> Iterator[_Line]:
        """Lend a queue that nobody else uses meanwhile."""
        self._handle.check_process()
        try:
            line = self._lines.pop()
        except IndexError:
            line = _Line()
        try:
            yield line
        except BaseException:
            # Events of what was given up may come yet.
            line.queue.close()
            raise
        else:
            self._lines.append(line)
        finally:
            self._handle.drain_log()

    def _begin(self, line: _Line, verb: verbs.Verb[Any]) -> int:
        """Start a verb, when there is room for it."""
        core = self._handle.ensure()
        tag = next(line.tags)
        try:
            while True:
                try:
                    verb.start(core, line.queue, tag)
                except _core.Full:
                    line.wait_for_room()
                else:
                    return tag
        except _core.WindrowError as error:
            raise errors.from_core(error) from None

    def _cancel(self, line: _Line, tags: Iterable[int]) -> None:
        with contextlib.suppress(errors.Error, _core.WindrowError, ValueError):
            core = self._handle.ensure()
            for tag in tags:
                core.cancel(line.queue, tag)

    def _run(self, verb: verbs.Verb[T]) -> T:
        return next(self._run_each([verb]))

    def _run_each(self, made: Iterable[verbs.Verb[T]], window: int = 1) -> Iterator[T]:
        """Run several of them, a few at a time; results in their order."""
        results: list[T] = []
        waiting: deque[tuple[int, verbs.Verb[T]]] = deque()

        def take(line: _Line) -> None:
            tag, verb = waiting[0]
            status, reply = line.wait(tag)
            waiting.popleft()
            if status:
                raise _error(status, reply)
            assert reply is not None
            results.append(verb.result(reply))

        with self._line() as line:
            try:
                for verb in made:
                    waiting.append((self._begin(line, verb), verb))
                    if len(waiting) >= window:
                        take(line)
                while waiting:
                    take(line)
            except BaseException:
                self._cancel(line, [tag for tag, _ in waiting])
                raise
        return iter(results)

    # ----------------------------------------------------------- writing --

    def save(self, records: Iterable[Record], policy: Policy = "update") -> Report:
        """Save records; see `Store.save()`."""
        number = verbs.policy_of(policy)
        report = Report()
        waiting: deque[tuple[int, Chunk]] = deque()
        with self._line() as line:
            try:
                for chunk in chunks(records):
                    waiting.append((self._submit(line, chunk, number), chunk))
                    if len(waiting) >= _WINDOW:
                        self._settle(line, waiting, report)
                while waiting:
                    self._settle(line, waiting, report)
            except BaseException:
                self._cancel(line, [tag for tag, _ in waiting])
                raise
        return report

    def _submit(self, line: _Line, chunk: Chunk, policy: int) -> int:
        verb = verbs.submit(chunk.rows, policy)
        try:
            return self._begin(line, verb)
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, errors.Error) or not chunk.refuse_embeddings():
                raise
        return self._begin(line, verb)

    def _settle(
        self, line: _Line, waiting: deque[tuple[int, Chunk]], report: Report
    ) -> None:
        tag, chunk = waiting[0]
        status, reply = line.wait(tag)
        waiting.popleft()
        if reply is not None:
            report.add(chunk, reply)
        if status:
            error = _error(status, reply)
            error.report = report
            raise error

    def delete(self, urls: Sequence[str], *, keys: bool = False) -> int:
        """Delete by URL; gives how many there were."""
        return self._run(verbs.delete(verbs.texts_of(urls), keys))

    def prune(
        self,
        older_than: timedelta | Time | None = None,
        *,
        filter: verbs.Filter | None = None,
        limit: int | None = None,
        dry_run: bool = False,
    ) -> int:
        """Delete by age or by a filter; see `Store.prune()`."""
        return self._run(verbs.prune(older_than, filter, limit, dry_run))

    def flush(self) -> None:
        """Wait for what was begun before, in whatever task or thread."""
        self._run(verbs.flush())

    def embed_pending(self, limit: int | None = None) -> Pending:
        """Embed documents that wait for it, at most limit of them."""
        return self._run(verbs.embed_pending(limit))

    # ----------------------------------------------------------- reading --

    def known(
        self,
        urls: Sequence[str],
        max_age: timedelta | float | None = None,
        *,
        since: Time | None = None,
        keys: bool = False,
    ) -> list[bool]:
        """Tell for each URL whether it is stored; see `Store.known()`."""
        when = since_of(max_age, since)
        return self._look_up(verbs.texts_of(urls), when, keys).known()

    def _look_up(self, urls: list[str], since: int, keys: bool) -> Lookups:
        lookups = Lookups(urls)
        for _ in lookups.arrange():
            pass
        for _ in self._run_each(lookups.verbs(since, keys), LOOKUPS):
            pass
        return lookups

    def known_details(
        self,
        urls: Sequence[str],
        max_age: timedelta | float | None = None,
        *,
        since: Time | None = None,
        keys: bool = False,
    ) -> list[Known]:
        """Likewise, with when it was fetched and whether it has an embedding."""
        return self._run(
            verbs.known_details(verbs.texts_of(urls), since_of(max_age, since), keys)
        )

    def filter_new(
        self, urls: Iterable[str], max_age: timedelta | float | None = None
    ) -> list[str]:
        """Give the URLs that are not stored, or too old, in their order."""
        texts = verbs.texts_of(urls)
        return self._look_up(texts, since_of(max_age), False).new()

    @overload
    def get(  # type: ignore[overload-overlap]
        self,
        urls: str,
        *,
        content: bool = ...,
        embedding: bool = ...,
        keys: bool = ...,
    ) -> Document | None: ...

    @overload
    def get(
        self,
        urls: Sequence[str],
        *,
        content: bool = ...,
        embedding: bool = ...,
        keys: bool = ...,
    ) -> list[Document | None]: ...

    def get(
        self,
        urls: str | Sequence[str],
        *,
        content: bool = True,
        embedding: bool = False,
        keys: bool = False,
    ) -> Document | list[Document | None] | None:
        """Give the document of a URL, or those of several; see `Store.get()`."""
        parts = verbs.parts_of(content, embedding, keys)
        if isinstance(urls, str):
            return self._run(verbs.get([urls], parts))[0]
        return self._run(verbs.get(verbs.texts_of(urls), parts))

    def search(
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
        """Find the k best, by words, a vector, or both; see `Store.search()`."""
        if vector is None and text and mode != "text":
            vector = self._query_vector(text, required=mode != "auto")
            if vector is None and mode == "auto" and self._embeds_queries:
                mode = "text"
        return self._run(
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

    def _query_vector(self, text: str, required: bool) -> object:
        """Embed a query where the embedder has a way of its own to do so."""
        handle, embedder = self._handle, self._handle.embedder
        if embedder is None or not embedder.has_query:
            return None
        service = handle.service
        try:
            if isinstance(service, embedding.LoopService) and embedder.query_coroutine:
                handle.ensure()
                future = service.submit(embedder.query_coroutine(text))
                return future.result(handle.embed_timeout)
            query = embedder.query
            if query is None:
                # Windrow asks for it, as for a document.
                return None
            future = handle.pool.submit(lambda: query(text))
            return future.result(handle.embed_timeout)
        except Exception as error:
            return query_failed(error, required)

    def export(
        self,
        filter: verbs.Filter | None = None,
        *,
        content: bool = True,
        embedding: bool = False,
        page: int = 100,
    ) -> Iterator[Document]:
        """Go through all documents that pass a filter, in the order of their keys."""
        parts, after = verbs.parts_of(content, embedding), ""
        while True:
            documents, after = self._run(verbs.scan(filter, after, page, parts))
            yield from documents
            if not after:
                return

    def stats(self, *, exact: bool = False) -> dict[str, int | str]:
        """Give what the store says of itself; exact: count where that is dear."""
        return self._run(verbs.stats(exact))

    # ------------------------------------------------------ housekeeping --

    def check(self, *, deep: bool = False) -> list[Finding]:
        """Look for damage and for what could be better."""
        return self._run(verbs.check(deep))

    def migrate(self) -> int:
        """Bring the schema up to date; gives its version."""
        return self._run(verbs.migrate())

    def index(
        self,
        which: verbs.Which = "all",
        *,
        m: int | None = None,
        ef_construction: int | None = None,
        drop: bool = False,
    ) -> int:
        """Build (or drop) the indexes that searches use; gives how many."""
        return self._run(verbs.index(which, m, ef_construction, drop))

    def progress(self) -> dict[str, int | str]:
        """How far is the migration, or the index, that is being worked on?"""
        return self._run(verbs.progress())
