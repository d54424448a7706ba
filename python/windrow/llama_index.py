"""Windrow as a vector store of LlamaIndex.

    store = WindrowVectorStore("sqlite:///pages.db")
    index = VectorStoreIndex.from_vector_store(store, embed_model=model)

Needs the package `llama-index-core`.  A node's id is its key in the store.  Over
a store of scraped pages each page is a node: its id is the URL, and its metadata
has `url` and `title`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, Unpack

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.indices.query.embedding_utils import (
    get_top_k_embeddings_learner,
    get_top_k_mmr_embeddings,
)
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import (
    metadata_dict_to_node,
    node_to_metadata_dict,
)

import windrow
from windrow import records, steps, verbs
from windrow.steps import Call, Scan, Steps

__all__ = ["WindrowVectorStore"]

T = TypeVar("T")

#: Of pages that were not written by LlamaIndex these come from elsewhere.
_MADE_UP = ("title", "url")
#: How much a rank counts in a fusion: 1 / (60 + rank), as in Windrow's own.
_RANK_OFFSET = 60
#: How far the two lists of a weighted fusion reach at least.
_FUSED_AT_LEAST = 100
#: Candidates of an MMR search, for each result.
_MMR_CANDIDATES = 4

_VECTOR_MODES = {VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR}
_TEXT_MODES = {VectorStoreQueryMode.TEXT_SEARCH, VectorStoreQueryMode.SPARSE}
_HYBRID_MODES = {VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.SEMANTIC_HYBRID}
_LEARNER_MODES = {
    VectorStoreQueryMode.SVM,
    VectorStoreQueryMode.LOGISTIC_REGRESSION,
    VectorStoreQueryMode.LINEAR_REGRESSION,
}


# ------------------------------------------------------------------- nodes --


def _to_record(node: BaseNode) -> dict[str, Any]:
    title = node.metadata.get("title")
    return {
        "key": node.node_id,
        "content": node.get_content(metadata_mode=MetadataMode.NONE) or "",
        "title": title if isinstance(title, str) else "",
        "metadata": node_to_metadata_dict(node, remove_text=True),
        "embedding": node.get_embedding(),
    }


def _members(stored: records.Document) -> dict[str, Any]:
    """Give the metadata that filters look at."""
    members = stored.metadata
    if "_node_content" not in members:
        # A page that somebody scraped.
        members = {"url": stored.url, **members}
        if stored.title:
            members.setdefault("title", stored.title)
    return members


def _to_node(stored: records.Document, embedding: bool = False) -> BaseNode:
    members, content = _members(stored), stored.content or ""
    node: BaseNode
    if "_node_content" in members:
        node = metadata_dict_to_node(members, text=content)
    else:
        node = TextNode(id_=stored.url, text=content, metadata=members)
    if embedding and stored.embedding is not None:
        node.embedding = list(stored.embedding)
    return node


# ----------------------------------------------------------------- filters --

_COMPARISONS: dict[FilterOperator, Callable[[Any, Any], bool]] = {
    FilterOperator.EQ: lambda stored, value: bool(stored == value),
    FilterOperator.GT: lambda stored, value: bool(stored > value),
    FilterOperator.GTE: lambda stored, value: bool(stored >= value),
    FilterOperator.LT: lambda stored, value: bool(stored < value),
    FilterOperator.LTE: lambda stored, value: bool(stored <= value),
    FilterOperator.IN: lambda stored, value: stored in value,
    FilterOperator.CONTAINS: lambda stored, value: value in stored,
    FilterOperator.ANY: lambda stored, value: any(v in stored for v in value),
    FilterOperator.ALL: lambda stored, value: all(v in stored for v in value),
}
_TEXT_COMPARISONS: dict[FilterOperator, Callable[[str, str], bool]] = {
    FilterOperator.TEXT_MATCH: lambda stored, value: value in stored,
    FilterOperator.TEXT_MATCH_INSENSITIVE: lambda stored, value: (
        value.lower() in stored.lower()
    ),
}
_NEGATIONS = {
    FilterOperator.NE: FilterOperator.EQ,
    FilterOperator.NIN: FilterOperator.IN,
}


def _passes_one(members: dict[str, Any], asked: MetadataFilter) -> bool:
    """Hold one comparison against metadata.

    What a document has not passes `!=`, `nin` and `is_empty` alone; values that
    cannot be compared are just not equal, not greater, and so on.
    """
    stored, operator, value = members.get(asked.key), asked.operator, asked.value
    if operator == FilterOperator.IS_EMPTY:
        return stored is None or stored in ("", [])
    if operator in _NEGATIONS:
        positive = MetadataFilter(
            key=asked.key, value=value, operator=_NEGATIONS[operator]
        )
        return not _passes_one(members, positive)
    if stored is None or value is None:
        return False
    if operator in _TEXT_COMPARISONS:
        if not isinstance(stored, str) or not isinstance(value, str):
            return False
        return _TEXT_COMPARISONS[operator](stored, value)
    try:
        return _COMPARISONS[operator](stored, value)
    except TypeError:
        return False


def _passes(members: dict[str, Any], asked: MetadataFilters) -> bool:
    found = (
        _passes(members, each)
        if isinstance(each, MetadataFilters)
        else _passes_one(members, each)
        for each in asked.filters
    )
    if asked.condition == FilterCondition.OR:
        return any(found) or not asked.filters
    if asked.condition == FilterCondition.NOT:
        return not any(found)
    return all(found)


def _equalities(asked: MetadataFilters) -> dict[str, Any]:
    """What every document that passes has in its metadata."""
    equal: dict[str, Any] = {}
    if asked.condition not in (FilterCondition.AND, None):
        return equal
    for each in asked.filters:
        if isinstance(each, MetadataFilters):
            equal |= _equalities(each)
        elif (
            each.operator == FilterOperator.EQ
            and each.key not in _MADE_UP
            and steps.plain_equality(each.key, each.value)
        ):
            equal[each.key] = each.value
    return equal


class _Filter:
    """A filter of LlamaIndex's: what of it the database does, and the rest."""

    def __init__(
        self,
        filters: MetadataFilters | None = None,
        node_ids: Sequence[str] | None = None,
        ref_doc_ids: Sequence[str] | None = None,
    ) -> None:
        self._filters = filters if filters and filters.filters else None
        self._node_ids = None if node_ids is None else set(node_ids)
        self._ref_doc_ids = None if ref_doc_ids is None else set(ref_doc_ids)
        equal = _equalities(self._filters) if self._filters else {}
        if ref_doc_ids and len(ref_doc_ids) == 1:
            (only,) = ref_doc_ids
            if steps.plain_equality("ref_doc_id", only):
                equal["ref_doc_id"] = only
        self.core: verbs.Filter | None = {"metadata": equal} if equal else None
        self.accept: steps.Accept | None = self._accept
        if not (self._filters or self._node_ids is not None or ref_doc_ids is not None):
            self.accept = None

    def _accept(self, stored: records.Document) -> bool:
        if self._node_ids is not None and stored.url not in self._node_ids:
            return False
        members = _members(stored)
        if (
            self._ref_doc_ids is not None
            and members.get("ref_doc_id") not in self._ref_doc_ids
        ):
            return False
        return self._filters is None or _passes(members, self._filters)


