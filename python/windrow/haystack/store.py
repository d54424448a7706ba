"""The document store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, Unpack
from urllib.parse import parse_qs, urlsplit

from haystack import default_from_dict, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret

import windrow
from windrow import steps
from windrow.haystack import methods
from windrow.haystack.documents import SplitFilter, to_document
from windrow.steps import Steps

T = TypeVar("T")

#: Everything was fetched before then.
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


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
        return self._run(methods.write(documents, policy))

    async def write_documents_async(
        self,
        documents: list[Document],
        policy: DuplicatePolicy = DuplicatePolicy.NONE,
    ) -> int:
        """Write documents; see `write_documents()`."""
        return await self._arun(methods.write(documents, policy))

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
        return self._run(methods.delete_by_filter(filters))

    async def delete_by_filter_async(self, filters: dict[str, Any]) -> int:
        """Delete the documents that pass a filter; gives how many."""
        return await self._arun(methods.delete_by_filter(filters))

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Put members into the meta of documents that pass; gives how many."""
        return self._run(methods.update_by_filter(filters, meta))

    async def update_by_filter_async(
        self, filters: dict[str, Any], meta: dict[str, Any]
    ) -> int:
        """Put members into the meta of documents that pass; gives how many."""
        return await self._arun(methods.update_by_filter(filters, meta))

    # ---------------------------------------------------------- reading --

    def count_documents(self) -> int:
        """Count all documents."""
        return int(self._store.stats(exact=True)["documents"])

    async def count_documents_async(self) -> int:
        """Count all documents."""
        return int((await self._store.asyncio.stats(exact=True))["documents"])

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Give the documents that pass a filter, in the order of their ids."""
        return self._run(methods.documents_of(filters, self.return_embedding))

    async def filter_documents_async(
        self, filters: dict[str, Any] | None = None
    ) -> list[Document]:
        """Give the documents that pass a filter, in the order of their ids."""
        return await self._arun(methods.documents_of(filters, self.return_embedding))

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """Count the documents that pass a filter."""
        return self._run(methods.count_by_filter(filters))

    async def count_documents_by_filter_async(self, filters: dict[str, Any]) -> int:
        """Count the documents that pass a filter."""
        return await self._arun(methods.count_by_filter(filters))

    def count_unique_metadata_by_filter(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """Count the different values of fields among documents that pass."""
        return self._run(methods.count_unique(filters, metadata_fields))

    async def count_unique_metadata_by_filter_async(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """Count the different values of fields among documents that pass."""
        return await self._arun(methods.count_unique(filters, metadata_fields))

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Give the `type` of each field: keyword, int, float or boolean."""
        return self._run(methods.fields_info())

    async def get_metadata_fields_info_async(self) -> dict[str, dict[str, str]]:
        """Give the `type` of each field: keyword, int, float or boolean."""
        return await self._arun(methods.fields_info())

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """Give the least and the greatest value of a field; None: it has none."""
        return self._run(methods.min_max(metadata_field))

    async def get_metadata_field_min_max_async(
        self, metadata_field: str
    ) -> dict[str, Any]:
        """Give the least and the greatest value of a field; None: it has none."""
        return await self._arun(methods.min_max(metadata_field))

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
            methods.unique_values(metadata_field, search_term, from_, size, filters)
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
            methods.unique_values(metadata_field, search_term, from_, size, filters)
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
        split = SplitFilter(filters)
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
        return [to_document(hit, self.return_embedding, hit.score) for hit in hits]
