"""A vector store and a retriever."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from operator import mul
from typing import TYPE_CHECKING, Any, Self, Unpack

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from pydantic import Field

import windrow
from windrow import errors
from windrow.handle import Options
from windrow.langchain.filters import Condition, Filter, to_document
from windrow.langchain.owner import ListKeys, Owner, Place
from windrow.records import Hit, to_json
from windrow.steps import Call, Query, Steps, search
from windrow.verbs import Mode

if TYPE_CHECKING:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )

#: Records that are made before the loop has its turn.
_A_TURN = 32
_WINDROW_FILTERS = {"url_prefix", "host", "since", "until"}


#: Sorted, so that equal metadata are the same text.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True).encode


def _json_of(metadata: Mapping[str, Any] | None) -> str:
    try:
        return _encode(metadata or {})
    except (TypeError, ValueError):
        # JSON has no word for some of it.
        return _encode(json.loads(to_json(metadata or {})))


def _id_of(text: str, metadata: str) -> str:
    """Give the same id to the same text with the same metadata."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    digest.update(b"\0" + metadata.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:40]


class Records:
    """Records of texts; each id that is missing is put in its place.

    In a coroutine the loop has its turn between them.
    """

    def __init__(
        self,
        texts: Sequence[str],
        metadatas: Sequence[Mapping[str, Any] | None] | None,
        vectors: Sequence[Any] | None,
        ids: list[str | None],
    ) -> None:
        self._texts = texts
        self._metadatas = metadatas
        self._vectors = vectors
        self._ids = ids

    def _record(self, i: int) -> dict[str, Any]:
        text = self._texts[i]
        members = (self._metadatas[i] if self._metadatas else None) or {}
        metadata = _json_of(members)
        title = members.get("title")
        key = self._ids[i] = self._ids[i] or _id_of(text, metadata)
        return {
            "key": key,
            # Left out, it would be that of the document before.
            "title": title if isinstance(title, str) else "",
            "content": text,
            "metadata": metadata,
            "embedding": None if self._vectors is None else self._vectors[i],
        }

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._record, range(len(self._texts)))

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for i in range(len(self._texts)):
            if i % _A_TURN == _A_TURN - 1:
                await asyncio.sleep(0)
            yield self._record(i)


def _as_many(name: str, given: Sequence[Any] | None, n: int) -> None:
    if given is not None and len(given) != n:
        raise ValueError(f"there are {len(given)} {name} for {n} texts")


def _similarities(one: Sequence[float], others: Sequence[Any]) -> list[float]:
    """Cosine similarities; numpy makes it quick where it is there."""
    try:
        import numpy as np
    except ImportError:

        def cosine(a: Sequence[float], b: Sequence[float]) -> float:
            norms = math.sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))
            return sum(map(mul, a, b)) / norms if norms else 0.0

        return [cosine(one, other) for other in others]
    rows, row = np.asarray(others, dtype=float), np.asarray(one, dtype=float)
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(row)
    made: list[float] = (rows @ row / np.where(norms, norms, 1)).tolist()
    return made


def _most_relevant(hits: list[Hit], k: int, lambda_mult: float) -> list[Hit]:
    """Choose k by maximal marginal relevance; a hit's score is its relevance."""
    left, chosen = list(range(len(hits))), list[Hit]()
    redundant = [0.0] * len(hits)
    while left and len(chosen) < k:

        def value(i: int) -> float:
            return lambda_mult * hits[i].score - (1 - lambda_mult) * redundant[i]

        best = max(left, key=value)
        left.remove(best)
        vectors = [hits[i].embedding for i in left]
        if vectors and len(chosen) + 1 < k:
            likeness = _similarities(hits[best].embedding or (), vectors)
            for i, alike in zip(left, likeness, strict=True):
                redundant[i] = max(redundant[i], alike) if chosen else alike
        chosen.append(hits[best])
    return chosen


