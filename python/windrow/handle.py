"""A store's handle, which its asyncio face and its blocking face share.

It owns the C store, what answers its requests to embed, and its log.  All of it
may be used from any thread.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import time
import warnings
import weakref
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from windrow import _core, embedding, errors
from windrow.verbs import LEVELS, choice

logger = logging.getLogger("windrow")

Seconds: TypeAlias = float | timedelta
Create: TypeAlias = Literal["if-missing", "never", "new"]
Urls: TypeAlias = Literal["as-given", "conservative", "aggressive"]

CREATES = {
    "if-missing": _core.CREATE_IF_MISSING,
    "never": _core.CREATE_NEVER,
    "new": _core.CREATE_NEW,
}
URLS = {
    "as-given": _core.URLS_AS_GIVEN,
    "conservative": _core.URLS_CONSERVATIVE,
    "aggressive": _core.URLS_AGGRESSIVE,
}

#: How long a store that nobody closed may take to drain when Python ends.
EXIT_DRAIN_S = 5.0

_NONE = 0xFFFFFFFF


class Options(TypedDict, total=False):
    """Everything that a store can be told; None is as good as left out.

    Times are seconds or a `timedelta`.
    """

    create: Create | None
    """`"if-missing"` (the default), `"never"` or `"new"`."""
    urls: Urls | None
    """How URLs become keys.  Fixed when the store is made."""
    fulltext: bool | None
    """A full text index.  Fixed when the store is made; default: yes."""
    embed_batch: int | None
    """Texts a call; default 64."""
    embed_inflight: int | None
    """Calls at a time; default 4."""
    embed_linger: Seconds | None
    """How long a batch waits to be full; default 2 ms."""
    embed_timeout: Seconds | None
    """Of one call; default 60 s."""
    embed_workers: int | None
    """Threads that call an embedder that blocks; default 4."""
    write_batch: int | None
    """Rows a transaction; default 500."""
    write_linger: Seconds | None
    """How long a transaction waits to be full; default 2 ms."""
    max_records: int | None
    """In flight; beyond them `save()` waits; default 20,000."""
    max_bytes: int | None
    """Likewise; default 16 MiB."""
    max_content_bytes: int | None
    """Of one record; default 64 MiB."""
    op_timeout: Seconds | None
    """Of one call, retries and all; default 120 s."""
    touch_after: Seconds | None
    """When an unchanged page's time is written again; default a day."""
    log_level: int | None
    """As in `logging`; default: what the logger "windrow" lets through."""
    schema: str | None
    """PostgreSQL: where the table is; default "public"."""
    table: str | None
    """PostgreSQL; default "scraped_documents"."""
    vector_type: Literal["vector", "halfvec", "array"] | None
    """PostgreSQL, of a store that is made."""
    language: str | None
    """PostgreSQL: of full text, of a store that is made; default "english"."""
    distributed: bool | None
    """PostgreSQL: over Citus' workers, of a store that is made."""
    pool_size: int | None
    """PostgreSQL: connections that are kept; default 20."""
    max_overflow: int | None
    """PostgreSQL: and more at a time; default 10."""
    pool_recycle: Seconds | None
    """PostgreSQL: greatest age of a connection; default an hour."""
    pool_timeout: Seconds | None
    """PostgreSQL: of waiting for a connection; default 30 s."""
    connect_timeout: Seconds | None
    """PostgreSQL; default 10 s."""
    statement_timeout: Seconds | None
    """PostgreSQL; default 30 s."""


_AS_THEY_ARE = {
    "embed_batch",
    "embed_inflight",
    "write_batch",
    "max_records",
    "max_bytes",
    "max_content_bytes",
    "schema",
    "table",
    "vector_type",
    "language",
    "pool_size",
}
_IN_MS = {
    "embed_linger",
    "embed_timeout",
    "write_linger",
    "op_timeout",
    "pool_timeout",
    "connect_timeout",
    "statement_timeout",
}
_IN_S = {"touch_after", "pool_recycle"}


