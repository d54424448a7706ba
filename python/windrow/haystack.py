"""Windrow as a document store of Haystack, with its retrievers.

    store = WindrowDocumentStore("sqlite:///pages.db", embedding_dimension=384)
    store.write_documents(documents)
    retriever = WindrowHybridRetriever(store)

Needs the package `haystack-ai`.  A document's id is its key in the store, its
meta is the metadata.  Over a store of scraped pages each page is a document: its
id is the URL, and meta has `url` and `title`.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, Unpack
from urllib.parse import parse_qs, urlsplit

from haystack import component, default_from_dict, default_to_dict
from haystack.dataclasses import ByteStream, Document, SparseEmbedding
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.document_stores.types import (
    DuplicatePolicy,
    FilterPolicy,
    apply_filter_policy,
)
from haystack.errors import FilterError
from haystack.utils import Secret
from haystack.utils.filters import (
    COMPARISON_OPERATORS,
    LOGICAL_OPERATORS,
    document_matches_filter,
)

import windrow
from windrow import errors, records, steps
from windrow.steps import Call, Scan, Steps

__all__ = [
    "WindrowDocumentStore",
    "WindrowEmbeddingRetriever",
    "WindrowHybridRetriever",
    "WindrowKeywordRetriever",
]

T = TypeVar("T")
R = TypeVar("R", bound="_Retriever")

#: The member of metadata that holds what Haystack has and Windrow has not.
_EXTRAS = "_haystack"
#: Of pages that were not written by Haystack these come from elsewhere.
_MADE_UP = ("title", "url")
_POLICIES: dict[DuplicatePolicy, records.Policy] = {
    DuplicatePolicy.NONE: "fail",
    DuplicatePolicy.FAIL: "fail",
    DuplicatePolicy.SKIP: "skip",
    DuplicatePolicy.OVERWRITE: "update",
}
#: Everything was fetched before then.
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


# --------------------------------------------------------------- documents --


def _returns_as_it_is(value: object) -> bool:
    """Does the store give this metadata back with the same types?

    It has one kind of numbers: 1.0 comes back as 1, a greater one than 64 bits
    hold as a float, and NaN as None.
    """
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    if isinstance(value, float):
        return math.isfinite(value) and not value.is_integer()
    if isinstance(value, str):
        return value.isprintable() or "\0" not in value
    if isinstance(value, Mapping):
        return all(
            _returns_as_it_is(name) and _returns_as_it_is(member)
            for name, member in value.items()
        )
    if isinstance(value, list):
        return all(map(_returns_as_it_is, value))
    return False


def _to_record(document: Document) -> dict[str, Any]:
    meta = document.meta
    if _EXTRAS in meta:
        raise ValueError(f"{_EXTRAS!r} in meta is the document store's own")
    extras: dict[str, Any] = {}
    if document.content is None:
        extras["content"] = None
    if document.blob is not None:
        extras["blob"] = {
            "data": base64.b64encode(document.blob.data).decode("ascii"),
            "meta": document.blob.meta,
            "mime_type": document.blob.mime_type,
        }
    if document.sparse_embedding is not None:
        extras["sparse_embedding"] = document.sparse_embedding.to_dict()
    if not _returns_as_it_is(meta):
        extras["meta"] = json.dumps(meta, default=str)
    title = meta.get("title")
    return {
        "key": document.id,
        "content": document.content or "",
        "title": title if isinstance(title, str) else "",
        "metadata": {**meta, _EXTRAS: extras},
        "embedding": document.embedding,
    }


def _to_document(
    stored: records.Document, embedding: bool = True, score: float | None = None
) -> Document:
    meta = dict(stored.metadata)
    extras = meta.pop(_EXTRAS, None)
    content, blob, sparse = stored.content, None, None
    if not isinstance(extras, dict):
        # A page that somebody scraped.
        meta.setdefault("url", stored.url)
        if stored.title:
            meta.setdefault("title", stored.title)
    else:
        if "content" in extras:
            content = None
        if "meta" in extras:
            meta = json.loads(extras["meta"])
        if given := extras.get("blob"):
            blob = ByteStream(
                base64.b64decode(given["data"]), given["meta"], given["mime_type"]
            )
        if given := extras.get("sparse_embedding"):
            sparse = SparseEmbedding.from_dict(given)
    # One that waits for its embedding may have that of an older content.
    known = embedding and stored.embedding is not None and not stored.pending
    return Document(
        id=stored.url,
        content=content,
        blob=blob,
        meta=meta,
        score=score,
        embedding=list(stored.embedding or ()) if known else None,
        sparse_embedding=sparse,
    )


# ----------------------------------------------------------------- filters --


def _check_filter(filters: Any) -> None:
    """Raise `FilterError` where a filter is none, also when nothing is stored."""
    if not isinstance(filters, Mapping):
        raise FilterError(f"a filter must be a dictionary, not {filters!r}")
    comparison = "field" in filters
    for name in ("operator", "value" if comparison else "conditions"):
        if name not in filters:
            raise FilterError(f"{name!r} key missing in {filters}")
    known: Iterable[str] = COMPARISON_OPERATORS if comparison else LOGICAL_OPERATORS
    if filters["operator"] not in known:
        raise FilterError(
            f"Unknown operator {filters['operator']!r}. "
            f"Valid operators are: {sorted(known)}"
        )
    if not comparison:
        for condition in filters["conditions"]:
            _check_filter(condition)


def _fields(filters: Mapping[str, Any]) -> set[str]:
    """Which fields does a filter look at?"""
    if "field" in filters:
        return {filters["field"]}
    return set().union(*map(_fields, filters["conditions"]))


def _equalities(filters: Mapping[str, Any]) -> dict[str, Any]:
    """What every document that passes has in its metadata."""
    if "field" in filters:
        root, _, name = filters["field"].partition(".")
        value = filters["value"]
        # Haystack finds "2025-02-03" equal to "2025-02-03T00:00".
        maybe_a_date = isinstance(value, str) and value[:4].isdigit()
        if (
            filters["operator"] == "=="
            and root == "meta"
            and "." not in name
            and name not in _MADE_UP
            and not maybe_a_date
            and steps.plain_equality(name, value)
        ):
            return {name: value}
        return {}
    found: dict[str, Any] = {}
    if filters["operator"] == "AND":
        for condition in filters["conditions"]:
            found |= _equalities(condition)
    return found


class _Filter:
    """A filter of Haystack's: what of it the database does, and the rest."""

    def __init__(self, filters: dict[str, Any] | None) -> None:
        self.core: dict[str, Any] | None = None
        self.reads_content = False
        self.reads_embedding = False
        self.accept: steps.Accept | None = None
        if not filters:
            return
        _check_filter(filters)
        if equal := _equalities(filters):
            self.core = {"metadata": equal}
        fields = _fields(filters)
        self.reads_content = "content" in fields
        self.reads_embedding = "embedding" in fields
        self.accept = lambda stored: document_matches_filter(
            filters, _to_document(stored)
        )