class WindrowVectorStore(Owner, VectorStore):
    """Documents with embeddings in a Windrow store.

    place is a URL as of `windrow.open()`, or a store that is open, which then
    has its own embedder.  embedding is anything that LangChain or
    `windrow.open()` embeds with; the other options are those of `windrow.open()`.
    Nothing is opened before the first method needs it.

    Documents without an id get one that is made of their text and metadata:
    adding them again changes nothing, and what has not changed is not embedded
    again.

    Searches take, beside `k`:

    - `filter`: a mapping of metadata, in which a value, or `{"$eq": value}`, is
      compared by the store; a function from a document to a bool; or a mapping
      with `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$between`, `$in`, `$nin`,
      `$contains`, `$exists`, `$like`, `$ilike`, `$and`, `$or`, `$not`.  These and
      functions are applied here, to more and more of the best, up to 10,000;
    - `url_prefix`, `host`, `since`, `until`: as of `windrow.Store.search()`;
    - `mode`: `"vector"`, unless the constructor was told another one, `"hybrid"`,
      `"text"` or `"auto"`.

    Scores are cosine similarities, from -1 to 1, greater is better; of other
    modes see `docs/search.md`.
    """

    def __init__(
        self,
        place: Place,
        embedding: Any = None,
        *,
        model: str | None = None,
        dim: int | None = None,
        mode: Mode = "vector",
        **options: Unpack[Options],
    ) -> None:
        self._take(place, options, embeddings=embedding, model=model, dim=dim)
        self._embedding = embedding
        self._mode: Mode = mode

    @property
    def embeddings(self) -> Embeddings | None:
        """What embeds, where it is LangChain's kind."""
        given = self._embedding
        return given if isinstance(given, Embeddings) else None

    # -- writing

    def _add(
        self,
        texts: Iterable[str],
        metadatas: Sequence[Mapping[str, Any] | None] | None,
        ids: Sequence[str | None] | None,
        vectors: Sequence[Any] | None = None,
    ) -> Steps[list[str]]:
        texts = texts if isinstance(texts, list | tuple) else list(texts)
        n = len(texts)
        _as_many("metadatas", metadatas or None, n)
        _as_many("ids", ids or None, n)
        _as_many("embeddings", vectors, n)
        if not n:
            return []
        made: list[str | None] = [*ids] if ids else [None] * n
        records = Records(texts, metadatas, vectors, made)
        report = yield Call("save", (records,))
        report.raise_for_failed()
        keys = [key for key in made if key]
        if vectors is None and self._embedding not in (None, "none"):
            yield from self._check_embedded(keys, report)
        return keys

    def _check_embedded(self, keys: list[str], report: windrow.Report) -> Steps[None]:
        """LangChain expects an exception where its embeddings raised one."""
        if report.embedded >= report.saved:
            return
        found = yield Call("get", (keys,), {"keys": True, "content": False})
        waiting = [i for i, doc in enumerate(found) if doc and doc.pending]
        if waiting:
            text = "stored, but not embedded yet"
            raise errors.RecordsError(
                f"{len(waiting)} of {len(keys)} documents are {text}: add them "
                "again, or call store.embed_pending(); the log says why",
                {i: errors.RemoteError(text, where="python") for i in waiting},
            )

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents; gives their ids."""
        return self._run(self._add(texts, metadatas, ids))

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents; gives their ids."""
        return await self._arun(self._add(texts, metadatas, ids))

    def add_embeddings(
        self,
        texts: Iterable[str],
        embeddings: Sequence[Any],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents whose vectors are there already.

        A vector is any sequence or buffer of the store's `dim` numbers.
        """
        return self._run(self._add(texts, metadatas, ids, embeddings))

    async def aadd_embeddings(
        self,
        texts: Iterable[str],
        embeddings: Sequence[Any],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents whose vectors are there already."""
        return await self._arun(self._add(texts, metadatas, ids, embeddings))

    def _delete(self, ids: Sequence[str] | None, filter: Filter | None) -> Steps[bool]:
        if (ids is None) == (filter is None):
            raise ValueError("give ids or a filter; the filter {} deletes everything")
        if filter is not None:
            condition = Condition(filter)
            narrow = {"metadata": condition.equal}
            if condition.equal and not condition.rest:
                yield Call("prune", (), {"filter": narrow})
                return True
            ids = yield ListKeys(
                filter=narrow if condition.equal else None,
                accept=condition.keeps,
                content=condition.reads_content,
            )
        if ids:
            keys = list(ids)
            yield Call("delete", (keys,), {"keys": True})
        return True

    def delete(
        self,
        ids: list[str] | None = None,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> bool:
        """Delete by id, or by a filter of metadata; what is not there is gone."""
        return self._run(self._delete(ids, filter))

    async def adelete(
        self,
        ids: list[str] | None = None,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> bool:
        """Delete by id, or by a filter of metadata; what is not there is gone."""
        return await self._arun(self._delete(ids, filter))

    # -- reading

    def _get(self, ids: Sequence[str]) -> Steps[list[Document]]:
        keys = list(ids)
        found = yield Call("get", (keys,), {"keys": True})
        return [to_document(doc) for doc in found if doc is not None]

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Give the documents that are there, in the order of their ids."""
        return self._run(self._get(ids))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Give the documents that are there, in the order of their ids."""
        return await self._arun(self._get(ids))

    def _search(
        self,
        text: str | None,
        vector: Any,
        k: int,
        *,
        filter: Filter | None = None,
        mode: Mode | None = None,
        embedding: bool = False,
        **more: Any,
    ) -> Steps[list[Hit]]:
        if unknown := more.keys() - _WINDROW_FILTERS:
            raise TypeError(f"a search takes no {', '.join(sorted(unknown))}")
        condition = Condition(filter)
        narrow = {name: value for name, value in more.items() if value is not None}
        if condition.equal:
            narrow["metadata"] = condition.equal
        return search(
            Query(
                k,
                text,
                vector,
                mode or self._mode,
                narrow or None,
                condition.accept,
                condition.reads_content,
                embedding,
            )
        )

    def _search_documents(
        self, text: str | None, vector: object, k: int, options: dict[str, Any]
    ) -> Steps[list[Document]]:
        hits = yield from self._search(text, vector, k, **options)
        return [to_document(hit) for hit in hits]

    def _search_scored(
        self, text: str | None, vector: object, k: int, options: dict[str, Any]
    ) -> Steps[list[tuple[Document, float]]]:
        hits = yield from self._search(text, vector, k, **options)
        return [(to_document(hit), hit.score) for hit in hits]

    def _search_diverse(
        self,
        text: str | None,
        vector: object,
        k: int,
        fetch_k: int,
        lambda_mult: float,
        options: dict[str, Any],
    ) -> Steps[list[Document]]:
        hits = yield from self._search(
            text, vector, max(fetch_k, k), embedding=True, **_by_vector(options)
        )
        return [to_document(hit) for hit in _most_relevant(hits, k, lambda_mult)]

    def similarity_search(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """Find the k nearest, the best first; kwargs: see the class."""
        return self._run(self._search_documents(query, None, k, kwargs))

    async def asimilarity_search(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """Find the k nearest, the best first; kwargs: see the class."""
        return await self._arun(self._search_documents(query, None, k, kwargs))

    def similarity_search_by_vector(
        self, embedding: Sequence[float], k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """Find the k that are nearest to a vector."""
        options = _by_vector(kwargs)
        return self._run(self._search_documents(None, embedding, k, options))

    async def asimilarity_search_by_vector(
        self, embedding: Sequence[float], k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """Find the k that are nearest to a vector."""
        options = _by_vector(kwargs)
        return await self._arun(self._search_documents(None, embedding, k, options))

    def similarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Find the k nearest, with their scores: greater is better."""
        return self._run(self._search_scored(query, None, k, kwargs))

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Find the k nearest, with their scores: greater is better."""
        return await self._arun(self._search_scored(query, None, k, kwargs))

    def similarity_search_with_score_by_vector(
        self, embedding: Sequence[float], k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Find the k that are nearest to a vector, with their scores."""
        options = _by_vector(kwargs)
        return self._run(self._search_scored(None, embedding, k, options))

    async def asimilarity_search_with_score_by_vector(
        self, embedding: Sequence[float], k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Find the k that are nearest to a vector, with their scores."""
        options = _by_vector(kwargs)
        return await self._arun(self._search_scored(None, embedding, k, options))

    def _similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        return _relevances(
            self.similarity_search_with_score(query, k, **_by_vector(kwargs))
        )

    async def _asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        return _relevances(
            await self.asimilarity_search_with_score(query, k, **_by_vector(kwargs))
        )

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """Choose k of the fetch_k nearest that are not like each other."""
        return self._run(
            self._search_diverse(query, None, k, fetch_k, lambda_mult, kwargs)
        )

    async def amax_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """Choose k of the fetch_k nearest that are not like each other."""
        return await self._arun(
            self._search_diverse(query, None, k, fetch_k, lambda_mult, kwargs)
        )

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """Likewise, of those that are nearest to a vector."""
        return self._run(
            self._search_diverse(None, embedding, k, fetch_k, lambda_mult, kwargs)
        )

    async def amax_marginal_relevance_search_by_vector(
        self,
        embedding: Sequence[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """Likewise, of those that are nearest to a vector."""
        return await self._arun(
            self._search_diverse(None, embedding, k, fetch_k, lambda_mult, kwargs)
        )

    # -- making

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Any,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        place: Place = "mem:",
        **kwargs: Any,
    ) -> Self:
        """Make a store and add texts; kwargs are options of the constructor."""
        made = cls(place, embedding, **kwargs)
        try:
            made.add_texts(texts, metadatas, ids=ids)
        except BaseException:
            made.close()
            raise
        return made

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Any,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        place: Place = "mem:",
        **kwargs: Any,
    ) -> Self:
        """Make a store and add texts; kwargs are options of the constructor."""
        made = cls(place, embedding, **kwargs)
        try:
            await made.aadd_texts(texts, metadatas, ids=ids)
        except BaseException:
            await made.aclose()
            raise
        return made


def _by_vector(options: dict[str, Any]) -> dict[str, Any]:
    """These searches need similarities, whatever the store is used to."""
    if options.get("mode", "vector") != "vector":
        raise ValueError('this search goes by vectors: its mode is "vector"')
    return {**options, "mode": "vector"}


def _relevances(
    found: list[tuple[Document, float]],
) -> list[tuple[Document, float]]:
    """LangChain's scale ends at zero."""
    return [(doc, min(max(score, 0.0), 1.0)) for doc, score in found]


class WindrowRetriever(BaseRetriever):
    """Retrieves by words and by vectors where the store has both.

    Of a `WindrowVectorStore`; `k`, `mode`, `filter` and `search_kwargs` are those
    of its searches, and each may be given to `invoke()` too.
    """

    vectorstore: WindrowVectorStore
    k: int = 4
    mode: Mode = "auto"
    filter: Any = None
    search_kwargs: dict[str, Any] = Field(default_factory=dict)

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        own = {"k": self.k, "mode": self.mode, "filter": self.filter}
        return {**own, **self.search_kwargs, **given}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return self.vectorstore.similarity_search(query, **self._options(kwargs))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        **kwargs: Any,
    ) -> list[Document]:
        return await self.vectorstore.asimilarity_search(query, **self._options(kwargs))
