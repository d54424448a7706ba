"""The verbs of a store, once for both of its faces.

A verb starts with a call into the extension and ends with an event; what lies
between them is the face's business: the asyncio store awaits it, the blocking
one waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from windrow import _core
from windrow.records import (
    Document,
    Finding,
    Hit,
    Known,
    Pending,
    Policy,
    Time,
    from_micros,
    since_of,
    to_document,
    to_hit,
    to_json,
    to_micros,
)

T = TypeVar("T")

#: `url_prefix`, `host`: of the key; `since`, `until`: since <= fetched_at <
#: until; `metadata`: members that must be equal.
Filter: TypeAlias = Mapping[str, Any]
Mode: TypeAlias = Literal["auto", "text", "vector", "hybrid"]
Which: TypeAlias = Literal["all", "vector", "text"]

LEVELS = {
    _core.LOG_ERROR: logging.ERROR,
    _core.LOG_WARN: logging.WARNING,
    _core.LOG_INFO: logging.INFO,
    _core.LOG_DEBUG: logging.DEBUG,
}
MODES = {
    "auto": _core.SEARCH_AUTO,
    "text": _core.SEARCH_TEXT,
    "vector": _core.SEARCH_VECTOR,
    "hybrid": _core.SEARCH_HYBRID,
}
POLICIES = {"update": _core.UPDATE, "skip": _core.SKIP, "fail": _core.FAIL}
INDEXES = {
    "all": 0,
    "vector": _core.INDEX_VECTOR,
    "text": _core.INDEX_TEXT,
}


@dataclass(frozen=True, slots=True)
class Verb(Generic[T]):
    """How a verb starts, and what its reply means."""

    start: Callable[[_core.Store, _core.Queue, int], None]
    result: Callable[[_core.Reply], T]


def choice(name: str, value: object, choices: Mapping[str, int]) -> int:
    """Give the number of a word; a ValueError lists them all."""
    if not isinstance(value, str) or value not in choices:
        words = ", ".join(repr(word) for word in choices)
        raise ValueError(f"{name} must be one of {words}, not {value!r}")
    return choices[value]


def policy_of(policy: Policy) -> int:
    """Give the number of a policy."""
    return choice("policy", policy, POLICIES)


def texts_of(urls: Sequence[str] | Any) -> list[str]:
    """Make a list of URLs; a single one is an error that is easily made."""
    if isinstance(urls, str | bytes):
        raise TypeError("give a sequence of URLs, not a single one")
    return urls if isinstance(urls, list) else list(urls)


def parts_of(content: bool, embedding: bool, keys: bool = False) -> int:
    """Which parts of documents are asked for."""
    return (
        (_core.PART_CONTENT if content else 0)
        | (_core.PART_EMBEDDING if embedding else 0)
        | (_core.KEYS if keys else 0)
    )


def filter_of(given: Filter | None) -> dict[str, object] | None:
    """Convert a filter for the extension, which refuses unknown names."""
    if given is None:
        return None
    made: dict[str, object] = dict(given)
    for name in ("since", "until"):
        if (time := given.get(name)) is not None:
            made[name] = to_micros(time)
    metadata = given.get("metadata")
    if isinstance(metadata, Mapping):
        made["metadata"] = to_json(metadata)
    return made


# ------------------------------------------------------------------ verbs --


def _nothing(reply: _core.Reply) -> None:
    return None


def _documents(reply: _core.Reply) -> list[Document | None]:
    return [to_document(row) for row in reply.documents()]


def known_details(urls: Sequence[str], since: int, keys: bool) -> Verb[list[Known]]:
    """Likewise, and when were they fetched, have they an embedding?"""
    flags = _core.KNOWN_DETAILS | (_core.KEYS if keys else 0)

    def result(reply: _core.Reply) -> list[Known]:
        return [
            Known(byte & 1 == 1, byte & 2 == 2, from_micros(time) if byte & 1 else None)
            for byte, time in zip(reply.known(), reply.fetched(), strict=True)
        ]

    return Verb(lambda s, q, tag: s.known(urls, since, flags, q, tag), result)


def get(urls: Sequence[str], parts: int) -> Verb[list[Document | None]]:
    """Fetch documents by their URLs, in that order."""
    return Verb(lambda s, q, tag: s.get(urls, parts, q, tag), _documents)


def delete(urls: Sequence[str], keys: bool) -> Verb[int]:
    """Delete by URL."""
    flags = _core.KEYS if keys else 0
    return Verb(
        lambda s, q, tag: s.delete(urls, flags, q, tag), lambda reply: reply.total()
    )


def search(
    text: str | None,
    vector: object,
    mode: Mode,
    k: int,
    filter: Filter | None,
    parts: int,
    mark: tuple[str, str] | None,
    timeout: float | None,
    effort: int | None,
) -> Verb[list[Hit]]:
    """Find the best."""
    query: dict[str, object] = {
        "mode": choice("mode", mode, MODES),
        "text": text,
        "vector": vector,
        "limit": k,
        "parts": parts,
        "filter": filter_of(filter),
        "mark_start": mark[0] if mark else None,
        "mark_end": mark[1] if mark else None,
        "timeout_ms": None if timeout is None else max(1, round(timeout * 1000)),
        "effort": effort,
    }
    return Verb(
        lambda s, q, tag: s.search(query, q, tag),
        lambda reply: [to_hit(row) for row in reply.documents()],
    )


def scan(
    filter: Filter | None, after: str, limit: int, parts: int
) -> Verb[tuple[list[Document], str]]:
    """One page of all documents, and where the next one starts."""
    page: dict[str, object] = {
        "filter": filter_of(filter),
        "after": after or None,
        "limit": limit,
        "parts": parts,
    }

    def result(reply: _core.Reply) -> tuple[list[Document], str]:
        found = [doc for doc in _documents(reply) if doc is not None]
        return found, reply.cursor()

    return Verb(lambda s, q, tag: s.scan(page, q, tag), result)


def prune(
    older_than: timedelta | Time | None,
    filter: Filter | None,
    limit: int | None,
    dry_run: bool,
) -> Verb[int]:
    """Delete by filter."""
    made = dict(filter_of(filter) or {})
    if isinstance(older_than, timedelta):
        made["until"] = since_of(older_than)
    elif older_than is not None:
        made["until"] = to_micros(older_than)
    what: dict[str, object] = {
        "filter": made,
        "limit": limit,
        "dry_run": 1 if dry_run else 0,
    }
    return Verb(lambda s, q, tag: s.prune(what, q, tag), lambda reply: reply.total())


def embed_pending(limit: int | None) -> Verb[Pending]:
    """Embed what waits for it."""
    return Verb(
        lambda s, q, tag: s.embed_pending(limit or 0, q, tag),
        lambda reply: Pending(reply.total(), reply.remaining()),
    )


def _facts(reply: _core.Reply) -> dict[str, int | str]:
    return {**reply.properties(), **reply.stats()}


def stats(exact: bool) -> Verb[dict[str, int | str]]:
    """What a store says of itself."""
    flags = _core.STATS_EXACT if exact else 0
    return Verb(lambda s, q, tag: s.stats(flags, q, tag), _facts)


def check(deep: bool) -> Verb[list[Finding]]:
    """Look for damage."""
    flags = _core.CHECK_DEEP if deep else 0

    def result(reply: _core.Reply) -> list[Finding]:
        return [
            Finding(LEVELS.get(level, logging.INFO), what, advice)
            for level, what, advice in reply.findings()
        ]

    return Verb(lambda s, q, tag: s.check(flags, q, tag), result)


def migrate() -> Verb[int]:
    """Bring the schema up to date."""
    return Verb(lambda s, q, tag: s.migrate(q, tag), lambda reply: reply.total())


def index(
    which: Which, m: int | None, ef_construction: int | None, drop: bool
) -> Verb[int]:
    """Build the indexes that searches use."""
    what: dict[str, object] = {
        "which": choice("which", which, INDEXES),
        "m": m,
        "ef_construction": ef_construction,
        "drop": 1 if drop else 0,
    }
    return Verb(lambda s, q, tag: s.index(what, q, tag), lambda reply: reply.total())


def progress() -> Verb[dict[str, int | str]]:
    """How far is what takes long?"""
    return Verb(lambda s, q, tag: s.progress(q, tag), _facts)


def flush() -> Verb[None]:
    """Wait for what was submitted before; and for the opening."""
    return Verb(lambda s, q, tag: s.flush(q, tag), _nothing)


def close(mode: int) -> Verb[None]:
    """Finish, or abort, what was begun."""
    return Verb(lambda s, q, tag: s.close(mode, q, tag), _nothing)


def submit(rows: Sequence[Any], policy: int) -> Verb[None]:
    """Save what was converted for the extension."""
    return Verb(lambda s, q, tag: s.submit(rows, policy, q, tag), _nothing)
