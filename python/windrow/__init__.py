"""Windrow stores what scrapers bring home, with embeddings, and finds it.

    async with windrow.open("sqlite:///pages.db", embeddings=model) as store:
        report = await store.save(records)
        hits = await store.search("how to bake bread")

`open()` is for asyncio, `open_sync()` for code that waits.
"""

from __future__ import annotations

import os
from typing import Unpack

from windrow import _core
from windrow.blocking import BlockingStore
from windrow.embedding import AsyncEmbeddings, Embeddings, SyncEmbeddings
from windrow.errors import (
    BugError,
    BusyError,
    CanceledError,
    ClosedError,
    CorruptError,
    DataError,
    Error,
    ExistsError,
    ForkedError,
    FullError,
    InvalidError,
    NoMemoryError,
    NotFoundError,
    NotPermittedError,
    RecordsError,
    RemoteError,
    SchemaError,
    SlowDownError,
    TimedOutError,
    UnavailableError,
    UnsupportedError,
)
from windrow.handle import Handle, Options
from windrow.records import (
    Document,
    Finding,
    Hit,
    Known,
    Outcome,
    Pending,
    Policy,
    Record,
    Records,
    Report,
    Time,
)
from windrow.store import Store
from windrow.verbs import Filter, Mode

__all__ = [
    "AsyncEmbeddings",
    "BlockingStore",
    "BugError",
    "BusyError",
    "CanceledError",
    "ClosedError",
    "CorruptError",
    "DataError",
    "Document",
    "Embeddings",
    "Error",
    "ExistsError",
    "Filter",
    "Finding",
    "ForkedError",
    "FullError",
    "Hit",
    "InvalidError",
    "Known",
    "Mode",
    "NoMemoryError",
    "NotFoundError",
    "NotPermittedError",
    "Options",
    "Outcome",
    "Pending",
    "Policy",
    "Record",
    "Records",
    "RecordsError",
    "RemoteError",
    "Report",
    "SchemaError",
    "SlowDownError",
    "Store",
    "SyncEmbeddings",
    "Time",
    "TimedOutError",
    "UnavailableError",
    "UnsupportedError",
    "__version__",
    "open",
    "open_sync",
]

__version__: str = _core.VERSION


def open(
    url: str | os.PathLike[str],
    *,
    embeddings: Embeddings | str | None = None,
    model: str | None = None,
    dim: int | None = None,
    **options: Unpack[Options],
) -> Store:
    """Open a store for asyncio: `async with` it, or `await` it and close it.

    url is `sqlite:///relative.db`, `sqlite:////absolute.db`,
    `postgresql://user:password@host/database`, `mem:`, or a path.  embeddings
    is an object with `embed_documents` or `aembed_documents`, a function or
    coroutine function from texts to vectors, `"hash"`, or `"none"`; left out:
    what the store recorded.  Coroutines run in the loop that uses the store,
    functions that block in threads.  model names what makes the vectors, by
    default the object's `model` or `model_name`; dim is their length, by
    default learned.  The other options: see `Options`.
    """
    return Store(
        Handle(
            url,
            options,
            embeddings=embeddings,
            model=model,
            dim=dim,
            in_loop=True,
        )
    )


def open_sync(
    url: str | os.PathLike[str],
    *,
    embeddings: Embeddings | str | None = None,
    model: str | None = None,
    dim: int | None = None,
    **options: Unpack[Options],
) -> BlockingStore:
    """Open a store for code that waits: `with` it, or close it.

    As `open()`; coroutines that embed run in an event loop on a thread of the
    store's own.  `.asyncio` of it is the same store for coroutines.
    """
    return BlockingStore(
        Handle(
            url,
            options,
            embeddings=embeddings,
            model=model,
            dim=dim,
            in_loop=False,
        )
    )
