"""Anything that embeds, and the answers to Windrow's requests to embed.

Windrow asks by message: up to `embed_batch` texts, `embed_inflight` requests at
a time.  Functions that block are called by threads of Python's, `embed_workers`
of them, which take the messages in turns; coroutine functions run in the event
loop that uses the store, or, for a blocking store, in a loop on a thread.

Whatever goes wrong in them, the page is stored and waits for its embedding.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from windrow import _core

__all__ = ["AsyncEmbeddings", "Embeddings", "SyncEmbeddings", "Vectors"]

logger = logging.getLogger("windrow")

#: As many vectors as there were texts: a 2-D buffer of floats, or a sequence of
#: sequences or buffers.
Vectors: TypeAlias = Any
_Texts: TypeAlias = list[str]
_Embed: TypeAlias = Callable[[_Texts], Vectors]
_AsyncEmbed: TypeAlias = Callable[[_Texts], Awaitable[Vectors]]


@runtime_checkable
class SyncEmbeddings(Protocol):
    """LangChain's way to embed, and that of many others."""

    def embed_documents(self, texts: list[str]) -> Any:
        """Embed texts: as many vectors, in their order."""


@runtime_checkable
class AsyncEmbeddings(Protocol):
    """Likewise, as a coroutine."""

    def aembed_documents(self, texts: list[str]) -> Awaitable[Any]:
        """Embed texts: as many vectors, in their order."""


Embeddings: TypeAlias = (
    SyncEmbeddings
    | AsyncEmbeddings
    | Callable[[list[str]], Any]
    | Callable[[list[str]], Awaitable[Any]]
)


@dataclass(frozen=True, slots=True)
class Embedder:
    """What embeds, taken apart: at least one of the first two is there."""

    sync: _Embed | None
    coroutine: _AsyncEmbed | None
    query: Callable[[str], Any] | None
    query_coroutine: Callable[[str], Awaitable[Any]] | None
    model: str

    @property
    def has_query(self) -> bool:
        """Does it embed queries in another way than documents?"""
        return self.query is not None or self.query_coroutine is not None


