"""The retrievers: by vectors, by words, and by both."""

from __future__ import annotations

from typing import Any, TypeVar

from haystack import component, default_from_dict, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy, apply_filter_policy

from windrow.haystack.store import WindrowDocumentStore

R = TypeVar("R", bound="_Retriever")


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
