"""The C API, one object a handle.  Private to windrow; see python/src/core.h."""

from collections.abc import Sequence
from typing import Final, TypeAlias, final

_Error: TypeAlias = tuple[int, int, int, str, str, str]
_Event: TypeAlias = tuple[int, int, int, Reply | None]
_Text: TypeAlias = str | bytes | None
_Record: TypeAlias = tuple[
    _Text, _Text, _Text, _Text, _Text, int | None, int | None, int | None, object
]
_Document: TypeAlias = tuple[
    str,
    str | None,
    str | None,
    str | None,
    str | None,
    int,
    int,
    int,
    float,
    bytes | None,
    bool,
    int,
    int,
]

VERSION: Final[str]

EV_OPEN: Final[int]
EV_SUBMIT: Final[int]
EV_KNOWN: Final[int]
EV_GET: Final[int]
EV_SEARCH: Final[int]
EV_SCAN: Final[int]
EV_DELETE: Final[int]
EV_PRUNE: Final[int]
EV_EMBED_PENDING: Final[int]
EV_STATS: Final[int]
EV_CHECK: Final[int]
EV_MIGRATE: Final[int]
EV_FLUSH: Final[int]
EV_ROOM: Final[int]
EV_EMBED: Final[int]
EV_LOG: Final[int]
EV_CLOSED: Final[int]
EV_INDEX: Final[int]
EV_PROGRESS: Final[int]

EINVAL: Final[int]
ENOMEM: Final[int]
EFULL: Final[int]
ETIMEOUT: Final[int]
ECANCELED: Final[int]
ECLOSED: Final[int]
EFORKED: Final[int]
EIO: Final[int]
EBUSY: Final[int]
ELIMIT: Final[int]
EAUTH: Final[int]
EDATA: Final[int]
ESCHEMA: Final[int]
ENOTSUP: Final[int]
ECORRUPT: Final[int]
EREMOTE: Final[int]
EBUG: Final[int]
EEXIST: Final[int]
ENOENT: Final[int]

UPDATE: Final[int]
SKIP: Final[int]
FAIL: Final[int]

INSERTED: Final[int]
UPDATED: Final[int]
UNCHANGED: Final[int]
SKIPPED: Final[int]
FAILED: Final[int]

CLOSE_DRAIN: Final[int]
CLOSE_ABORT: Final[int]
CREATE_IF_MISSING: Final[int]
CREATE_NEVER: Final[int]
CREATE_NEW: Final[int]
URLS_DEFAULT: Final[int]
URLS_AS_GIVEN: Final[int]
URLS_CONSERVATIVE: Final[int]
URLS_AGGRESSIVE: Final[int]
FULLTEXT_DEFAULT: Final[int]
FULLTEXT_ON: Final[int]
FULLTEXT_OFF: Final[int]
KEYS: Final[int]
KNOWN_DETAILS: Final[int]
PART_CONTENT: Final[int]
PART_EMBEDDING: Final[int]
SEARCH_AUTO: Final[int]
SEARCH_TEXT: Final[int]
SEARCH_VECTOR: Final[int]
SEARCH_HYBRID: Final[int]
STATS_EXACT: Final[int]
CHECK_DEEP: Final[int]
INDEX_VECTOR: Final[int]
INDEX_TEXT: Final[int]
LOG_ERROR: Final[int]
LOG_WARN: Final[int]
LOG_INFO: Final[int]
LOG_DEBUG: Final[int]

class WindrowError(Exception):
    """args: status, native, retry_after_ms, sqlstate, where, message."""

class Full(WindrowError): ...

def status_name(status: int, /) -> str: ...

@final
class Queue:
    def __new__(cls) -> Queue: ...
    def fileno(self) -> int: ...
    def next(self, max: int, timeout_ms: int, /) -> list[_Event]: ...
    def wake(self) -> None: ...
    def close(self) -> None: ...

@final
class Store:
    @classmethod
    def open(cls, options: dict[str, object], queue: Queue, tag: int, /) -> Store: ...
    def close(self, mode: int, queue: Queue, tag: int, /) -> None: ...
    def free(self) -> None: ...
    def cancel(self, queue: Queue, tag: int, /) -> None: ...
    def metrics(self) -> str: ...
    def dim(self) -> int: ...
    def submit(
        self, records: Sequence[_Record], policy: int, queue: Queue, tag: int, /
    ) -> None: ...
    def known(
        self, urls: Sequence[str], since: int, flags: int, queue: Queue, tag: int, /
    ) -> None: ...
    def get(
        self, urls: Sequence[str], parts: int, queue: Queue, tag: int, /
    ) -> None: ...
    def delete(
        self, urls: Sequence[str], flags: int, queue: Queue, tag: int, /
    ) -> None: ...
    def search(self, query: dict[str, object], queue: Queue, tag: int, /) -> None: ...
    def scan(self, scan: dict[str, object], queue: Queue, tag: int, /) -> None: ...
    def prune(self, what: dict[str, object], queue: Queue, tag: int, /) -> None: ...
    def index(self, index: dict[str, object], queue: Queue, tag: int, /) -> None: ...
    def embed_pending(self, limit: int, queue: Queue, tag: int, /) -> None: ...
    def stats(self, flags: int, queue: Queue, tag: int, /) -> None: ...
    def check(self, flags: int, queue: Queue, tag: int, /) -> None: ...
    def migrate(self, queue: Queue, tag: int, /) -> None: ...
    def progress(self, queue: Queue, tag: int, /) -> None: ...
    def flush(self, queue: Queue, tag: int, /) -> None: ...

@final
class Reply:
    def error(self) -> _Error | None: ...
    def counts(self) -> tuple[int, int, int, int, int, int]: ...
    def outcomes(self, n: int, /) -> bytes: ...
    def errors(self, n: int, /) -> dict[int, _Error]: ...
    def total(self) -> int: ...
    def remaining(self) -> int: ...
    def known(self) -> bytes: ...
    def fetched(self) -> list[int]: ...
    def documents(self) -> list[_Document | None]: ...
    def cursor(self) -> str: ...
    def stats(self) -> dict[str, int]: ...
    def properties(self) -> dict[str, str]: ...
    def findings(self) -> list[tuple[int, str, str]]: ...
    def log(self) -> tuple[int, str, str]: ...
    def texts(self) -> list[str]: ...
    def finish(self, vectors: object, /) -> bool: ...
    def fail(self, status: int, retry_after_ms: int, message: str, /) -> None: ...
