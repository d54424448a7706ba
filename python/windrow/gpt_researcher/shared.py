"""Stores that many calls share, and saving behind their backs.

A program that saves now and then, each time with the same URL and embeddings,
has one store and one pool of connections, whichever event loop it saves from.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import re
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import windrow
from windrow.handle import EXIT_DRAIN_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windrow.blocking import BlockingStore
    from windrow.records import Report

__all__ = [
    "Background",
    "Holder",
    "close_all",
    "log_failures",
    "open_store",
    "release",
    "share",
]

logger = logging.getLogger("windrow.gpt_researcher")

#: Stores that are kept open though nobody may ask for them again.
MOST = 16

#: Pages that wait to be saved in the background, before more have to wait.
BACKLOG = 2000


def open_store(
    db_url: str | os.PathLike[str], embeddings: Any, options: dict[str, Any]
) -> BlockingStore:
    """Open a store that takes URLs as they are given, unless told otherwise."""
    if isinstance(db_url, str):
        # A driver of Python's is no business of the store's.
        db_url = re.sub(r"^sqlite\+\w+:", "sqlite:", db_url)
    return windrow.open_sync(
        db_url, embeddings=embeddings, **{"urls": "as-given", **options}
    )


def log_failures(report: Report) -> Report:
    """Say which records were not stored; the others were."""
    for place, error in report.errors.items():
        logger.error("record %d was not saved: %s", place, error)
    return report


class Background:
    """A thread that saves what it is given, soon, and in that order."""

    def __init__(self, store: BlockingStore) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._waiting: deque[list[Any]] = deque()
        self._backlog = 0
        self._thread: threading.Thread | None = None

    @property
    def backlog(self) -> int:
        """How many records are not saved yet."""
        return self._backlog

    def save(self, records: Sequence[Any]) -> None:
        """Have records saved; returns at once."""
        if not records:
            return
        with self._changed:
            self._waiting.append(list(records))
            self._backlog += len(records)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="windrow-save", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._thread = None
                    self._changed.notify_all()
                    return
                records: list[Any] = []
                while self._waiting and len(records) < BACKLOG:
                    records += self._waiting.popleft()
            try:
                log_failures(self._store.save(records))
            except Exception as error:
                logger.error("%d pages were not saved: %s", len(records), error)
            with self._changed:
                self._backlog -= len(records)
                self._changed.notify_all()

    def flush(self, timeout: float | None = None, most: int = 0) -> bool:
        """Wait until at most so many records wait; False: that took too long."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._backlog <= most and (most > 0 or self._thread is None),
                timeout,
            )


class Shared:
    """A store, and who saves into it in the background."""

    def __init__(self, store: BlockingStore, embeddings: Any) -> None:
        self.store = store
        self.embeddings = embeddings
        self.background = Background(store)
        #: Those who hold it; without any it may be closed for another one.
        self.users = 0
        self.closed = False

    def close(self, timeout: float | None = None) -> None:
        """Save what waits to be saved, and close."""
        self.closed = True
        drained = self.background.flush(timeout)
        with contextlib.suppress(windrow.ForkedError):
            self.store.close(drain=drained)


_lock = threading.Lock()
_shared: dict[tuple[Any, ...], list[Shared]] = {}


def _is_same(one: Any, other: Any) -> bool:
    """Do they embed alike?  Models made anew for each call do."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        return bool(one == other)
    except Exception:
        return False


def share(db_url: str | os.PathLike[str], embeddings: Any, **options: Any) -> Shared:
    """Give the store for this URL and these embeddings: always the same one."""
    key = (os.fspath(db_url), *sorted(options.items(), key=lambda item: item[0]))
    closed: list[Shared] = []
    with _lock:
        places = _shared.setdefault(key, [])
        for found in places:
            if _is_same(found.embeddings, embeddings):
                # The last one is the one that was used last.
                places.remove(found)
                places.append(found)
                _shared[key] = _shared.pop(key)
                found.users += 1
                return found
        made = Shared(open_store(db_url, embeddings, options), embeddings)
        made.users = 1
        closed = _make_room()
        _shared.setdefault(key, []).append(made)
    for old in closed:
        old.close()
    return made


def release(shared: Shared) -> None:
    """Use it no longer; it stays open for the next one."""
    with _lock:
        shared.users -= 1


def _make_room() -> list[Shared]:
    """Take out stores that nobody uses, the oldest first."""
    taken: list[Shared] = []
    excess = sum(map(len, _shared.values())) - MOST + 1
    for key, places in list(_shared.items()):
        for old in list(places):
            if excess <= 0:
                return taken
            if not old.users and not old.background.backlog:
                places.remove(old)
                taken.append(old)
                excess -= 1
        if not places:
            del _shared[key]
    return taken


class Holder:
    """A shared store that somebody keeps: another one after `close_all()`."""

    def __init__(
        self,
        db_url: str | os.PathLike[str],
        embeddings: Any,
        options: dict[str, Any],
    ) -> None:
        self._share = functools.partial(share, db_url, embeddings, **options)
        self._shared: Shared | None = self._share()

    def _get(self) -> Shared:
        found = self._shared
        if found is None or found.closed:
            self._shared = found = self._share()
        return found

    @property
    def store(self) -> BlockingStore:
        """The store."""
        return self._get().store

    @property
    def background(self) -> Background:
        """Who saves into it in the background."""
        return self._get().background

    def release(self) -> None:
        """Keep it no longer."""
        found, self._shared = self._shared, None
        if found is not None:
            release(found)


def close_all(timeout: float | None = None) -> None:
    """Close the stores that calls of this module share.

    What was begun is finished first, within timeout seconds where there is one.
    The next call opens them again.  Waits, so that coroutines call it by
    `asyncio.to_thread()`; when Python ends it is called anyway.
    """
    with _lock:
        closed = [shared for places in _shared.values() for shared in places]
        _shared.clear()
    for shared in closed:
        shared.close(timeout)


def _forget() -> None:
    """In a child they are the parent's business; its threads are not there."""
    global _lock
    _lock = threading.Lock()
    _shared.clear()


atexit.register(close_all, EXIT_DRAIN_S)
os.register_at_fork(after_in_child=_forget)
