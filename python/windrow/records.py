"""Records as programs have them, and what Windrow says of them.

A record is a mapping, a dataclass, a pydantic model, any object with attributes
of these names, or a tuple `(url, content)` or `(url, content, title)`:

| name | value |
| --- | --- |
| `url` | `str`; becomes the key |
| `key` | `str`, instead: a key of one's own, never changed |
| `content`, `raw_content` | `str`; `raw_content` wins where a record has both |
| `title` | `str`; left out or None: what is stored is kept |
| `metadata` | a mapping, or a JSON object as `str`; likewise |
| `fetched_at` | `datetime` (naive: UTC), seconds since 1970, or RFC 3339 |
| `created_at`, `updated_at` | likewise, for restoring an export |
| `embedding` | float32 of the store's dimension: a buffer or numbers |

Other names are ignored.
"""

from __future__ import annotations

import dataclasses
import json
import math
from array import array
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

from windrow import _core, errors

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Document",
    "Finding",
    "Hit",
    "Known",
    "Outcome",
    "Pending",
    "Policy",
    "Record",
    "Records",
    "Report",
    "Time",
]

Policy: TypeAlias = Literal["update", "skip", "fail"]
Outcome: TypeAlias = Literal["inserted", "updated", "unchanged", "skipped", "failed"]
#: A mapping, a dataclass, a model, or a tuple; see the module.
Record: TypeAlias = Any
Records: TypeAlias = Iterable[Record] | AsyncIterable[Record]
Time: TypeAlias = datetime | date | float | str

_Row: TypeAlias = tuple[
    Any, Any, Any, Any, Any, int | None, int | None, int | None, Any
]

OUTCOMES: tuple[Outcome, ...] = (
    "inserted",
    "updated",
    "unchanged",
    "skipped",
    "failed",
)
SKIPS = ("", "stored", "stale", "superseded", "gone")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME_MOST = 1 << 60

#: Of one submission: converting it holds the loop up for well under a
#: millisecond.
CHUNK_RECORDS = 250
CHUNK_CHARACTERS = 1 << 20


# ----------------------------------------------------------------- times ---


def to_micros(value: Time) -> int:
    """Microseconds since 1970 in UTC; a ValueError or TypeError says why not."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        micros = (value - _EPOCH) // _MICROSECOND
    elif isinstance(value, date):
        midnight = datetime(value.year, value.month, value.day, tzinfo=UTC)
        micros = (midnight - _EPOCH) // _MICROSECOND
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value) or abs(value) > _TIME_MOST / 1_000_000:
            raise ValueError(f"{value!r} is no time")
        micros = round(value * 1_000_000)
    else:
        raise TypeError(f"{type(value).__name__} is no time")
    # Zero would mean "left out".
    return micros or 1


def from_micros(micros: int) -> datetime | None:
    """Give the time in UTC, or None where there is none."""
    if not micros:
        return None
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


def since_of(max_age: timedelta | float | None, since: Time | None = None) -> int:
    """When a page must have been fetched that is no older than max_age."""
    if max_age is None:
        return 0 if since is None else to_micros(since)
    age = max_age if isinstance(max_age, timedelta) else timedelta(seconds=max_age)
    return to_micros(datetime.now(UTC) - age)


# -------------------------------------------------------------- metadata ---


def _plain(value: object) -> object:
    """Find something that JSON can say."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    for method in ("model_dump", "tolist"):
        if callable(make := getattr(value, method, None)):
            return make()
    return str(value)