def seconds_of(value: Seconds) -> float:
    """Give a time as a number."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _count(name: str, value: Seconds, unit: float) -> int:
    """Count units, of which there is at least one: zero means the default."""
    seconds = seconds_of(value)
    if not 0 <= seconds < _NONE * unit:
        raise ValueError(f"{name} is out of range")
    return max(1, round(seconds / unit))


def options_of(url: str | os.PathLike[str], options: Options) -> dict[str, object]:
    """Convert options for the extension."""
    if isinstance(url, os.PathLike):
        url = "sqlite:///" + os.fspath(url)
    made: dict[str, object] = {"store": url}
    for name, value in options.items():
        if name == "embed_workers" or value is None:
            continue
        if name in _AS_THEY_ARE:
            made[name] = value
        elif name in _IN_MS:
            made[name + "_ms"] = _count(name, value, 0.001)  # type: ignore[arg-type]
        elif name in _IN_S:
            made[name + "_s"] = _count(name, value, 1)  # type: ignore[arg-type]
        elif name == "create":
            made[name] = choice(name, value, CREATES)
        elif name == "urls":
            made[name] = choice(name, value, URLS)
        elif name == "fulltext":
            made[name] = _core.FULLTEXT_ON if value else _core.FULLTEXT_OFF
        elif name == "distributed":
            made[name] = 1 if value else 0
        elif name == "max_overflow":
            made[name] = value or _NONE
        elif name == "log_level":
            made[name] = _log_level(value)
        else:
            raise TypeError(f"there is no option {name!r}")
    return made


def _log_level(level: object) -> int:
    if not isinstance(level, int):
        raise TypeError("log_level must be a number, such as logging.INFO")
    fitting = [ours for ours, theirs in LEVELS.items() if theirs >= level]
    return max(fitting, default=_core.LOG_ERROR)


class Hub(Protocol):
    """A store in one event loop."""

    def begun(self) -> list[_core.Reply]:
        """Give the requests to embed that were begun here."""

    def detach_soon(self) -> None:
        """Take it out of the loop, from any thread."""


class Handle:
    """One store: opened by the first verb, closed once."""

    def __init__(
        self,
        url: str | os.PathLike[str],
        options: Options,
        *,
        embeddings: Any,
        model: str | None,
        dim: int | None,
        in_loop: bool,
    ) -> None:
        # Before anything that may raise: __del__() looks at these.
        self._closed = False
        self._core: _core.Store | None = None
        self._options = options_of(url, options)
        self._options.setdefault("log_level", _log_level(logger.getEffectiveLevel()))
        self._lock = threading.RLock()
        self._opening: _core.Queue | None = None
        #: Where it hangs in event loops.
        self.hubs: dict[asyncio.AbstractEventLoop, Hub] = {}
        self._pid = os.getpid()
        self._pool: embedding.Pool | None = None
        self.service: embedding.Service | None = None
        self.embedder: embedding.Embedder | None = None
        self.log_queue = _core.Queue()
        self.embed_queue: _core.Queue | None = None
        #: Are requests to embed answered in the loops that use the store?
        self.in_loop = False
        self.workers = options.get("embed_workers") or 4
        self.embed_timeout = seconds_of(options.get("embed_timeout") or 60.0)
        self._options |= {"dim": dim, "model": model, "log_queue": self.log_queue}
        if isinstance(embeddings, str):
            self._options["embedder"] = embeddings
        elif embeddings is not None:
            self._embed_with(embedding.embedder_of(embeddings, model), in_loop)

    def _embed_with(self, embedder: embedding.Embedder, in_loop: bool) -> None:
        self.embedder = embedder
        self.embed_queue = _core.Queue()
        self._options |= {
            "embedder": "queue",
            "model": embedder.model,
            "embed_queue": self.embed_queue,
        }
        self.in_loop = in_loop and embedder.coroutine is not None
        if self.in_loop:
            return
        if embedder.sync is not None:
            self.service = embedding.ThreadedService(
                self.embed_queue, embedder.sync, self.workers
            )
        elif embedder.coroutine is not None:
            self.service = embedding.LoopService(
                self.embed_queue, embedder.coroutine, self.embed_timeout
            )

    # ------------------------------------------------------------ opening --

    def ensure(self) -> _core.Store:
        """Give the C store, which begins to open if it has not."""
        core = self._core
        if core is not None and self._opening is None:
            return core
        self.check_process()
        with self._lock:
            if self._closed:
                raise errors.closed()
            if self._core is not None and self._failed_to_open():
                self._core.free()
                self._core = None
            if self._core is None:
                self._open()
            assert self._core is not None
            return self._core

    def _failed_to_open(self) -> bool:
        """Look, once, whether the store is open by now."""
        if self._opening is None:
            return False
        for _, _, status, _ in self._opening.next(1, 0):
            self._opening.close()
            self._opening = None
            return status != 0
        return False

    def _open(self) -> None:
        if self.service is not None and self not in _handles:
            self.service.start()
        _handles.add(self)
        self._opening = _core.Queue()
        try:
            self._core = _core.Store.open(self._options, self._opening, 1)
        except _core.WindrowError as error:
            self._opening = None
            raise errors.from_core(error) from None

    def add_hub(self, loop: asyncio.AbstractEventLoop, hub: Hub) -> None:
        """Keep it until the store, or the loop, is closed."""
        self.check_process()
        with self._lock:
            for other in [other for other in self.hubs if other.is_closed()]:
                self.hubs.pop(other).detach_soon()
            self.hubs[loop] = hub

    def _detach(self) -> None:
        with self._lock:
            hubs, self.hubs = self.hubs, {}
        for hub in hubs.values():
            hub.detach_soon()

    @property
    def forked(self) -> bool:
        """Is it the parent process's?  Then its locks may be held for ever."""
        return self._pid != os.getpid()

    def check_process(self) -> None:
        """Raise where it is the parent process's."""
        if self.forked:
            raise errors.ForkedError(
                "this store belongs to the parent process; open another one",
                where="python",
            )

    @property
    def dim(self) -> int:
        """The dimension; 0: not known, or not open yet."""
        core = self._core
        return 0 if core is None else core.dim()

    def metrics(self) -> str:
        """Counters in Prometheus' text format."""
        try:
            return self.ensure().metrics()
        except _core.WindrowError as error:
            raise errors.from_core(error) from None

    @property
    def pool(self) -> embedding.Pool:
        """Threads for the embedding of queries by functions that block."""
        with self._lock:
            if self._pool is None:
                self._pool = embedding.Pool(self.workers)
            return self._pool

    # ---------------------------------------------------------------- log --

    def drain_log(self) -> None:
        """Hand what Windrow says on to the logger "windrow"."""
        drain_log(self.log_queue)

    # ------------------------------------------------------------ closing --

    def to_close(self) -> _core.Store | None:
        """Give the C store to close; None: there is nothing to be closed."""
        if self.forked:
            return None
        with self._lock:
            if self._closed:
                return None
            if self._core is None:
                self.finish()
            return self._core

    def finish(self) -> None:
        """Let go of everything, once the C store has said that it is closed."""
        if self.forked:
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            core, self._core = self._core, None
        _handles.discard(self)
        if self.service is not None:
            self.service.stop()
        if self._pool is not None:
            self._pool.stop()
        if core is not None:
            core.free()
        self._detach()
        self.drain_log()

    def close_at_exit(self) -> None:
        """Drain, within bounds, and close."""
        core = self.to_close()
        if core is None:
            return
        queue = _core.Queue()
        with contextlib.suppress(_core.WindrowError):
            core.close(_core.CLOSE_DRAIN, queue, 1)
            if not self._wait_closed(queue, EXIT_DRAIN_S):
                core.close(_core.CLOSE_ABORT, queue, 1)
                self._wait_closed(queue, 1.0)
        if self.service is not None:
            self.service.stop(timeout=0.2)
        self.finish()

    def _wait_closed(self, queue: _core.Queue, timeout: float) -> bool:
        """Wait for the end, also where no loop runs any more that could embed."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            hubs = dict(self.hubs)
            nobody = self.in_loop and not any(loop.is_running() for loop in hubs)
            if nobody and self.embed_queue is not None:
                begun = [job for hub in hubs.values() for job in hub.begun()]
                embedding.refuse_all(self.embed_queue, begun)
            if queue.next(1, max(1, min(50, int(left * 1000)))):
                return True
        return False

    def __del__(self) -> None:
        if self._closed or self._core is None or self.forked:
            return
        warnings.warn(
            f"a store was not closed: {self!r}",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )
        self.finish()

    def __repr__(self) -> str:
        store = str(self._options["store"])
        # A password has no business in a message.
        return f"<{store.partition('://')[0].partition(':')[0]} store>"


def drain_log(queue: _core.Queue) -> None:
    """Hand what a queue has on to the logger."""
    for _, kind, _, message in queue.next(64, 0):
        if kind == _core.EV_LOG and message is not None:
            level, where, text = message.log()
            logger.log(LEVELS.get(level, logging.INFO), "%s: %s", where, text)


_handles: weakref.WeakSet[Handle] = weakref.WeakSet()


def _close_all() -> None:
    for handle in list(_handles):
        handle.close_at_exit()


atexit.register(_close_all)
# In a child they are the parent's business.
os.register_at_fork(after_in_child=_handles.clear)