def _is_coroutine(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def _own(obj: object, name: str) -> Any:
    """Find a method, unless it only runs the blocking one in an executor.

    That is what LangChain's `Embeddings` does where a class has none of its own.
    """
    method = getattr(obj, name, None)
    if not callable(method):
        return None
    function = getattr(method, "__func__", method)
    inherited = getattr(function, "__module__", "") in (
        "langchain_core.embeddings.embeddings",
        "langchain_core.embeddings",
    )
    return None if inherited else method


def _model_of(obj: Any, model: str | None) -> str:
    """Name it, for the store's records of what its vectors are."""
    names = [model, getattr(obj, "model", None), getattr(obj, "model_name", None)]
    for name in names:
        if isinstance(name, str) and name:
            return name
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    return f"{named.__module__}.{named.__qualname__}"


def embedder_of(obj: object, model: str | None = None) -> Embedder:
    """Take apart what embeds; a TypeError says that it does not."""
    name = _model_of(obj, model)
    if isinstance(obj, SyncEmbeddings | AsyncEmbeddings):
        coroutine = _own(obj, "aembed_documents")
        sync = getattr(obj, "embed_documents", None)
        if coroutine is None and sync is None:
            coroutine = cast("AsyncEmbeddings", obj).aembed_documents
        return Embedder(
            sync,
            coroutine,
            getattr(obj, "embed_query", None),
            _own(obj, "aembed_query"),
            name,
        )
    if not callable(obj):
        raise TypeError(
            f"{type(obj).__name__} does not embed: give an object with "
            "embed_documents or aembed_documents, or a function from texts to "
            "vectors"
        )
    if _is_coroutine(obj):
        return Embedder(None, obj, None, None, name)
    return Embedder(obj, None, None, None, name)


# --------------------------------------------------------------- answers ---


def _http_status(error: BaseException) -> int:
    """Give the status of an HTTP error, of whichever library; 0: it is none."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    return 0


def _retry_after_ms(error: BaseException) -> int:
    value = getattr(error, "retry_after", None)
    if value is None:
        headers = getattr(getattr(error, "response", None), "headers", None)
        with contextlib.suppress(Exception):
            value = headers.get("retry-after") if headers is not None else None
    try:
        seconds = float(value) if value is not None else 0.0
    except (TypeError, ValueError):
        return 0
    return int(min(max(seconds, 0.0), 3600.0) * 1000)


def status_of(error: BaseException) -> int:
    """Tell what passes from what does not, and a bad text from both."""
    status = _http_status(error)
    if status == 429:
        return _core.ELIMIT
    if status in (401, 403):
        return _core.EAUTH
    if status in (400, 413, 422) or isinstance(error, UnicodeError):
        return _core.EDATA
    if status >= 500:
        return _core.EIO
    if isinstance(error, TimeoutError):
        return _core.ETIMEOUT
    if isinstance(error, MemoryError):
        return _core.ENOMEM
    # A loop that ends cancels what it embeds; another one may go on.
    if isinstance(error, OSError | asyncio.CancelledError):
        return _core.EIO
    return _core.EREMOTE


def refuse(job: _core.Reply, error: BaseException) -> None:
    """Answer that it could not be done."""
    logger.debug("embedding failed", exc_info=error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # Answered already: what came after that is nobody's business.
    with contextlib.suppress(RuntimeError):
        job.fail(status_of(error), _retry_after_ms(error), text[:200])


async def _await(value: Awaitable[Any]) -> Any:
    return await value


def answer(job: _core.Reply, embed: _Embed) -> None:
    """Embed what is asked for, on this thread."""
    try:
        vectors = embed(job.texts())
        if inspect.isawaitable(vectors):
            vectors = asyncio.run(_await(vectors))
        job.finish(vectors)
    except BaseException as error:
        refuse(job, error)


async def answer_soon(job: _core.Reply, embed: _AsyncEmbed, timeout: float) -> None:
    """Embed what is asked for, in this loop."""
    try:
        async with asyncio.timeout(timeout):
            vectors = await embed(job.texts())
        job.finish(vectors)
    except asyncio.CancelledError as error:
        refuse(job, error)
        raise
    except Exception as error:
        refuse(job, error)


# --------------------------------------------------------------- threads ---


class ThreadedService:
    """Threads that answer with a function that blocks.

    One of them waits for the next request, the others embed or wait for their
    turn.  They are daemons: a function that never returns keeps nobody from
    leaving.
    """

    def __init__(self, queue: _core.Queue, embed: _Embed, workers: int) -> None:
        self._queue = queue
        self._embed = embed
        self._workers = workers
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._stopped = False

    def start(self) -> None:
        """Begin to answer."""
        with self._lock:
            self._hire()

    def _hire(self) -> None:
        if self._stopped or self._idle or len(self._threads) >= self._workers:
            return
        thread = threading.Thread(
            target=self._run,
            name=f"windrow-embed-{len(self._threads)}",
            daemon=True,
        )
        self._threads.append(thread)
        self._idle += 1
        thread.start()

    def _next(self) -> list[tuple[int, int, int, _core.Reply | None]]:
        # A queue that was closed, or is the parent's: nobody asks any more.
        with self._turn, contextlib.suppress(ValueError, _core.WindrowError):
            while not self._stopped:
                events = self._queue.next(1, -1)
                if events:
                    return events
        return []

    def _run(self) -> None:
        while events := self._next():
            with self._lock:
                self._idle -= 1
                self._hire()
            job = events[0][3]
            del events
            if job is not None:
                answer(job, self._embed)
            del job
            with self._lock:
                self._idle += 1

    def stop(self, timeout: float | None = None) -> None:
        """Answer no more; with a timeout, wait as long for what is under way."""
        with self._lock:
            self._stopped = True
        self._queue.wake()
        if timeout is None:
            return
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout)


class LoopService:
    """A thread whose event loop answers with a coroutine function."""

    def __init__(self, queue: _core.Queue, embed: _AsyncEmbed, timeout: float) -> None:
        self._queue = queue
        self._embed = embed
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._end: asyncio.Event | None = None
        self._tasks: dict[asyncio.Task[None], _core.Reply] = {}
        self._thread = threading.Thread(
            target=self._run, name="windrow-embed-loop", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._loop = loop
        self._ready.set()
        loop.add_reader(self._queue.fileno(), self._drain)
        await self._end.wait()
        loop.remove_reader(self._queue.fileno())

    def _drain(self) -> None:
        start_answers(self._queue, self._embed, self._timeout, self._tasks)

    def submit(self, coroutine: Awaitable[Any]) -> Future[Any]:
        """Run a coroutine in this loop."""
        if self._loop is None:
            raise RuntimeError("the loop does not run yet")
        return asyncio.run_coroutine_threadsafe(_await(coroutine), self._loop)

    def stop(self, timeout: float | None = None) -> None:
        """Answer no more; with a timeout, wait as long for the thread's end."""
        if self._loop is not None and self._end is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._end.set)
        if timeout is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)


def start_answers(
    queue: _core.Queue,
    embed: _AsyncEmbed,
    timeout: float,
    tasks: dict[asyncio.Task[None], _core.Reply],
) -> None:
    """Start a task for each request that waits; tasks has those that run."""
    loop = asyncio.get_running_loop()
    for _, kind, _, job in queue.next(16, 0):
        if kind == _core.EV_EMBED and job is not None:
            task = loop.create_task(answer_soon(job, embed, timeout))
            tasks[task] = job
            task.add_done_callback(tasks.pop)


def refuse_all(queue: _core.Queue, begun: Iterable[_core.Reply]) -> None:
    """Fail the requests that nobody will answer any more."""
    waiting = [job for _, kind, _, job in queue.next(64, 0) if kind == _core.EV_EMBED]
    for job in (*waiting, *begun):
        if job is not None:
            with contextlib.suppress(RuntimeError):
                job.fail(_core.EREMOTE, 0, "the program is ending")


class Pool:
    """Daemon threads for calls that block: a few, started as they are needed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._work = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Have it called; the future says what came of it."""
        future: Future[Any] = Future()
        self._work.put((future, call))
        with self._lock:
            if self._threads < self._workers:
                self._threads += 1
                threading.Thread(
                    target=_work_off,
                    args=(self._work,),
                    name="windrow-query",
                    daemon=True,
                ).start()
        return future

    def stop(self) -> None:
        """Let the threads go when they have done what was given to them."""
        with self._lock:
            for _ in range(self._threads):
                self._work.put(None)
            self._workers = self._threads = 0


def _work_off(
    work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None],
) -> None:
    while item := work.get():
        future, call = item
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)
        del future, call, item


Service: TypeAlias = ThreadedService | LoopService