def _field_name(name: str) -> str:
    return name.removeprefix("meta.")


def _hashable(value: object) -> tuple[str, str]:
    """Give something that only equal values of one type have."""
    return type(value).__name__, json.dumps(value, sort_keys=True, default=str)


# ------------------------------------------------------------------- store --


class WindrowDocumentStore:
    """A document store in SQLite or PostgreSQL.

    Each method has an asynchronous twin that holds no event loop up, and what a
    method wrote is on disk, and found, when it returns.
    """

    def __init__(
        self,
        url: str | Secret,
        *,
        embedding_dimension: int | None = None,
        embedding_model: str | None = None,
        return_embedding: bool = True,
        **options: Unpack[windrow.Options],
    ) -> None:
        """Make a document store, which its first method opens.

        :param url:
            `sqlite:///relative.db`, `sqlite:////absolute.db` or
            `postgresql://user@host/database`.  One with a password: a `Secret`.
        :param embedding_dimension:
            How long the documents' embeddings are; left out: recorded in the
            store, or learned from the first.
        :param embedding_model:
            A name for what makes the embeddings, which the store records.  Opened
            with another one it refuses.
        :param return_embedding:
            Have documents that are filtered or retrieved their embedding?
        :param options:
            See `windrow.Options`: `table`, `schema`, `pool_size` and others.
        """
        self.url = url
        self.embedding_dimension = embedding_dimension
        self.embedding_model = embedding_model
        self.return_embedding = return_embedding
        self.options = options
        location = url.resolve_value() if isinstance(url, Secret) else url
        if not location:
            raise ValueError("the store's URL is empty")
        self._store = windrow.open_sync(
            location, model=embedding_model, dim=embedding_dimension, **options
        )

    @property
    def client(self) -> windrow.BlockingStore:
        """The store of Windrow's; `.asyncio` of it is for coroutines."""
        return self._store

    def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self._store.close()

    async def close_async(self) -> None:
        """Finish what was begun and let go of the database."""
        await self._store.asyncio.close()

    def to_dict(self) -> dict[str, Any]:
        """Serialize the store; a password must be a `Secret` for that."""
        url: Any = self.url
        if isinstance(url, Secret):
            url = url.to_dict()
        elif urlsplit(url).password or "password" in parse_qs(urlsplit(url).query):
            raise ValueError(
                "the store's URL has a password: give it as a Secret, such as "
                'Secret.from_env_var("WINDROW_URL")'
            )
        options = {
            name: value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in self.options.items()
        }
        return default_to_dict(
            self,
            url=url,
            embedding_dimension=self.embedding_dimension,
            embedding_model=self.embedding_model,
            return_embedding=self.return_embedding,
            **options,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WindrowDocumentStore:
        """Make a store of what `to_dict()` gave."""
        given = dict(data["init_parameters"])
        if isinstance(given["url"], dict):
            given["url"] = Secret.from_dict(given["url"])
        store: WindrowDocumentStore = default_from_dict(
            cls, {**data, "init_parameters": given}
        )
        return store

    def _run(self, made: Steps[T]) -> T:
        return steps.run(self._store, made)

    async def _arun(self, made: Steps[T]) -> T:
        return await steps.arun(self._store, made)

    # ---------------------------------------------------------- writing --

    def write_documents(
        self,
        documents: list[Document],
        policy: DuplicatePolicy = DuplicatePolicy.NONE,
    ) -> int:
        """Write documents; gives how many were written.

        :param policy:
            What becomes of a document whose id is stored: `OVERWRITE` and `SKIP`
            do so, `FAIL` and `NONE` write nothing at all.
        :raises ValueError: Something is no document.
        :raises DuplicateDocumentError: An id is stored, or given twice.
        :raises DocumentStoreError:
            Documents cannot be stored, for the length of their embedding for
            example; the others are.
        """
        return self._run(_write(documents, policy))

    async def write_documents_async(
        self,
        documents: list[Document],
        policy: DuplicatePolicy = DuplicatePolicy.NONE,
    ) -> int:
        """Write documents; see `write_documents()`."""
        return await self._arun(_write(documents, policy))

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents by their ids; unknown ones are ignored."""
        self._store.delete(document_ids, keys=True)

    async def delete_documents_async(self, document_ids: list[str]) -> None:
        """Delete documents by their ids; unknown ones are ignored."""
        await self._store.asyncio.delete(document_ids, keys=True)

    def delete_all_documents(self) -> None:
        """Delete all documents; the store stays."""
        self._store.prune(_NEVER)

    async def delete_all_documents_async(self) -> None:
        """Delete all documents; the store stays."""
        await self._store.asyncio.prune(_NEVER)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """Delete the documents that pass a filter; gives how many."""
        return self._run(_delete_by_filter(filters))

    async def delete_by_filter_async(self, filters: dict[str, Any]) -> int:
        """Delete the documents that pass a filter; gives how many."""
        return await self._arun(_delete_by_filter(filters))

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Put members into the meta of documents that pass; gives how many."""
        return self._run(_update_by_filter(filters, meta))

    async def update_by_filter_async(
        self, filters: dict[str, Any], meta: dict[str, Any]
    ) -> int:
        """Put members into the meta of documents that pass; gives how many."""
        return await self._arun(_update_by_filter(filters, meta))

    # ---------------------------------------------------------- reading --

    def count_documents(self) -> int:
        """Count all documents."""
        return int(self._store.stats(exact=True)["documents"])

    async def count_documents_async(self) -> int:
        """Count all documents."""
        return int((await self._store.asyncio.stats(exact=True))["documents"])

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Give the documents that pass a filter, in the order of their ids."""
        return self._run(_filter(filters, self.return_embedding))

    async def filter_documents_async(
        self, filters: dict[str, Any] | None = None
    ) -> list[Document]:
        """Give the documents that pass a filter, in the order of their ids."""
        return await self._arun(_filter(filters, self.return_embedding))

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """Count the documents that pass a filter."""
        return self._run(_count_by_filter(filters))

    async def count_documents_by_filter_async(self, filters: dict[str, Any]) -> int:
        """Count the documents that pass a filter."""
        return await self._arun(_count_by_filter(filters))

    def count_unique_metadata_by_filter(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """Count the different values of fields among documents that pass."""
        return self._run(_count_unique(filters, metadata_fields))

    async def count_unique_metadata_by_filter_async(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """Count the different values of fields among documents that pass."""
        return await self._arun(_count_unique(filters, metadata_fields))

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Give the `type` of each field: keyword, int, float or boolean."""
        return self._run(_fields_info())

    async def get_metadata_fields_info_async(self) -> dict[str, dict[str, str]]:
        """Give the `type` of each field: keyword, int, float or boolean."""
        return await self._arun(_fields_info())

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """Give the least and the greatest value of a field; None: it has none."""
        return self._run(_min_max(metadata_field))

    async def get_metadata_field_min_max_async(
        self, metadata_field: str
    ) -> dict[str, Any]:
        """Give the least and the greatest value of a field; None: it has none."""
        return await self._arun(_min_max(metadata_field))

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Give a page of the different values of a field, and how many there are.

        :param search_term: Part of the value, in whatever case.
        """
        return self._run(
            _unique_values(metadata_field, search_term, from_, size, filters)
        )

    async def get_metadata_field_unique_values_async(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Give a page of the values of a field; see its twin."""
        return await self._arun(
            _unique_values(metadata_field, search_term, from_, size, filters)
        )

    # --------------------------------------------------------- searching --

    def _embedding_retrieval(
        self,
        query_embedding: list[float],
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
    ) -> list[Document]:
        return self._run(self._search("vector", None, query_embedding, filters, top_k))

    async def _embedding_retrieval_async(
        self,
        query_embedding: list[float],
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
    ) -> list[Document]:
        return await self._arun(
            self._search("vector", None, query_embedding, filters, top_k)
        )

    def _keyword_retrieval(
        self, query: str, *, filters: dict[str, Any] | None = None, top_k: int = 10
    ) -> list[Document]:
        return self._run(self._search("text", query, None, filters, top_k))

    async def _keyword_retrieval_async(
        self, query: str, *, filters: dict[str, Any] | None = None, top_k: int = 10
    ) -> list[Document]:
        return await self._arun(self._search("text", query, None, filters, top_k))

    def _hybrid_retrieval(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
    ) -> list[Document]:
        return self._run(self._search("hybrid", query, query_embedding, filters, top_k))

    async def _hybrid_retrieval_async(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
    ) -> list[Document]:
        return await self._arun(
            self._search("hybrid", query, query_embedding, filters, top_k)
        )

    def _search(
        self,
        mode: windrow.Mode,
        text: str | None,
        vector: list[float] | None,
        filters: dict[str, Any] | None,
        top_k: int,
    ) -> Steps[list[Document]]:
        if mode != "vector" and not text:
            raise ValueError("query should be a non-empty string")
        if mode == "vector" and not vector:
            raise ValueError("query_embedding should be a non-empty list of floats")
        split = _Filter(filters)
        hits = yield from steps.search(
            steps.Query(
                k=top_k,
                text=text,
                vector=vector or None,
                mode=mode,
                filter=split.core,
                accept=split.accept,
                accept_reads_content=split.reads_content,
                embedding=self.return_embedding or split.reads_embedding,
            )
        )
        return [_to_document(hit, self.return_embedding, hit.score) for hit in hits]


# ------------------------------------------------------- what methods do --


def _write(documents: list[Document], policy: DuplicatePolicy) -> Steps[int]:
    if not isinstance(documents, list) or not all(
        isinstance(document, Document) for document in documents
    ):
        raise ValueError("give a list of Documents")
    rows = [_to_record(document) for document in documents]
    ids = [document.id for document in documents]
    how = _POLICIES[policy]
    if how == "fail":
        stored: list[bool] = yield Call("known", (ids,), {"keys": True})
        taken = {id for id, known in zip(ids, stored, strict=True) if known}
        taken |= {id for id, times in Counter(ids).items() if times > 1}
        if taken:
            raise _duplicates(taken)
    elif how == "update":
        yield from _forget_embeddings(documents)
    report: records.Report = yield Call("save", (rows, how))
    if report.failed:
        raise _refused(ids, report)
    return report.saved


def _duplicates(ids: Iterable[str]) -> DuplicateDocumentError:
    return DuplicateDocumentError(
        f"stored already, or given twice: {', '.join(sorted(ids))}"
    )


def _refused(ids: list[str], report: records.Report) -> DocumentStoreError:
    """Say why documents were not stored."""
    taken = {
        ids[place]
        for place, error in report.errors.items()
        if isinstance(error, errors.ExistsError)
    }
    if taken:
        return _duplicates(taken)
    place, first = min(report.errors.items(), key=lambda item: item[0])
    return DocumentStoreError(
        f"{report.failed} of {report.total} documents were not stored; "
        f"document {ids[place]}: {first}"
    )


def _forget_embeddings(documents: list[Document]) -> Steps[None]:
    """Delete what is overwritten by a document without its embedding.

    Windrow would keep the one it has until there is a new one.
    """
    bare = [document.id for document in documents if document.embedding is None]
    if not bare:
        return
    stored: list[records.Known] = yield Call("known_details", (bare,), {"keys": True})
    stale = [id for id, was in zip(bare, stored, strict=True) if was.has_embedding]
    if stale:
        yield Call("delete", (stale,), {"keys": True})


def _visit(
    filters: dict[str, Any] | None,
    visit: Callable[[Document], None],
    content: bool = False,
    embedding: bool = False,
) -> Steps[None]:
    """Go through the documents that pass a filter."""
    split = _Filter(filters)

    def keep(stored: records.Document) -> None:
        if split.accept is None or split.accept(stored):
            visit(_to_document(stored, embedding))

    yield Scan(
        keep,
        split.core,
        content=content or split.reads_content,
        embedding=embedding or split.reads_embedding,
    )


def _filter(filters: dict[str, Any] | None, embedding: bool) -> Steps[list[Document]]:
    found: list[Document] = []
    yield from _visit(filters, found.append, content=True, embedding=embedding)
    return found


def _ids(filters: dict[str, Any] | None) -> Steps[list[str]]:
    found: list[str] = []
    yield from _visit(filters, lambda document: found.append(document.id))
    return found


def _count_by_filter(filters: dict[str, Any] | None) -> Steps[int]:
    return len((yield from _ids(filters)))


def _delete_by_filter(filters: dict[str, Any]) -> Steps[int]:
    ids = yield from _ids(filters)
    deleted: int = (yield Call("delete", (ids,), {"keys": True})) if ids else 0
    return deleted


def _update_by_filter(filters: dict[str, Any], meta: dict[str, Any]) -> Steps[int]:
    found = yield from _filter(filters, embedding=True)
    rows = [_to_record(replace(doc, meta={**doc.meta, **meta})) for doc in found]
    if rows:
        report: records.Report = yield Call("save", (rows, "update"))
        if report.failed:
            raise _refused([document.id for document in found], report)
    return len(rows)


def _values(name: str, filters: dict[str, Any] | None = None) -> Steps[list[Any]]:
    """Collect the values of a field that are not None."""
    key, found = _field_name(name), []

    def visit(document: Document) -> None:
        if (value := document.meta.get(key)) is not None:
            found.append(value)

    yield from _visit(filters, visit)
    return found


def _count_unique(filters: dict[str, Any], names: list[str]) -> Steps[dict[str, int]]:
    found: dict[str, set[tuple[str, str]]] = {_field_name(n): set() for n in names}

    def visit(document: Document) -> None:
        for key, values in found.items():
            if (value := document.meta.get(key)) is not None:
                values.add(_hashable(value))

    yield from _visit(filters, visit)
    return {key: len(values) for key, values in found.items()}


def _fields_info() -> Steps[dict[str, dict[str, str]]]:
    names = {bool: "boolean", int: "int", float: "float"}
    found: dict[str, dict[str, str]] = {}

    def visit(document: Document) -> None:
        for key, value in document.meta.items():
            if value is not None:
                found[key] = {"type": names.get(type(value), "keyword")}

    yield from _visit(None, visit)
    return found


def _min_max(name: str) -> Steps[dict[str, Any]]:
    values = yield from _values(name)
    numbers = [value for value in values if isinstance(value, int | float)]
    texts = [value for value in values if isinstance(value, str)]
    comparable: list[Any] = [*numbers] or [*texts]
    return {
        "min": min(comparable, default=None),
        "max": max(comparable, default=None),
    }


def _unique_values(
    name: str,
    search_term: str | None,
    from_: int,
    size: int,
    filters: dict[str, Any] | None,
) -> Steps[tuple[list[Any], int]]:
    values = yield from _values(name, filters)
    term = (search_term or "").lower()
    unique = {_hashable(v): v for v in values if term in str(v).lower()}
    places = sorted(unique, key=lambda place: (str(unique[place]), place[0]))
    return [unique[place] for place in places[from_ : from_ + size]], len(places)


# -------------------------------------------------------------- retrievers --


class _Retriever:
    """What the retrievers share: a store, a filter, and how many."""

    def __init__(
        self,
        document_store: WindrowDocumentStore,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
    ) -> None:
        """Make a retriever.

        :param document_store: The store to search in.
        :param filters: Only documents that pass are found.
        :param top_k: How many are found at most.
        :param filter_policy:
            What becomes of `filters` where `run()` is given others: `REPLACE` or
            `MERGE`.
        """
        if not isinstance(document_store, WindrowDocumentStore):
            raise ValueError("document_store must be a WindrowDocumentStore")
        if top_k <= 0:
            raise ValueError(f"top_k must be greater than 0, but got {top_k}")
        if not isinstance(filter_policy, FilterPolicy):
            filter_policy = FilterPolicy.from_str(filter_policy)
        self.document_store = document_store
        self.filters = filters
        self.top_k = top_k
        self.filter_policy = filter_policy

    def to_dict(self) -> dict[str, Any]:
        """Serialize the retriever and its store."""
        return default_to_dict(
            self,
            document_store=self.document_store.to_dict(),
            filters=self.filters,
            top_k=self.top_k,
            filter_policy=self.filter_policy.value,
        )

    @classmethod
    def from_dict(cls: type[R], data: dict[str, Any]) -> R:
        """Make a retriever of what `to_dict()` gave."""
        given = dict(data["init_parameters"])
        # Some versions of Haystack have made the store already.
        if isinstance(given["document_store"], dict):
            given["document_store"] = WindrowDocumentStore.from_dict(
                given["document_store"]
            )
        made: R = default_from_dict(cls, {**data, "init_parameters": given})
        return made

    def _limits(
        self, filters: dict[str, Any] | None, top_k: int | None
    ) -> dict[str, Any]:
        return {
            "filters": apply_filter_policy(self.filter_policy, self.filters, filters),
            "top_k": self.top_k if top_k is None else top_k,
        }


@component
class WindrowEmbeddingRetriever(_Retriever):
    """Finds the documents whose embedding is nearest, by cosine similarity."""

    @component.output_types(documents=list[Document])
    def run(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Find documents, the best first; their score is the cosine.

        :param query_embedding: The query's embedding.
        :param filters: Only documents that pass are found.
        :param top_k: How many at most.
        """
        found = self.document_store._embedding_retrieval(
            query_embedding, **self._limits(filters, top_k)
        )
        return {"documents": found}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Find documents; see `run()`."""
        found = await self.document_store._embedding_retrieval_async(
            query_embedding, **self._limits(filters, top_k)
        )
        return {"documents": found}


@component
class WindrowKeywordRetriever(_Retriever):
    """Finds documents by their words, ranked by BM25."""

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Find documents, the best first.

        :param query: Words, `"a phrase"`, `-without`; nothing is an error.
        :param filters: Only documents that pass are found.
        :param top_k: How many at most.
        """
        found = self.document_store._keyword_retrieval(
            query, **self._limits(filters, top_k)
        )
        return {"documents": found}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Find documents; see `run()`."""
        found = await self.document_store._keyword_retrieval_async(
            query, **self._limits(filters, top_k)
        )
        return {"documents": found}


@component
class WindrowHybridRetriever(_Retriever):
    """Finds documents by words and by embedding, fused by their ranks."""

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Find documents, the best first; their score is that of the fusion.

        :param query: Words, `"a phrase"`, `-without`; nothing is an error.
        :param query_embedding:
            The query's embedding; left out: made by the embedder that the store
            recorded, where there is one.
        :param filters: Only documents that pass are found.
        :param top_k: How many at most.
        """
        found = self.document_store._hybrid_retrieval(
            query, query_embedding, **self._limits(filters, top_k)
        )
        return {"documents": found}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """Find documents; see `run()`."""
        found = await self.document_store._hybrid_retrieval_async(
            query, query_embedding, **self._limits(filters, top_k)
        )
        return {"documents": found}
