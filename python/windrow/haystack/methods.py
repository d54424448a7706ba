"""What the document store's methods do, once for each and its twin."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from windrow import errors, records
from windrow.haystack.documents import SplitFilter, to_document, to_record
from windrow.steps import Call, Scan, Steps

_POLICIES: dict[DuplicatePolicy, records.Policy] = {
    DuplicatePolicy.NONE: "fail",
    DuplicatePolicy.FAIL: "fail",
    DuplicatePolicy.SKIP: "skip",
    DuplicatePolicy.OVERWRITE: "update",
}


def _field_name(name: str) -> str:
    return name.removeprefix("meta.")


def _hashable(value: object) -> tuple[str, str]:
    """Give something that only equal values of one type have."""
    return type(value).__name__, json.dumps(value, sort_keys=True, default=str)


def write(documents: list[Document], policy: DuplicatePolicy) -> Steps[int]:
    """Write documents; gives how many were written."""
    if not isinstance(documents, list) or not all(
        isinstance(document, Document) for document in documents
    ):
        raise ValueError("give a list of Documents")
    rows = [to_record(document) for document in documents]
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


def visit_all(
    filters: dict[str, Any] | None,
    visit: Callable[[Document], None],
    content: bool = False,
    embedding: bool = False,
) -> Steps[None]:
    """Go through the documents that pass a filter."""
    split = SplitFilter(filters)

    def keep(stored: records.Document) -> None:
        if split.accept is None or split.accept(stored):
            visit(to_document(stored, embedding))

    yield Scan(
        keep,
        split.core,
        content=content or split.reads_content,
        embedding=embedding or split.reads_embedding,
    )


def documents_of(
    filters: dict[str, Any] | None, embedding: bool
) -> Steps[list[Document]]:
    """Collect the documents that pass a filter."""
    found: list[Document] = []
    yield from visit_all(filters, found.append, content=True, embedding=embedding)
    return found


def ids_of(filters: dict[str, Any] | None) -> Steps[list[str]]:
    """Collect the ids of documents that pass a filter."""
    found: list[str] = []
    yield from visit_all(filters, lambda document: found.append(document.id))
    return found


def count_by_filter(filters: dict[str, Any] | None) -> Steps[int]:
    """Count the documents that pass a filter."""
    return len((yield from ids_of(filters)))


def delete_by_filter(filters: dict[str, Any]) -> Steps[int]:
    """Delete the documents that pass a filter; gives how many."""
    ids = yield from ids_of(filters)
    deleted: int = (yield Call("delete", (ids,), {"keys": True})) if ids else 0
    return deleted


def update_by_filter(filters: dict[str, Any], meta: dict[str, Any]) -> Steps[int]:
    """Put members into the meta of documents; gives how many."""
    found = yield from documents_of(filters, embedding=True)
    rows = [to_record(replace(doc, meta={**doc.meta, **meta})) for doc in found]
    if rows:
        report: records.Report = yield Call("save", (rows, "update"))
        if report.failed:
            raise _refused([document.id for document in found], report)
    return len(rows)


def values_of(name: str, filters: dict[str, Any] | None = None) -> Steps[list[Any]]:
    """Collect the values of a field that are not None."""
    key, found = _field_name(name), []

    def visit(document: Document) -> None:
        if (value := document.meta.get(key)) is not None:
            found.append(value)

    yield from visit_all(filters, visit)
    return found


def count_unique(filters: dict[str, Any], names: list[str]) -> Steps[dict[str, int]]:
    """Count the different values of each field."""
    found: dict[str, set[tuple[str, str]]] = {_field_name(n): set() for n in names}

    def visit(document: Document) -> None:
        for key, values in found.items():
            if (value := document.meta.get(key)) is not None:
                values.add(_hashable(value))

    yield from visit_all(filters, visit)
    return {key: len(values) for key, values in found.items()}


def fields_info() -> Steps[dict[str, dict[str, str]]]:
    """Give the type of each field."""
    names = {bool: "boolean", int: "int", float: "float"}
    found: dict[str, dict[str, str]] = {}

    def visit(document: Document) -> None:
        for key, value in document.meta.items():
            if value is not None:
                found[key] = {"type": names.get(type(value), "keyword")}

    yield from visit_all(None, visit)
    return found


def min_max(name: str) -> Steps[dict[str, Any]]:
    """Give the least and the greatest value of a field."""
    values = yield from values_of(name)
    numbers = [value for value in values if isinstance(value, int | float)]
    texts = [value for value in values if isinstance(value, str)]
    comparable: list[Any] = [*numbers] or [*texts]
    return {
        "min": min(comparable, default=None),
        "max": max(comparable, default=None),
    }


def unique_values(
    name: str,
    search_term: str | None,
    from_: int,
    size: int,
    filters: dict[str, Any] | None,
) -> Steps[tuple[list[Any], int]]:
    """Give a page of the different values of a field, and their number."""
    values = yield from values_of(name, filters)
    term = (search_term or "").lower()
    unique = {_hashable(v): v for v in values if term in str(v).lower()}
    places = sorted(unique, key=lambda place: (str(unique[place]), place[0]))
    return [unique[place] for place in places[from_ : from_ + size]], len(places)
