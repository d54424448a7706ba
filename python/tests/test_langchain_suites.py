"""LangChain's own suites, over both backends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langchain_tests")

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import (
    BaseStoreAsyncTests,
    BaseStoreSyncTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)

from windrow.langchain import WindrowByteStore, WindrowRetriever, WindrowVectorStore


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, place: dict[str, Any]) -> Iterator[WindrowVectorStore]:
        with WindrowVectorStore(
            place.pop("url"), self.get_embeddings(), **place
        ) as store:
            yield store


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def filled(self, place: dict[str, Any]) -> Iterator[None]:
        with WindrowVectorStore(place.pop("url"), "hash", **place) as store:
            store.add_documents(
                [Document(page_content=f"bread of kind{i}") for i in range(5)]
            )
            self.store = store
            yield

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return WindrowRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"vectorstore": self.store}

    @property
    def retriever_query_example(self) -> str:
        return "bread"


class _Bytes:
    @pytest.fixture
    def kv_store(self, place: dict[str, Any]) -> Iterator[WindrowByteStore]:
        with WindrowByteStore(place.pop("url"), **place) as store:
            yield store

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return b"[0.25, -1.5e-07]", bytes(range(256)), b""


class TestByteStore(_Bytes, BaseStoreSyncTests[bytes]):
    pass


class TestByteStoreInCoroutines(_Bytes, BaseStoreAsyncTests[bytes]):
    pass