def _finite(value: Any) -> Any:
    """Put null where a number is none that JSON has."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def to_json(metadata: Mapping[str, object]) -> str:
    """Write a mapping as JSON: what JSON has no word for, as a str."""
    try:
        return json.dumps(metadata, default=_plain, allow_nan=False, ensure_ascii=False)
    except ValueError:
        text = json.dumps(metadata, default=_plain, ensure_ascii=False)
        return json.dumps(_finite(json.loads(text)), ensure_ascii=False)


# --------------------------------------------------------------- records ---


def _members_of(record: Record) -> Callable[[str], Any]:
    """How a record is asked for a member, which may be None."""
    if isinstance(record, Mapping):
        return record.get
    if isinstance(record, tuple) and not hasattr(record, "_fields"):
        if len(record) not in (2, 3):
            raise TypeError("a tuple must be (url, content) or (url, content, title)")
        return dict(zip(("url", "content", "title"), record, strict=False)).get
    if isinstance(record, str | bytes | int | float | list) or record is None:
        raise TypeError(f"{type(record).__name__} is no record")
    return lambda name: getattr(record, name, None)


def _text(get: Callable[[str], Any], name: str) -> str | None:
    value = get(name)
    if value is None or isinstance(value, str | bytes):
        return cast("str | None", value)
    raise TypeError(f"{name} must be a str, not {type(value).__name__}")


def _time(get: Callable[[str], Any], name: str) -> int | None:
    value = get(name)
    if value is None:
        return None
    try:
        return to_micros(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def _metadata(get: Callable[[str], Any]) -> str | None:
    value = get("metadata")
    if value is None or isinstance(value, str | bytes):
        return cast("str | None", value)
    if not isinstance(value, Mapping):
        value = _plain(value)
    if not isinstance(value, Mapping):
        raise TypeError("metadata must be a mapping or a JSON object")
    return to_json(value)


def _plain_row(record: dict[str, Any]) -> _Row | None:
    """Convert what most records are: a dict of texts; None: it is another."""
    get = record.get
    content = get("raw_content")
    if content is None:
        content = get("content")
    url, title, metadata = get("url"), get("title"), get("metadata")
    if (
        type(url) is not str
        or type(content) is not str
        or (title is not None and type(title) is not str)
        or (metadata is not None and type(metadata) is not str)
        or "key" in record
        or "fetched_at" in record
        or "created_at" in record
        or "updated_at" in record
    ):
        return None
    return url, None, title, content, metadata, None, None, None, get("embedding")


def to_row(record: Record) -> _Row:
    """Convert a record for the extension; a TypeError or ValueError: it is none."""
    if type(record) is dict and (row := _plain_row(record)) is not None:
        return row
    get = _members_of(record)
    content = _text(get, "raw_content")
    if content is None:
        content = _text(get, "content")
    return (
        _text(get, "url"),
        _text(get, "key"),
        _text(get, "title"),
        content,
        _metadata(get),
        _time(get, "fetched_at"),
        _time(get, "created_at"),
        _time(get, "updated_at"),
        get("embedding"),
    )


def _refused(error: Exception) -> errors.Error:
    return errors.DataError(str(error) or type(error).__name__, where="python")


#: A row that the library refuses, in the place of a record that is none.
_NO_ROW: _Row = ("", None, None, None, None, None, None, None, None)


@dataclasses.dataclass(slots=True)
class Chunk:
    """Rows of one submission, and why some are only holding a place."""

    rows: list[_Row] = dataclasses.field(default_factory=list)
    refused: dict[int, errors.Error] = dataclasses.field(default_factory=dict)
    characters: int = 0

    def add(self, record: Record) -> None:
        """Take a record in; one that is none costs only itself."""
        try:
            row = to_row(record)
        except (TypeError, ValueError, RecursionError) as error:
            self.refused[len(self.rows)] = _refused(error)
            row = _NO_ROW
        self.rows.append(row)
        if row[3] is not None:
            self.characters += len(row[3])

    @property
    def is_full(self) -> bool:
        """Is it time to submit it?"""
        return len(self.rows) >= CHUNK_RECORDS or self.characters >= CHUNK_CHARACTERS

    def refuse_embeddings(self) -> bool:
        """Take out records whose embedding is no vector; False: there are none."""
        found = False
        for i, row in enumerate(self.rows):
            if row[8] is None:
                continue
            try:
                if isinstance(row[8], str | bytes):
                    raise TypeError("an embedding must be numbers")
                array("f", row[8])
            except (TypeError, ValueError, OverflowError) as error:
                self.refused[i] = _refused(error)
                self.rows[i] = _NO_ROW
                found = True
        return found


def chunks(records: Iterable[Record]) -> Iterator[Chunk]:
    """Convert records, a submission at a time."""
    chunk = Chunk()
    for record in records:
        chunk.add(record)
        if chunk.is_full:
            yield chunk
            chunk = Chunk()
    if chunk.rows:
        yield chunk


# --------------------------------------------------------------- reports ---


@dataclasses.dataclass(slots=True)
class Report:
    """What became of the records of one `save()`.

    Each is counted once; `embedded` counts those that were embedded meanwhile.
    `errors` has the error of each record that failed, by its place.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    embedded: int = 0
    errors: dict[int, errors.Error] = dataclasses.field(default_factory=dict)
    _outcomes: bytearray = dataclasses.field(default_factory=bytearray, repr=False)

    @property
    def saved(self) -> int:
        """How many are stored now as they were given."""
        return self.inserted + self.updated + self.unchanged

    @property
    def total(self) -> int:
        """How many there were."""
        return len(self._outcomes)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcome of each record, in their order."""
        return [OUTCOMES[byte & 15] for byte in self._outcomes]

    @property
    def skips(self) -> dict[int, str]:
        """Why records were skipped, by their place.

        `"stored"`, `"stale"`, `"superseded"` or `"gone"`.
        """
        return {i: SKIPS[b >> 4] for i, b in enumerate(self._outcomes) if b >> 4}

    def raise_for_failed(self) -> Report:
        """Raise `RecordsError` where a record failed; else give the report."""
        if self.failed:
            place, first = min(self.errors.items(), key=lambda item: item[0])
            raise errors.RecordsError(
                f"{self.failed} of {self.total} records failed; "
                f"record {place}: {first}",
                self.errors,
            )
        return self

    def add(self, chunk: Chunk, reply: _core.Reply) -> None:
        """Append what became of a submission."""
        start, n = self.total, len(chunk.rows)
        inserted, updated, unchanged, skipped, failed, embedded = reply.counts()
        self.inserted += inserted
        self.updated += updated
        self.unchanged += unchanged
        self.skipped += skipped
        self.failed += failed
        self.embedded += embedded
        self._outcomes += reply.outcomes(n)
        if not failed:
            return
        for i, details in reply.errors(n).items():
            self.errors[start + i] = chunk.refused.get(i) or errors.from_details(
                details
            )


# ------------------------------------------------------------- documents ---


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """A stored page.  `url` is its key.

    `content` and `embedding` are None where they were not asked for; the
    embedding is a buffer of float32 (`numpy.asarray()` copies nothing).
    `pending`: it waits for its embedding.
    """

    url: str
    title: str | None
    content: str | None
    metadata: dict[str, Any]
    fetched_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    embedding: Sequence[float] | None
    pending: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Hit(Document):
    """A document that a search found.

    `score` is comparable within one result, greater is better; `rank_text` and
    `rank_vector` say where it stood in each list, 0: it was not found that way.
    """

    score: float
    snippet: str | None
    rank_text: int
    rank_vector: int


class Known(NamedTuple):
    """What is known of a URL."""

    stored: bool
    has_embedding: bool
    fetched_at: datetime | None


class Pending(NamedTuple):
    """How many documents got their embedding, and how many wait still."""

    embedded: int
    remaining: int


class Finding(NamedTuple):
    """What a check found, and what to do about it; level as in `logging`."""

    level: int
    what: str
    advice: str


def _members(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


_Common: TypeAlias = tuple[
    str,
    str | None,
    str | None,
    dict[str, Any],
    datetime | None,
    datetime | None,
    datetime | None,
    Sequence[float] | None,
    bool,
]


def _common(row: Any) -> _Common:
    return (
        row[0],
        row[1],
        row[2],
        _members(row[3]),
        from_micros(row[5]),
        from_micros(row[6]),
        from_micros(row[7]),
        None if row[9] is None else memoryview(row[9]).cast("f"),
        row[10],
    )


def to_document(row: Any) -> Document | None:
    """Make a document of what the extension gives."""
    return None if row is None else Document(*_common(row))


def to_hit(row: Any) -> Hit:
    """Make a hit of what the extension gives."""
    return Hit(
        *_common(row),
        score=row[8],
        snippet=row[4],
        rank_text=row[11],
        rank_vector=row[12],
    )
