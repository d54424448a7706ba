"""What LangChain keeps beside documents: records of an index, and bytes."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Unpack
from urllib.parse import quote

from langchain_core.indexing import RecordManager
from langchain_core.stores import BaseStore
from langchain_core.vectorstores import VectorStore

import windrow
from windrow.handle import Options
from windrow.langchain.owner import ListKeys, Owner, Place
from windrow.records import to_micros
from windrow.steps import Call, Steps

#: How far the clock may have been set back while an index was being made.
_CLOCK_SLACK_S = 1.0

_KEYS = {"keys": True}
_NO_CONTENT = {"keys": True, "content": False}


def _take_beside(owner: Owner, place: Place, table: str, options: Options) -> None:
    """Open a store without embeddings; in PostgreSQL, beside the documents."""
    options.setdefault("fulltext", False)
    if isinstance(place, str) and place.startswith("postgres"):
        options.setdefault("table", table)
        options.setdefault("pool_size", 4)
    owner._take(place, options, embeddings="none")


class _Clock:
    """Microseconds since 1970, never the same twice and never backwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def now(self, at_least: int = 0) -> int:
        with self._lock:
            self._last = max(time.time_ns() // 1000, self._last + 1, at_least)
            return self._last


_clock = _Clock()


class WindrowRecordManager(Owner, RecordManager):
    """Remembers what `index()` and `aindex()` have written, and when.

    place is a store of its own: another SQLite file than that of the documents,
    or the same PostgreSQL database (the table is then `langchain_records`).

    documents: the vector store that is indexed.  A record counts only while its
    document is there, so that one that was deleted by other means, or lost, is
    written again.

    Times are those of the clock of the machine that indexes.
    """

    def __init__(
        self,
        namespace: str,
        place: Place,
        *,
        documents: VectorStore | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(namespace)
        if documents is not None and not isinstance(documents, Owner):
            raise TypeError("documents must be a WindrowVectorStore")
        self._documents = documents
        _take_beside(self, place, "langchain_records", options)
        # No namespace begins with another one.
        space = quote(namespace, safe="")
        self._prefix = f"record/{space}/"
        self._group_prefix = f"group/{space}/"

    def create_schema(self) -> None:
        """Make the store, if it is not there; the first method does so too."""
        self._store.flush()

    async def acreate_schema(self) -> None:
        """Make the store, if it is not there; the first method does so too."""
        await self._store.asyncio.flush()

    def get_time(self) -> float:
        """Seconds since 1970."""
        return _clock.now() / 1_000_000

    async def aget_time(self) -> float:
        """Seconds since 1970."""
        return self.get_time()

    # Each record is a row, which says when it was updated (`fetched_at`) and
    # which group it belongs to; another row, whose key begins with the group,
    # makes the records of a group quick to find.  The first one counts.

    def _rows_of(self, keys: Sequence[str]) -> list[str]:
        return [self._prefix + key for key in keys]

    def _group_row(self, group: str, key: str = "") -> str:
        digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._group_prefix}{digest[:40]}/{key}"

    def _update(
        self,
        keys: Sequence[str],
        group_ids: Sequence[str | None] | None,
        time_at_least: float | None,
    ) -> Steps[None]:
        if group_ids is not None and len(group_ids) != len(keys):
            raise ValueError(f"{len(group_ids)} group_ids for {len(keys)} keys")
        at_least = 0 if time_at_least is None else to_micros(time_at_least)
        if at_least > time.time_ns() // 1000 + _CLOCK_SLACK_S * 1_000_000:
            raise ValueError(f"the clock is behind {time_at_least}")
        if not keys:
            return
        now = _clock.now(at_least)
        at = datetime.fromtimestamp(now // 1_000_000, UTC)
        at = at.replace(microsecond=now % 1_000_000)
        groups = group_ids if group_ids is not None else [None] * len(keys)
        records: list[dict[str, Any]] = [
            # The title makes it another record: one that is the same is not
            # written again for its time alone.
            {
                "key": row,
                "content": "",
                "title": str(now),
                # Left out, it stays as it is.
                "metadata": None if group_ids is None else {"group": group},
                "fetched_at": at,
            }
            for row, group in zip(self._rows_of(keys), groups, strict=True)
        ]
        old: list[str] = []
        if group_ids is not None:
            old = yield from self._group_rows_of(keys)
        new = [self._group_row(g, k) for g, k in zip(groups, keys, strict=True) if g]
        # A record's group is found before the record says that it is in it.
        records = [{"key": row, "content": ""} for row in new] + records
        report = yield Call("save", (records,))
        report.raise_for_failed()
        if gone := list(set(old) - set(new)):
            yield Call("delete", (gone,), _KEYS)

    def _group_rows_of(self, keys: Sequence[str]) -> Steps[list[str]]:
        rows = self._rows_of(keys)
        found = yield Call("get", (rows,), _NO_CONTENT)
        return [
            self._group_row(doc.metadata["group"], key)
            for key, doc in zip(keys, found, strict=True)
            if doc is not None and doc.metadata.get("group")
        ]

    def update(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        """Record that these are there now; without group_ids they keep theirs."""
        self._run(self._update(keys, group_ids, time_at_least))

    async def aupdate(
        self,
        keys: Sequence[str],
        *,
        group_ids: Sequence[str | None] | None = None,
        time_at_least: float | None = None,
    ) -> None:
        """Record that these are there now; without group_ids they keep theirs."""
        await self._arun(self._update(keys, group_ids, time_at_least))

    def exists(self, keys: Sequence[str]) -> list[bool]:
        """Tell for each whether it is recorded, and its document there."""
        found = self._store.known(self._rows_of(keys), keys=True)
        if isinstance(self._documents, Owner):
            stored = self._documents.store.known(list(keys), keys=True)
            found = [a and b for a, b in zip(found, stored, strict=True)]
        return found

    async def aexists(self, keys: Sequence[str]) -> list[bool]:
        """Tell for each whether it is recorded, and its document there."""
        found = await self._store.asyncio.known(self._rows_of(keys), keys=True)
        if isinstance(self._documents, Owner):
            documents = self._documents.store.asyncio
            stored = await documents.known(list(keys), keys=True)
            found = [a and b for a, b in zip(found, stored, strict=True)]
        return found

    def _list(
        self,
        before: float | None,
        after: float | None,
        group_ids: Sequence[str] | None,
        limit: int | None,
    ) -> Steps[list[str]]:
        first = 0 if after is None else to_micros(after) + 1
        end = 1 << 62 if before is None else to_micros(before)

        def fits(document: windrow.Document | None) -> bool:
            # The title is the time, to the microsecond.
            return document is not None and first <= int(document.title or 0) < end

        if group_ids is None:
            only: dict[str, Any] = {"url_prefix": self._prefix}
            if before is not None:
                only["until"] = before
            rows = yield ListKeys(filter=only, accept=fits, limit=limit or None)
            return [row[len(self._prefix) :] for row in rows]
        keys: list[str] = []
        for group in dict.fromkeys(group_ids):
            prefix = self._group_row(group)
            named = yield ListKeys(filter={"url_prefix": prefix})
            members = [row[len(prefix) :] for row in named]
            rows = self._rows_of(members)
            found = yield Call("get", (rows,), _NO_CONTENT)
            keys += [
                key
                for key, doc in zip(members, found, strict=True)
                if fits(doc) and doc.metadata.get("group") == group
            ]
            if limit and len(keys) >= limit:
                return keys[:limit]
        return keys

    def list_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        """List keys: after < updated < before, of these groups, at most limit."""
        return self._run(self._list(before, after, group_ids, limit))

    async def alist_keys(
        self,
        *,
        before: float | None = None,
        after: float | None = None,
        group_ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[str]:
        """List keys: after < updated < before, of these groups, at most limit."""
        return await self._arun(self._list(before, after, group_ids, limit))

    def _delete(self, keys: Sequence[str]) -> Steps[None]:
        groups = yield from self._group_rows_of(keys)
        # A record that is gone is not looked for in its group.
        rows = self._rows_of(keys) + groups
        yield Call("delete", (rows,), _KEYS)

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Forget these."""
        self._run(self._delete(keys))

    async def adelete_keys(self, keys: Sequence[str]) -> None:
        """Forget these."""
        await self._arun(self._delete(keys))


def _to_text(value: bytes) -> str:
    """Bytes as text that a store keeps as it is."""
    if value.isascii() and (text := value.decode("ascii")).isprintable():
        return "=" + text
    return "~" + base64.b64encode(value).decode("ascii")


def _to_bytes(text: str | None) -> bytes | None:
    if not text or text[0] not in "=~":
        return None
    value = text[1:].encode("ascii", "replace")
    return value if text[0] == "=" else base64.b64decode(value)


class WindrowByteStore(Owner, BaseStore[str, bytes]):
    """Keys and bytes, as `CacheBackedEmbeddings` wants them.

    place is a store of its own: another SQLite file than that of the documents,
    or the same PostgreSQL database (the table is then `langchain_bytes`).
    namespace: what the keys begin with in the store, for several in one.  Keys
    with it are at most 2,048 bytes of UTF-8 without NUL, values at most 64 MiB.
    """

    def __init__(
        self, place: Place, *, namespace: str = "", **options: Unpack[Options]
    ) -> None:
        _take_beside(self, place, "langchain_bytes", options)
        self._namespace = namespace

    def _get(self, keys: Sequence[str]) -> Steps[list[bytes | None]]:
        rows = [self._namespace + key for key in keys]
        found = yield Call("get", (rows,), _KEYS)
        return [None if doc is None else _to_bytes(doc.content) for doc in found]

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give the value of each key, None where there is none."""
        return self._run(self._get(keys))

    async def amget(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give the value of each key, None where there is none."""
        return await self._arun(self._get(keys))

    def _set(self, pairs: Sequence[tuple[str, bytes]]) -> Steps[None]:
        records = (
            {"key": self._namespace + key, "content": _to_text(value)}
            for key, value in pairs
        )
        report = yield Call("save", (records,))
        report.raise_for_failed()

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Set the values of keys."""
        self._run(self._set(key_value_pairs))

    async def amset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Set the values of keys."""
        await self._arun(self._set(key_value_pairs))

    def _delete(self, keys: Sequence[str]) -> Steps[None]:
        rows = [self._namespace + key for key in keys]
        yield Call("delete", (rows,), _KEYS)

    def mdelete(self, keys: Sequence[str]) -> None:
        """Delete keys; those that are not there are gone."""
        self._run(self._delete(keys))

    async def amdelete(self, keys: Sequence[str]) -> None:
        """Delete keys; those that are not there are gone."""
        await self._arun(self._delete(keys))

    def _filter(self, prefix: str | None) -> dict[str, str] | None:
        start = self._namespace + (prefix or "")
        return {"url_prefix": start} if start else None

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """Go through the keys that begin with prefix, in their order."""
        for document in self._store.export(self._filter(prefix), content=False):
            yield document.url[len(self._namespace) :]

    async def ayield_keys(self, *, prefix: str | None = None) -> AsyncIterator[str]:
        """Go through the keys that begin with prefix, in their order."""
        store = self._store.asyncio
        async for document in store.export(self._filter(prefix), content=False):
            yield document.url[len(self._namespace) :]