# ------------------------------------------------------------------- store --


class WindrowVectorStore(BasePydanticVectorStore):
    """A vector store in SQLite or PostgreSQL, with the nodes' text.

    Each method has an asynchronous twin that holds no event loop up, and what a
    method wrote is on disk, and found, when it returns.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or
            `postgresql://user@host/database`.
        embed_dim: How long embeddings are; left out: recorded in the store, or
            learned from the first.
        embed_model_name: A name for what makes the embeddings, which the store
            records.  Opened with another one it refuses.
        options: See `windrow.Options`: `table`, `schema`, `pool_size` and others.

    """

    stores_text: bool = True
    is_embedding_query: bool = True
    flat_metadata: bool = False

    embed_dim: int | None = None
    embed_model_name: str | None = None
    # It may have a password.
    url: str = Field(exclude=True, repr=False)

    _store: windrow.BlockingStore = PrivateAttr()

    def __init__(
        self,
        url: str,
        embed_dim: int | None = None,
        embed_model_name: str | None = None,
        **options: Unpack[windrow.Options],
    ) -> None:
        """Make a vector store, which its first method opens."""
        super().__init__(  # type: ignore[call-arg]
            url=url, embed_dim=embed_dim, embed_model_name=embed_model_name
        )
        self._store = windrow.open_sync(
            url, model=embed_model_name, dim=embed_dim, **options
        )

    @classmethod
    def class_name(cls) -> str:
        """Give the name by which LlamaIndex knows it."""
        return "WindrowVectorStore"

    @property
    def client(self) -> windrow.BlockingStore:
        """The store of Windrow's; `.asyncio` of it is for coroutines."""
        return self._store

    def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self._store.close()

    async def aclose(self) -> None:
        """Finish what was begun and let go of the database."""
        await self._store.asyncio.close()

    def _run(self, made: Steps[T]) -> T:
        return steps.run(self._store, made)

    async def _arun(self, made: Steps[T]) -> T:
        return await steps.arun(self._store, made)

    # ---------------------------------------------------------- writing --

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add nodes, which have embeddings; those of stored ids are replaced.

        Raises `windrow.RecordsError` where some cannot be stored; the others are.
        """
        return self._run(_add(nodes))

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add nodes; see `add()`."""
        return await self._arun(_add(nodes))

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the nodes of a document."""
        self._run(_delete(_Filter(ref_doc_ids=[ref_doc_id])))

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the nodes of a document."""
        await self._arun(_delete(_Filter(ref_doc_ids=[ref_doc_id])))

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Delete nodes by their ids, a filter, or both; by neither: none."""
        self._run(_delete_nodes(node_ids, filters))

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Delete nodes by their ids, a filter, or both; by neither: none."""
        await self._arun(_delete_nodes(node_ids, filters))

    def clear(self) -> None:
        """Delete all nodes; the store stays."""
        self._store.prune("9999-01-01")

    async def aclear(self) -> None:
        """Delete all nodes; the store stays."""
        await self._store.asyncio.prune("9999-01-01")

    # ---------------------------------------------------------- reading --

    def get_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
    ) -> list[BaseNode]:
        """Give nodes, with their embeddings, by ids, a filter, or both."""
        return self._run(_get_nodes(node_ids, filters))

    async def aget_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
    ) -> list[BaseNode]:
        """Give nodes, with their embeddings, by ids, a filter, or both."""
        return await self._arun(_get_nodes(node_ids, filters))

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Find the best nodes.

        Similarities are cosines (`default`, `mmr`: see LlamaIndex), BM25 scores
        (`text_search`, `sparse`) or those of the fusion (`hybrid`,
        `semantic_hybrid`), which `alpha` weights: 0 is text alone, 1 vectors
        alone.  `svm` and its like need scikit-learn and look at every vector.
        """
        return self._run(_query(query, kwargs))

    async def aquery(
        self, query: VectorStoreQuery, **kwargs: Any
    ) -> VectorStoreQueryResult:
        """Find the best nodes; see `query()`."""
        return await self._arun(_query(query, kwargs))


# ------------------------------------------------------- what methods do --


def _add(nodes: Sequence[BaseNode]) -> Steps[list[str]]:
    rows = [_to_record(node) for node in nodes]
    if rows:
        report: records.Report = yield Call("save", (rows,))
        report.raise_for_failed()
    return [node.node_id for node in nodes]


def _delete(split: _Filter) -> Steps[None]:
    found: list[str] = []

    def visit(stored: records.Document) -> None:
        if split.accept is None or split.accept(stored):
            found.append(stored.url)

    yield Scan(visit, split.core, content=False)
    if found:
        yield Call("delete", (found,), {"keys": True})


def _delete_nodes(
    node_ids: list[str] | None, filters: MetadataFilters | None
) -> Steps[None]:
    if node_ids is None and (filters is None or not filters.filters):
        return
    if filters is None or not filters.filters:
        yield Call("delete", (node_ids,), {"keys": True})
    else:
        yield from _delete(_Filter(filters, node_ids))


def _get_nodes(
    node_ids: list[str] | None, filters: MetadataFilters | None
) -> Steps[list[BaseNode]]:
    found: list[records.Document] = []
    split = _Filter(filters)

    def visit(stored: records.Document) -> None:
        if split.accept is None or split.accept(stored):
            found.append(stored)

    if node_ids is None:
        yield Scan(visit, split.core, embedding=True)
    else:
        stored: list[records.Document | None] = yield Call(
            "get", (node_ids,), {"keys": True, "embedding": True}
        )
        for each in stored:
            if each is not None:
                visit(each)
    return [_to_node(each, embedding=True) for each in found]


def _query(
    query: VectorStoreQuery, options: dict[str, Any]
) -> Steps[VectorStoreQueryResult]:
    # LlamaIndex' retrievers give empty lists where they mean all.
    split = _Filter(query.filters, query.node_ids or None, query.doc_ids or None)
    asked = steps.Query(
        k=query.similarity_top_k, filter=split.core, accept=split.accept
    )
    mode, alpha = query.mode, query.alpha
    if mode in _HYBRID_MODES:
        if query.hybrid_top_k is not None:
            asked = replace(asked, k=query.hybrid_top_k)
        if alpha is not None and alpha <= 0:
            mode = VectorStoreQueryMode.TEXT_SEARCH
        elif alpha is not None and alpha >= 1:
            mode = VectorStoreQueryMode.DEFAULT
    elif mode in _TEXT_MODES and query.sparse_top_k is not None:
        asked = replace(asked, k=query.sparse_top_k)
    if mode not in _TEXT_MODES:
        asked = replace(asked, mode="vector", vector=_vector_of(query))
    if mode in _TEXT_MODES:
        asked = replace(asked, mode="text", text=_text_of(query))
    elif mode in _HYBRID_MODES:
        asked = replace(asked, mode="hybrid", text=_text_of(query))

    if mode in _LEARNER_MODES:
        return (yield from _learn(query, asked))
    if mode == VectorStoreQueryMode.MMR:
        return (yield from _diverse(query, asked, options))
    if mode in _HYBRID_MODES and alpha is not None and alpha != 0.5:
        return (yield from _fuse(query, asked, alpha))
    if mode not in _VECTOR_MODES | _TEXT_MODES | _HYBRID_MODES:
        raise ValueError(f"Windrow has no query mode {mode!r}")
    hits = yield from steps.search(asked)
    return _result(hits, [hit.score for hit in hits])


def _vector_of(query: VectorStoreQuery) -> list[float]:
    if not query.query_embedding:
        raise ValueError(f"a query in mode {query.mode.value!r} needs an embedding")
    return query.query_embedding


def _text_of(query: VectorStoreQuery) -> str:
    if not query.query_str:
        raise ValueError(f"a query in mode {query.mode.value!r} needs a text")
    return query.query_str


def _result(
    hits: Sequence[records.Document], scores: list[float]
) -> VectorStoreQueryResult:
    return VectorStoreQueryResult(
        nodes=[_to_node(hit) for hit in hits],
        similarities=scores,
        ids=[hit.url for hit in hits],
    )


def _fuse(
    query: VectorStoreQuery, asked: steps.Query, alpha: float
) -> Steps[VectorStoreQueryResult]:
    """Fuse both lists by their ranks, of which that by vectors counts alpha."""
    depth = max(asked.k, query.similarity_top_k, _FUSED_AT_LEAST)
    by_vector = replace(asked, mode="vector", text=None, k=depth)
    by_text = replace(
        asked, mode="text", vector=None, k=max(depth, query.sparse_top_k or 0)
    )
    scores: dict[str, float] = {}
    found: dict[str, records.Hit] = {}
    for weight, one in ((alpha, by_vector), (1 - alpha, by_text)):
        hits = yield from steps.search(one)
        for rank, hit in enumerate(hits, start=1):
            found[hit.url] = hit
            scores[hit.url] = scores.get(hit.url, 0) + weight / (_RANK_OFFSET + rank)
    best = sorted(scores, key=lambda key: (-scores[key], key))[: max(asked.k, 0)]
    return _result([found[key] for key in best], [scores[key] for key in best])


def _diverse(
    query: VectorStoreQuery, asked: steps.Query, options: dict[str, Any]
) -> Steps[VectorStoreQueryResult]:
    """Choose among the nearest those that are not near each other."""
    count = options.get("mmr_prefetch_k")
    if count is None:
        factor = options.get("mmr_prefetch_factor") or _MMR_CANDIDATES
        count = max(int(asked.k * factor), asked.k)
    hits = yield from steps.search(replace(asked, k=count, embedding=True))
    if not hits:
        return _result([], [])
    threshold = query.mmr_threshold
    if threshold is None:
        threshold = options.get("mmr_threshold")
    scores, places = get_top_k_mmr_embeddings(
        _vector_of(query),
        [list(hit.embedding or ()) for hit in hits],
        similarity_top_k=asked.k,
        mmr_threshold=threshold,
    )
    return _result([hits[place] for place in places], scores)


def _learn(
    query: VectorStoreQuery, asked: steps.Query
) -> Steps[VectorStoreQueryResult]:
    """Let LlamaIndex fit a model that tells the query from all documents."""
    found: dict[str, list[float]] = {}

    def visit(stored: records.Document) -> None:
        if stored.embedding is not None and (
            asked.accept is None or asked.accept(stored)
        ):
            found[stored.url] = list(stored.embedding)

    yield Scan(visit, asked.filter, content=False, embedding=True)
    if not found or asked.k <= 0:
        return _result([], [])
    scores, keys = get_top_k_embeddings_learner(
        _vector_of(query),
        list(found.values()),
        similarity_top_k=asked.k,
        embedding_ids=list(found),
        query_mode=query.mode,
    )
    stored: list[records.Document | None] = yield Call("get", (keys,), {"keys": True})
    pairs = [
        (each, float(score))
        for each, score in zip(stored, scores, strict=True)
        if each is not None
    ]
    return _result([each for each, _ in pairs], [score for _, score in pairs])
