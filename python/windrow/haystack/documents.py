"""Haystack's documents and filters, and what the store makes of them."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from haystack.dataclasses import ByteStream, Document, SparseEmbedding
from haystack.errors import FilterError
from haystack.utils.filters import (
    COMPARISON_OPERATORS,
    LOGICAL_OPERATORS,
    document_matches_filter,
)

from windrow import records, steps

#: The member of metadata that holds what Haystack has and Windrow has not.
_EXTRAS = "_haystack"
#: Of pages that were not written by Haystack these come from elsewhere.
_MADE_UP = ("title", "url")


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
        return value == value.encode(errors="ignore").decode().replace("\0", "")
    if isinstance(value, Mapping):
        return all(
            _returns_as_it_is(name) and _returns_as_it_is(member)
            for name, member in value.items()
        )
    if isinstance(value, list):
        return all(map(_returns_as_it_is, value))
    return False


def to_record(document: Document) -> dict[str, Any]:
    """Make a record; what Windrow has no word for goes into its metadata."""
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


def to_document(
    stored: records.Document, embedding: bool = True, score: float | None = None
) -> Document:
    """Make a document of a record, or of a page that somebody scraped."""
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


class SplitFilter:
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
            filters, to_document(stored)
        )
