"""Haystack's document store: the framework's own suite, and what it leaves out.

The suite's documents have embeddings of float64, the store's are of float32:
they are compared as such, and the order of documents, which the protocol leaves
open, is not compared.  Nothing else of the suite is changed; one test of it says
that every document store has to bring its own (`test_write_documents`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
pytest.importorskip("haystack")

import haystack.testing.document_store as suite
import haystack.testing.document_store_async as async_suite
import numpy as np
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.dataclasses import ByteStream, SparseEmbedding
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
from haystack.errors import FilterError
from haystack.utils import Secret
from support import examples

import windrow
from windrow import steps
from windrow.haystack import (
    WindrowDocumentStore,
    WindrowEmbeddingRetriever,
    WindrowHybridRetriever,
    WindrowKeywordRetriever,
)


def comparable(document: Document) -> dict[str, Any]:
    found = document.to_dict(flatten=False)
    if document.embedding is not None:
        found["embedding"] = np.asarray(document.embedding, np.float32).tolist()
    return found


def assert_same(received: list[Document], expected: list[Document]) -> None:
    def by_id(documents: list[Document]) -> list[dict[str, Any]]:
        return sorted(map(comparable, documents), key=lambda made: str(made["id"]))

    assert by_id(received) == by_id(expected)


@pytest.fixture
def document_store(place: dict[str, Any]) -> Iterator[WindrowDocumentStore]:
    store = WindrowDocumentStore(**place)
    yield store
    store.close()


class Ours:
    """What the suite lets a document store say for itself."""

    @staticmethod
    def assert_documents_are_equal(
        received: list[Document], expected: list[Document]
    ) -> None:
        assert_same(received, expected)

    @pytest.fixture
    def document_store(self, place: dict[str, Any]) -> Iterator[WindrowDocumentStore]:
        store = WindrowDocumentStore(**place)
        yield store
        store.close()


class TestSuite(
    Ours,
    suite.DocumentStoreBaseExtendedTests,
    suite.FilterableDocsFixtureMixin,
    suite.CountDocumentsByFilterTest,
    suite.CountUniqueMetadataByFilterTest,
    suite.GetMetadataFieldsInfoTest,
    suite.GetMetadataFieldMinMaxTest,
    suite.GetMetadataFieldUniqueValuesTest,
):
    def test_write_documents(self, document_store: WindrowDocumentStore) -> None:
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        assert_same(document_store.filter_documents(), [document])
        with pytest.raises(DuplicateDocumentError, match=document.id):
            document_store.write_documents([document])


class TestAsyncSuite(
    Ours,
    async_suite.CountDocumentsAsyncTest,
    async_suite.WriteDocumentsAsyncTest,
    async_suite.DeleteDocumentsAsyncTest,
    async_suite.DeleteAllAsyncTest,
    async_suite.DeleteByFilterAsyncTest,
    async_suite.UpdateByFilterAsyncTest,
    async_suite.FilterDocumentsAsyncTest,
    async_suite.CountDocumentsByFilterAsyncTest,
    async_suite.CountUniqueMetadataByFilterAsyncTest,
    async_suite.GetMetadataFieldsInfoAsyncTest,
    async_suite.GetMetadataFieldMinMaxAsyncTest,
    async_suite.GetMetadataFieldUniqueValuesAsyncTest,
):
    @pytest.mark.asyncio
    async def test_write_documents_async(
        self, document_store: WindrowDocumentStore
    ) -> None:
        document = Document(content="test doc")
        assert await document_store.write_documents_async([document]) == 1
        assert_same(await document_store.filter_documents_async(), [document])


def test_every_class_of_the_suite_is_run() -> None:
    ours = {*TestSuite.__mro__, *TestAsyncSuite.__mro__}
    for module in (suite, async_suite):
        theirs = {
            each
            for name, each in vars(module).items()
            if isinstance(each, type) and name.endswith(("Test", "Tests"))
        }
        assert theirs, module
        assert theirs <= ours, theirs - ours


# ---------------------------------------------------------------- our own --

BAKING = [
    Document(
        id="bread",
        content="How to bake sour dough bread",
        meta={"kind": "recipe", "minutes": 240, "title": "Bread"},
        embedding=[1.0, 0.0, 0.0],
    ),
    Document(
        id="cake",
        content="A cake is not bread, but sweet",
        meta={"kind": "recipe", "minutes": 60},
        embedding=[0.8, 0.6, 0.0],
    ),
    Document(
        id="rye",
        content="Rye is a grass, grown as a grain",
        meta={"kind": "plant"},
        embedding=[0.0, 0.0, 1.0],
    ),
]
QUICK = {"field": "meta.minutes", "operator": "<", "value": 100}


def ids(found: dict[str, list[Document]]) -> list[str]:
    return [document.id for document in found["documents"]]


def test_a_document_comes_back_as_it_was(document_store: WindrowDocumentStore) -> None:
    documents = [
        Document(content=None, blob=ByteStream(b"\0\xff", {"a": 1}, "x/y")),
        Document(
            content="",
            meta={"f": 1.0, "n": None, "big": 2**70, "deep": {"l": [1, 2.0, "x"]}},
        ),
        Document(
            content=" two\r\nlines\t\n",
            meta={
                "title": "T",
                "é": "\u00fc e\u0301",
                "nul": "a\0b",
                "odd": "\x01\x7f\ud800\ufffe",
            },
            sparse_embedding=SparseEmbedding([1, 5], [0.5, 0.25]),
            embedding=[0.5, 0.25, -1.0],
        ),
    ]
    assert document_store.write_documents(documents) == 3
    assert_same(document_store.filter_documents(), documents)
    for stored in document_store.filter_documents():
        if "f" in stored.meta:
            assert [type(v) for v in stored.meta.values()] == [
                type(v) for v in documents[1].meta.values()
            ]


def test_overwriting_replaces_all_of_a_document(
    document_store: WindrowDocumentStore,
) -> None:
    first = Document(
        id="1", content="one", meta={"a": 1, "title": "T"}, embedding=[1.0, 0.0]
    )
    for second in (
        Document(id="1", content="one"),
        Document(id="1", content="two", meta={"b": 2}),
        Document(id="1", content="three", embedding=[0.0, 1.0]),
        Document(id="1"),
    ):
        document_store.write_documents([first], DuplicatePolicy.OVERWRITE)
        document_store.write_documents([second], DuplicatePolicy.OVERWRITE)
        assert_same(document_store.filter_documents(), [second])
        found = WindrowEmbeddingRetriever(document_store).run([1.0, 0.0])
        assert ids(found) == (["1"] if second.embedding else [])


def test_of_documents_with_a_stored_one_among_them_none_is_written(
    document_store: WindrowDocumentStore,
) -> None:
    document_store.write_documents(BAKING[:1])
    with pytest.raises(DuplicateDocumentError, match="bread"):
        document_store.write_documents(BAKING, DuplicatePolicy.FAIL)
    assert document_store.count_documents() == 1
    with pytest.raises(DuplicateDocumentError, match="rye"):
        document_store.write_documents([BAKING[2], BAKING[2]])
    assert document_store.count_documents() == 1
    assert document_store.write_documents(BAKING, DuplicatePolicy.SKIP) == 2


def test_a_document_with_a_wrong_embedding_costs_only_itself(
    document_store: WindrowDocumentStore,
) -> None:
    wrong = Document(id="wrong", content="x", embedding=[1.0])
    with pytest.raises(DocumentStoreError, match=r"1 of 4 .* document wrong: .*dimens"):
        document_store.write_documents([*BAKING, wrong])
    assert_same(document_store.filter_documents(), BAKING)


def test_retrievers_find_the_best_first(document_store: WindrowDocumentStore) -> None:
    document_store.write_documents(BAKING)
    by_words = WindrowKeywordRetriever(document_store)
    by_vector = WindrowEmbeddingRetriever(document_store, top_k=2)
    by_both = WindrowHybridRetriever(document_store)
    assert ids(by_words.run("sour bread")) == ["bread", "cake"]
    assert ids(by_words.run("sour bread", top_k=1)) == ["bread"]
    assert ids(by_words.run("sour bread", filters=QUICK)) == ["cake"]
    assert ids(by_vector.run([0.0, 0.1, 1.0])) == ["rye", "cake"]
    assert ids(by_vector.run([0.0, 0.1, 1.0], filters=QUICK)) == ["cake"]
    assert ids(by_both.run("bread", [0.9, 0.1, 0.0]))[:2] in (
        ["bread", "cake"],
        ["cake", "bread"],
    )
    assert ids(by_both.run("rye", [0.0, 0.0, 1.0]))[0] == "rye"
    assert ids(by_both.run("rye", [0.0, 0.0, 1.0], filters=QUICK)) == ["cake"]
    first = by_vector.run([2.0, 0.0, 0.0])["documents"][0]
    assert first.score == pytest.approx(1.0)
    assert comparable(first)["embedding"] == [1.0, 0.0, 0.0]
    assert first.content == BAKING[0].content
    assert first.meta == BAKING[0].meta


def test_retrievers_refuse_what_is_no_query(
    document_store: WindrowDocumentStore,
) -> None:
    document_store.write_documents(BAKING)
    with pytest.raises(ValueError, match="non-empty"):
        WindrowKeywordRetriever(document_store).run("")
    with pytest.raises(ValueError, match="non-empty"):
        WindrowEmbeddingRetriever(document_store).run([])
    with pytest.raises(windrow.SchemaError):
        WindrowEmbeddingRetriever(document_store).run([1.0])
    with pytest.raises(ValueError, match="top_k"):
        WindrowKeywordRetriever(document_store, top_k=0)
    with pytest.raises(FilterError):
        document_store.filter_documents({"operator": "AND"})
    assert ids(WindrowKeywordRetriever(document_store).run('"(-*', top_k=3)) == []


@pytest.mark.asyncio
async def test_retrievers_run_in_coroutines(
    document_store: WindrowDocumentStore,
) -> None:
    await document_store.write_documents_async(BAKING)
    by_words = WindrowKeywordRetriever(document_store)
    by_vector = WindrowEmbeddingRetriever(document_store, filters=QUICK)
    by_both = WindrowHybridRetriever(document_store)
    assert ids(await by_words.run_async("rye")) == ["rye"]
    assert ids(await by_vector.run_async([1.0, 0.0, 0.0])) == ["cake"]
    assert ids(await by_both.run_async("rye", [0.0, 0.0, 1.0]))[0] == "rye"
    await document_store.close_async()


def test_a_rare_document_is_found_behind_many_that_a_filter_refuses(
    document_store: WindrowDocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = [
        Document(id=f"{i:04}", content="bread " * 3, meta={"n": i}, embedding=[1.0, 0])
        for i in range(1500)
    ]
    far = Document(id="far", content="bread", meta={"n": -1.5}, embedding=[0.1, 1.0])
    document_store.write_documents([*near, far])
    rare = {"field": "meta.n", "operator": "<", "value": 0}
    asked = {"query_embedding": [1.0, 0.0], "filters": rare, "top_k": 2}
    by_vector = WindrowEmbeddingRetriever(document_store)
    assert ids(by_vector.run(**asked)) == ["far"]
    assert ids(WindrowKeywordRetriever(document_store).run("bread", rare)) == ["far"]
    # More than the core gives: every vector is looked at.
    monkeypatch.setattr(steps, "MOST_HITS", 100)
    found = by_vector.run(**asked)["documents"]
    assert [d.id for d in found] == ["far"]
    assert found[0].score == pytest.approx(0.1 / (0.01 + 1) ** 0.5)
    assert found[0].content == "bread"
    assert len(by_vector.run([1.0, 0.0], top_k=150)["documents"]) == 150


def test_equalities_are_compared_as_haystack_does(
    document_store: WindrowDocumentStore,
) -> None:
    values: list[Any] = [1, 1.0, True, "1", 0, False, None, 7, 7.0, "x", [1], {"a": 1}]
    values += ["2025-02-03", "2025-02-03T00:00", "a\0b", "ü", 2**60, 2.0**60, "1.0"]
    documents = [
        Document(id=str(i), content="c", meta={"v": value})
        for i, value in enumerate(values)
    ]
    document_store.write_documents(documents)
    memory = suite_memory()
    memory.write_documents(documents)
    for value in values:
        for operator in ("==", "!="):
            condition = {"field": "meta.v", "operator": operator, "value": value}
            both = {"operator": "AND", "conditions": [condition]}
            for filters in (condition, both):
                expected = memory.filter_documents(filters)
                received = document_store.filter_documents(filters)
                assert_same(received, expected)


def suite_memory() -> Any:
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    return InMemoryDocumentStore()


def test_scraped_pages_are_documents(place: dict[str, Any]) -> None:
    page = {"url": "https://e.org/", "title": "Bread", "raw_content": "to bake"}
    options = {**place, "embeddings": "hash"}
    with windrow.open_sync(options.pop("url"), **options) as scraped:
        scraped.save([{**page, "metadata": {"lang": "en"}}])
    store = WindrowDocumentStore(**place)
    found = WindrowHybridRetriever(store).run("bake")["documents"]
    assert [d.id for d in found] == ["https://e.org/"]
    assert found[0].content == "to bake"
    assert found[0].meta == {"lang": "en", "title": "Bread", "url": "https://e.org/"}
    titled = {"field": "meta.title", "operator": "==", "value": "Bread"}
    assert store.count_documents_by_filter(titled) == 1
    store.close()


def test_a_pipeline_goes_into_yaml_and_back(
    place: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_WINDROW_URL", place["url"])
    options = {name: value for name, value in place.items() if name != "url"}
    store = WindrowDocumentStore(
        Secret.from_env_var("TEST_WINDROW_URL"), embedding_dimension=3, **options
    )
    pipeline = Pipeline()
    pipeline.add_component("writer", DocumentWriter(store))
    pipeline.add_component("words", WindrowKeywordRetriever(store, top_k=3))
    pipeline.add_component(
        "near",
        WindrowEmbeddingRetriever(
            store, filters=QUICK, filter_policy=FilterPolicy.MERGE
        ),
    )
    text = pipeline.dumps()
    assert place["url"] not in text
    store.close()

    again = Pipeline.loads(text, allowed_modules=["windrow.haystack"])
    assert again.dumps() == text
    again.get_component("writer").run(BAKING)
    found = again.run(
        {
            "writer": {"documents": []},
            "words": {"query": "bread"},
            "near": {"query_embedding": [1.0, 0.0, 0.0]},
        }
    )
    assert ids(found["words"]) == ["bread", "cake"]
    assert ids(found["near"]) == ["cake"]
    for name in ("writer", "words", "near"):
        again.get_component(name).document_store.close()


def test_a_password_is_not_serialized() -> None:
    for url in ("postgresql://u:secret@h/db", "postgresql://h/db?password=secret"):
        store = WindrowDocumentStore(url)
        with pytest.raises(ValueError, match="Secret") as caught:
            store.to_dict()
        assert "secret@" not in str(caught.value)
        store.close()


@pytest.mark.asyncio
async def test_an_asynchronous_pipeline_writes_and_finds(
    document_store: WindrowDocumentStore,
) -> None:
    writing = Pipeline()
    writing.add_component("writer", DocumentWriter(document_store))
    await writing.run_async({"writer": {"documents": BAKING}})
    finding = Pipeline()
    finding.add_component("words", WindrowKeywordRetriever(document_store))
    found = await finding.run_async({"words": {"query": "grain"}})
    assert ids(found["words"]) == ["rye"]


def test_the_examples_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINDROW_URL", "mem:")
    for example in examples("haystack.md"):
        exec(example, {})
    written = capsys.readouterr().out
    assert "How to bake sour dough bread\n" in written
    assert "https://example.org/ How to bake bread\n" in written
