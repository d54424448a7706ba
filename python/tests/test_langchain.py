"""What LangChain's suites do not ask of the adapter."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("langchain_core")

from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import aindex, index
from langchain_core.vectorstores import InMemoryVectorStore
from support import vectors

import windrow
from windrow.langchain import (
    WindrowByteStore,
    WindrowRecordManager,
    WindrowRetriever,
    WindrowVectorStore,
)


class Counting(Embeddings):
    """Says what it was asked to embed, and in which threads."""

    model = "counting"

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.threads: set[threading.Thread] = set()
        self.error: Exception | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.threads.add(threading.current_thread())
        if self.error is not None:
            raise self.error
        self.texts += texts
        return vectors(texts)

    def embed_query(self, text: str) -> list[float]:
        self.threads.add(threading.current_thread())
        return vectors([text])[0]


PEOPLE = [
    Document(
        page_content=f"text{i}",
        metadata={
            "n": i,
            "half": i / 2,
            "even": i % 2 == 0,
            "name": f"Name {i}",
            "tags": [f"t{i}", "all"],
            "born": date(2000 + i, 1, 1),
            **({"rare": None} if i == 3 else {}),
        },
        id=str(i),
    )
    for i in range(8)
]


@pytest.fixture
def store(place: dict[str, Any]) -> Iterator[WindrowVectorStore]:
    with WindrowVectorStore(place.pop("url"), Counting(), **place) as store:
        yield store


def found(store: WindrowVectorStore, filter: Any, k: int = 10) -> list[int]:
    """The numbers of those that pass a filter, which all searches agree on."""
    numbers = sorted(
        int(doc.id or -1) for doc in store.similarity_search("text", k, filter=filter)
    )
    assert numbers == sorted(
        int(doc.id or -1)
        for doc in store.max_marginal_relevance_search(
            "text", k=k, fetch_k=k, filter=filter
        )
    )
    return numbers


@pytest.mark.parametrize(
    ("filter", "numbers"),
    [
        (None, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"n": 3}, [3]),
        ({"n": 1, "even": True}, []),
        ({"even": True}, [0, 2, 4, 6]),
        ({"half": 1.5}, [3]),
        ({"tags": ["t1", "all"]}, [1]),
        ({"n": {"$eq": 3}}, [3]),
        ({"n": {"$ne": 3}}, [0, 1, 2, 4, 5, 6, 7]),
        ({"n": {"$gt": 5}}, [6, 7]),
        ({"n": {"$gte": 5, "$lt": 7}}, [5, 6]),
        ({"n": {"$lte": 1}}, [0, 1]),
        ({"name": {"$gt": 5}}, []),
        ({"even": {"$gte": 0}}, []),
        ({"n": {"$between": [2, 3.5]}}, [2, 3]),
        ({"n": {"$in": [1, 2, 99]}}, [1, 2]),
        ({"n": {"$in": [True]}}, []),
        ({"n": {"$nin": [1, 2, 3, 4, 5]}}, [0, 6, 7]),
        ({"tags": {"$contains": "t4"}}, [4]),
        ({"name": {"$contains": "me 4"}}, [4]),
        ({"rare": {"$exists": True}}, [3]),
        ({"rare": {"$exists": False}}, [0, 1, 2, 4, 5, 6, 7]),
        ({"name": {"$like": "Name _"}}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"name": {"$like": "name%"}}, []),
        ({"name": {"$ilike": "name%4"}}, [4]),
        ({"born": {"$gte": date(2006, 1, 1)}}, [6, 7]),
        ({"$or": [{"n": 1}, {"n": {"$gt": 6}}]}, [1, 7]),
        ({"$and": [{"even": True}, {"n": {"$gt": 3}}]}, [4, 6]),
        ({"$and": [{"n": 1}, {"n": 2}]}, []),
        ({"$not": {"even": True}}, [1, 3, 5, 7]),
        ({"$not": {"$or": [{"n": 1}, {"even": True}]}}, [3, 5, 7]),
        (lambda doc: doc.page_content == "text5", [5]),
        (lambda doc: doc.metadata["n"] > 5, [6, 7]),
    ],
)
def test_a_filter_says_which_documents_are_found(
    store: WindrowVectorStore, filter: Any, numbers: list[int]
) -> None:
    store.add_documents(PEOPLE)
    assert found(store, filter) == numbers
    # And which are deleted.
    if filter is not None:
        assert store.delete(filter=filter)
        assert found(store, None) == [i for i in range(8) if i not in numbers]


@pytest.mark.parametrize(
    "filter",
    [
        {"n": {"$near": 3}},
        {"$nor": []},
        {"n": {"$in": 3}},
        {"n": {"$between": [1]}},
        {"n": {"$gt": 1, "other": 2}},
    ],
)
def test_a_filter_that_is_none_is_refused(
    store: WindrowVectorStore, filter: Any
) -> None:
    with pytest.raises(ValueError, match=r"operator|wants"):
        store.similarity_search("text", filter=filter)


def test_a_filter_never_costs_hits(store: WindrowVectorStore) -> None:
    texts = [f"text {i}" for i in range(1500)]
    store.add_texts(texts, [{"n": i} for i in range(1500)])
    far = store.similarity_search("text 0", 1500)[-3:]
    rare = [doc.metadata["n"] for doc in far]
    hits = store.similarity_search("text 0", 3, filter={"n": {"$in": rare}})
    assert hits == far


def test_documents_without_an_id_get_the_same_one_every_time(
    store: WindrowVectorStore,
) -> None:
    embedding = store.embeddings
    assert isinstance(embedding, Counting)
    documents = [
        Document(page_content="same", metadata={"a": 1, "b": 2}),
        Document(page_content="same", metadata={"a": 2}),
        Document(page_content="same", metadata={"b": 2, "a": 1}),
        Document(page_content="another"),
        Document(page_content="half a \ud800 pair"),
    ]
    ids = store.add_documents(documents)
    assert ids[0] == ids[2]
    assert len(set(ids)) == 4
    embedding.texts.clear()
    assert store.add_documents(documents) == ids
    assert embedding.texts == []
    assert len(store.similarity_search("same", 10)) == 4


def test_metadata_and_title_are_replaced_as_a_whole(store: WindrowVectorStore) -> None:
    store.add_texts(["x"], [{"title": "Old", "a": 1}], ids=["1"])
    store.add_texts(["x"], ids=["1"])
    assert store.get_by_ids(["1"]) == [Document(id="1", page_content="x", metadata={})]


def test_a_page_tells_its_source_and_title(store: WindrowVectorStore) -> None:
    store.store.save(
        [{"url": "https://example.org/a", "title": "A", "content": "text of a page"}]
    )
    (doc,) = store.similarity_search("text of a page", 1)
    assert doc.metadata == {"source": "https://example.org/a", "title": "A"}


def test_numbers_that_do_not_match_are_refused(store: WindrowVectorStore) -> None:
    with pytest.raises(ValueError, match="1 metadatas for 2 texts"):
        store.add_texts(["a", "b"], [{}])
    with pytest.raises(ValueError, match="1 ids for 2 texts"):
        store.add_texts(["a", "b"], ids=["a"])
    with pytest.raises(ValueError, match="1 embeddings for 2 texts"):
        store.add_embeddings(["a", "b"], [[1.0, 2.0, 3.0]])
    assert store.add_texts([]) == []


def test_one_bad_document_fails_and_is_named(store: WindrowVectorStore) -> None:
    with pytest.raises(windrow.RecordsError) as caught:
        store.add_texts(["a", "b"], ids=["a", "x" * 3000])
    assert list(caught.value.errors) == [1]
    assert [doc.id for doc in store.get_by_ids(["a"])] == ["a"]


def test_an_embedding_that_fails_is_told_and_made_up_for(
    store: WindrowVectorStore,
) -> None:
    embedding = store.embeddings
    assert isinstance(embedding, Counting)
    store.add_texts(["learn the dimension"])
    embedding.error = RuntimeError("no credit")
    with pytest.raises(windrow.RecordsError, match="2 of 2 documents are stored, but"):
        store.add_texts(["a", "b"])
    with pytest.raises(windrow.RecordsError):
        store.add_texts(["a", "b"])
    embedding.error = None
    ids = store.add_texts(["a", "b"])
    assert {doc.id for doc in store.similarity_search("a", 2)} == set(ids)


def test_vectors_that_are_given_are_not_made(store: WindrowVectorStore) -> None:
    embedding = store.embeddings
    assert isinstance(embedding, Counting)
    ids = store.add_embeddings(["a", "b"], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert "a" not in embedding.texts
    hits = store.similarity_search_with_score_by_vector([1.0, 0.1, 0.0], 2)
    assert [doc.id for doc, _ in hits] == ids
    assert hits[0][1] == pytest.approx(1 / 1.01**0.5, abs=1e-4)


def test_a_store_whose_vectors_are_all_given_embeds_nothing(
    place: dict[str, Any],
) -> None:
    url = place.pop("url")
    with WindrowVectorStore(url, model="mine", dim=3, **place) as store:
        store.add_embeddings(["a", "b"], np.array([[1, 2, 3], [3, 2, 1]], "f4"))
        with pytest.raises(windrow.UnsupportedError):
            store.similarity_search("a")
    with WindrowVectorStore(url, **place) as store:
        assert store.embeddings is None
        hits = store.similarity_search_by_vector([1.0, 2.0, 3.0], 1)
        assert [hit.page_content for hit in hits] == ["a"]


def test_relevance_is_between_zero_and_one(store: WindrowVectorStore) -> None:
    store.add_embeddings(["a", "b"], [[1.0, 5.0, 0.0], [-1.0, -5.0, 0.0]])
    pairs = store.similarity_search_with_relevance_scores("abcde", 2)
    assert all(0 <= score <= 1 for _, score in pairs), pairs
    best = store.similarity_search_with_relevance_scores(
        "abcde", 2, score_threshold=pairs[0][1]
    )
    assert best == pairs[:1]
    with pytest.raises(ValueError, match="goes by vectors"):
        store.similarity_search_with_relevance_scores("abcde", mode="text")


def test_diversity_prefers_what_is_not_like_the_rest(store: WindrowVectorStore) -> None:
    store.add_embeddings(
        ["best", "its twin", "other"],
        [[1.0, 0.0, 0.0], [0.99, 0.01, 0.0], [0.8, 0.0, 0.6]],
    )

    def chosen(weight: float) -> list[str]:
        documents = store.max_marginal_relevance_search_by_vector(
            [1.0, 0.0, 0.0], k=2, fetch_k=3, lambda_mult=weight
        )
        return [doc.page_content for doc in documents]

    assert chosen(1.0) == ["best", "its twin"]
    assert chosen(0.3) == ["best", "other"]


def test_diversity_is_what_langchain_has_with_and_without_numpy(
    store: WindrowVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = random.Random(7)
    known = {f"text {i}": [generator.gauss() for _ in range(3)] for i in range(60)}

    class Known(Counting):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [known[text] for text in texts]

    theirs = InMemoryVectorStore(Known())
    theirs.add_texts(list(known))
    store.add_embeddings(list(known), list(known.values()))
    query = [0.3, -0.2, 0.9]

    def chosen(of: Any, weight: float) -> list[str]:
        documents = of.max_marginal_relevance_search_by_vector(
            query, k=9, fetch_k=40, lambda_mult=weight
        )
        return [doc.page_content for doc in documents]

    for weight in (0.0, 0.2, 0.5, 0.9, 1.0):
        expected = chosen(theirs, weight)
        assert chosen(store, weight) == expected, weight
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "numpy", None)
            assert chosen(store, weight) == expected, weight


def test_everything_works_in_coroutines(
    place: dict[str, Any], run: Callable[[Any], Any]
) -> None:
    embedding = Counting()

    async def main() -> None:
        url = place.pop("url")
        async with WindrowVectorStore(url, embedding, **place) as store:
            await asyncio.gather(
                *(store.aadd_texts([f"text {i}"], [{"n": i}]) for i in range(20))
            )
            doc = (await store.asimilarity_search("text 7", 1, filter={"n": 7}))[0]
            assert doc.page_content == "text 7"
            vector = embedding.embed_query("text 7")
            assert (await store.asimilarity_search_by_vector(vector, 30))[0] == doc
            by_score = await store.asimilarity_search_with_score("text 7", 30)
            assert by_score[0][0] == doc
            assert len(by_score) == 20
            by_vector = await store.asimilarity_search_with_score_by_vector(vector, 30)
            assert [d for d, _ in by_vector] == [d for d, _ in by_score]
            relevant = await store.asimilarity_search_with_relevance_scores("text 7")
            assert relevant[0][0] == doc
            assert len(await store.amax_marginal_relevance_search("text 7", 3)) == 3
            diverse = await store.amax_marginal_relevance_search_by_vector(vector, 3)
            assert diverse[0] == doc
            retriever = store.as_retriever(search_type="mmr", search_kwargs={"k": 2})
            assert len(await retriever.ainvoke("text 7")) == 2
            hybrid = WindrowRetriever(vectorstore=store, k=1, filter={"n": {"$gt": 3}})
            assert (await hybrid.ainvoke("text 7", filter={"n": 7})) == [doc]
            assert await store.adelete(filter={"n": {"$lt": 19}})
            assert len(await store.asimilarity_search("text", 30)) == 1
            ids = await store.aadd_embeddings(["given"], [vector])
            assert (await store.aget_by_ids(ids))[0].page_content == "given"
            assert await store.adelete(ids)
            # Both faces are one store.
            assert store.get_by_ids(ids) == []
            assert await store.adelete(filter={})
            assert await store.asimilarity_search("text") == []

    run(main())
    # Embedding blocks a thread of its own, not the loop's (asked from here once).
    names = {thread.name for thread in embedding.threads}
    assert all("windrow" in name or name == "MainThread" for name in names), names


def test_embedding_does_not_hold_the_loop_up(url: str) -> None:
    here: list[threading.Thread] = []
    release = threading.Event()

    class Slow(Counting):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            here.append(threading.current_thread())
            # Ends only because the loop goes on.
            assert len(texts) == 1 or release.wait(10)
            return vectors(texts)

    async def main() -> None:
        async with WindrowVectorStore(url, Slow(), dim=3) as store:
            adding = asyncio.ensure_future(store.aadd_texts(["a", "b"]))
            while not here:
                await asyncio.sleep(0.001)
            release.set()
            assert len(await adding) == 2

    asyncio.run(main())
    assert threading.main_thread() not in here


def test_delete_wants_to_be_told_what(store: WindrowVectorStore) -> None:
    store.add_texts(["a"])
    with pytest.raises(ValueError, match="give ids or a filter"):
        store.delete()
    assert store.delete([])
    assert len(store.similarity_search("a")) == 1


def test_a_store_of_ones_own_is_left_open(url: str) -> None:
    with windrow.open_sync(url, embeddings="hash") as own:
        with WindrowVectorStore(own) as store:
            store.add_texts(["how to bake bread"])
        assert own.search("bread")[0].content is None
        assert WindrowVectorStore(own, mode="text").similarity_search("bread")


def test_stores_are_made_of_texts_and_documents(url: str) -> None:
    with WindrowVectorStore.from_texts(["a"], Counting(), place=url) as store:
        assert store.similarity_search("a")[0].page_content == "a"

    async def main() -> None:
        async with await WindrowVectorStore.afrom_documents(
            PEOPLE, Counting(), place=url
        ) as store:
            assert len(await store.asimilarity_search("a", 20)) == 9
            assert bool(store)

    asyncio.run(main())


# ----------------------------------------------------------------- records --


class Indexed:
    """Documents and records, and index() in either face."""

    def __init__(self, place: dict[str, Any], *, asynchronous: bool) -> None:
        place = dict(place)
        url = place.pop("url")
        beside = url if url.startswith("postgres") else url + ".records"
        self.documents = WindrowVectorStore(url, Counting(), **place)
        self.records = WindrowRecordManager(
            "pages/of", beside, documents=self.documents, **place
        )
        self.other = WindrowRecordManager("pages", beside, **place)
        self.asynchronous = asynchronous

    def index(self, texts: dict[str, str], **options: Any) -> tuple[int, ...]:
        documents = [
            Document(page_content=text, metadata={"source": source})
            for text, source in texts.items()
        ]
        options = {"key_encoder": "sha256", "source_id_key": "source", **options}
        if self.asynchronous:
            result = asyncio.run(
                aindex(documents, self.records, self.documents, **options)
            )
        else:
            result = index(documents, self.records, self.documents, **options)
        return tuple(result[f"num_{name}"] for name in ("added", "skipped", "deleted"))

    def stored(self) -> list[str]:
        return sorted(
            doc.page_content for doc in self.documents.similarity_search("a", 100)
        )


@pytest.fixture(params=[False, True], ids=["blocking", "asyncio"])
def indexed(request: pytest.FixtureRequest, place: dict[str, Any]) -> Iterator[Indexed]:
    made = Indexed(place, asynchronous=request.param)
    yield made
    made.documents.close()
    made.records.close()
    made.other.close()


def test_index_writes_what_is_new_and_deletes_what_is_gone(indexed: Indexed) -> None:
    texts = {"a1": "a", "a2": "a", "b1": "b"}
    assert indexed.index(texts, cleanup="incremental") == (3, 0, 0)
    assert indexed.index(texts, cleanup="incremental") == (0, 3, 0)
    # a2 became a3; b was not looked at.
    assert indexed.index({"a1": "a", "a3": "a"}, cleanup="incremental") == (1, 1, 1)
    assert indexed.stored() == ["a1", "a3", "b1"]
    assert indexed.index({"a3": "a"}, cleanup="scoped_full") == (0, 1, 1)
    assert indexed.stored() == ["a3", "b1"]
    assert indexed.index({"c1": "c"}, cleanup="full") == (1, 0, 2)
    assert indexed.stored() == ["c1"]
    assert indexed.index({}, cleanup="full") == (0, 0, 1)
    assert indexed.stored() == []
    assert indexed.records.list_keys() == []
    # Nor is a row left that nobody finds.
    assert list(indexed.records.store.export()) == []


def test_a_record_without_its_document_is_none(indexed: Indexed) -> None:
    texts = {"a1": "a", "a2": "a"}
    indexed.index(texts)
    indexed.documents.delete(filter={})
    assert indexed.index(texts) == (2, 0, 0)
    assert indexed.stored() == ["a1", "a2"]


def test_a_document_that_is_not_embedded_is_not_recorded(indexed: Indexed) -> None:
    embedding = indexed.documents.embeddings
    assert isinstance(embedding, Counting)
    indexed.index({"a1": "a"})
    embedding.error = RuntimeError("no credit")
    with pytest.raises(windrow.RecordsError):
        indexed.index({"a1": "a", "a2": "a"})
    embedding.error = None
    assert indexed.index({"a1": "a", "a2": "a"}) == (1, 1, 0)
    assert indexed.stored() == ["a1", "a2"]


def test_records_are_listed_by_time_and_group(indexed: Indexed) -> None:
    records = WindrowRecordManager("times", indexed.other.store)
    records.update(["a", "b"], group_ids=["g", "h"])
    between = records.get_time()
    records.update(["c", "d"], group_ids=["g", None], time_at_least=between)
    after = records.get_time()
    assert records.list_keys() == ["a", "b", "c", "d"]
    assert records.list_keys(before=between) == ["a", "b"]
    assert records.list_keys(after=between, before=after) == ["c", "d"]
    assert records.list_keys(group_ids=["g"]) == ["a", "c"]
    assert records.list_keys(group_ids=["h", "g"], limit=2) == ["b", "a"]
    assert records.list_keys(group_ids=["g"], after=between) == ["c"]
    assert records.list_keys(group_ids=[]) == []
    assert records.list_keys(limit=3) == ["a", "b", "c"]
    # What is seen again keeps its group, or gets another one.
    records.update(["a"])
    assert records.list_keys(group_ids=["g"], after=after) == ["a"]
    records.update(["a"], group_ids=["h"])
    assert records.list_keys(group_ids=["g"]) == ["c"]
    assert records.list_keys(group_ids=["h"]) == ["a", "b"]
    assert records.exists(["a", "x", "d"]) == [True, False, True]
    records.delete_keys(["a", "x"])
    assert records.exists(["a", "x", "d"]) == [False, False, True]
    assert records.list_keys(group_ids=["h"]) == ["b"]
    # Namespaces know nothing of each other.
    assert indexed.records.list_keys() == []
    assert indexed.other.list_keys() == []


def test_records_refuse_what_makes_no_sense(indexed: Indexed) -> None:
    with pytest.raises(ValueError, match="1 group_ids for 2 keys"):
        indexed.other.update(["a", "b"], group_ids=["g"])
    with pytest.raises(ValueError, match="the clock is behind"):
        indexed.other.update(["a"], time_at_least=indexed.other.get_time() + 60)
    indexed.other.create_schema()
    asyncio.run(indexed.other.acreate_schema())
    assert abs(indexed.other.get_time() - datetime.now(UTC).timestamp()) < 5


# ------------------------------------------------------------------- bytes --


def test_embeddings_come_from_the_cache(place: dict[str, Any]) -> None:
    embedding = Counting()
    with WindrowByteStore(place.pop("url"), **place) as bytes_:
        cached = CacheBackedEmbeddings.from_bytes_store(
            embedding,
            bytes_,
            namespace="counting/",
            key_encoder="sha256",
            query_embedding_cache=True,
        )
        first = cached.embed_documents(["a", "b"])
        assert cached.embed_documents(["b", "a"]) == first[::-1]
        assert asyncio.run(cached.aembed_documents(["a"])) == first[:1]
        assert embedding.texts == ["a", "b"]
        assert len(list(bytes_.yield_keys(prefix="counting/"))) == 2


def test_a_store_can_embed_through_a_cache(tmp_path: Path) -> None:
    embedding = Counting()
    with WindrowByteStore(f"sqlite:///{tmp_path}/cache.db") as bytes_:
        for name in ("one", "two"):
            cached = CacheBackedEmbeddings.from_bytes_store(
                embedding, bytes_, namespace="counting/", key_encoder="sha256"
            )
            with WindrowVectorStore(
                f"sqlite:///{tmp_path}/{name}.db", cached, model="counting"
            ) as store:
                store.add_texts(["a", "b"])
                assert store.similarity_search("a", 1)[0].page_content == "a"
    assert embedding.texts.count("a") == 1, embedding.texts


def test_all_bytes_come_back_and_namespaces_are_kept_apart(
    place: dict[str, Any],
) -> None:
    values = [b"", b"=", b"~", b"\0", b"\xff\xfe", b" a ", b"a\r\n\t", b"\x7f", b"{}"]
    values += ["é\u2028\ufeff".encode(), bytes(range(256)) * 999, b"x" * 100_000]
    with WindrowByteStore(place.pop("url"), namespace="a/", **place) as one:
        pairs = [(f"key {i} é%_*'\\", value) for i, value in enumerate(values)]
        one.mset(pairs)
        assert one.mget([key for key, _ in pairs]) == values
        other = WindrowByteStore(one.store, namespace="b/")
        assert other.mget(["key"]) == [None]
        assert list(other.yield_keys()) == []
        assert sorted(one.yield_keys()) == sorted(key for key, _ in pairs)
        assert list(one.yield_keys(prefix="key 3")) == [pairs[3][0]]
        assert list(one.yield_keys(prefix="key_3")) == []
        with pytest.raises(windrow.RecordsError):
            one.mset([("x" * 3000, b"")])
        many = [(f"many{i:05}", b"v") for i in range(12_000)]
        one.mset(many)
        assert one.mget([key for key, _ in many]) == [b"v"] * len(many)
        one.mdelete([key for key, _ in many])
        assert list(one.yield_keys(prefix="many")) == []
