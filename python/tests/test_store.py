"""The asyncio store over real databases, on asyncio's loop and uvloop."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import pydantic
import pytest
from support import pages, vectors

import windrow


def test_what_is_saved_is_found_again(run, place):
    async def main():
        async with windrow.open(**place) as store:
            report = await store.save(pages(3))
            assert (report.inserted, report.failed, report.total) == (3, 0, 3)
            assert report.outcomes == ["inserted"] * 3
            assert report.saved == 3
            doc = await store.get("https://example.org/1")
            assert doc.title == "Page 1"
            assert doc.content.startswith("page number1 bread")
            assert doc.embedding is None
            again = await store.save(pages(4))
            assert again.outcomes == ["unchanged"] * 3 + ["inserted"]
        async with windrow.open(**place, create="never") as store:
            assert (await store.stats())["documents"] == 4

    run(main())


def test_policies_say_what_becomes_of_stored_pages(run, place):
    async def main():
        async with windrow.open(**place) as store:
            await store.save(pages(1))
            changed = [{**pages(1)[0], "raw_content": "another text"}]
            skipped = await store.save(changed, policy="skip")
            assert skipped.outcomes == ["skipped"]
            assert skipped.skips == {0: "stored"}
            failed = await store.save(changed, policy="fail")
            assert isinstance(failed.errors[0], windrow.ExistsError)
            with pytest.raises(windrow.RecordsError) as caught:
                failed.raise_for_failed()
            assert caught.value.errors == failed.errors
            assert (await store.save(changed)).outcomes == ["updated"]
            with pytest.raises(ValueError, match="'update', 'skip', 'fail'"):
                await store.save(changed, policy="overwrite")

    run(main())


@dataclasses.dataclass
class DataPage:
    url: str
    content: str
    metadata: dict = dataclasses.field(default_factory=dict)


class ModelPage(pydantic.BaseModel):
    url: str
    raw_content: str
    fetched_at: datetime | None = None


Named = namedtuple("Named", "url title content")


def test_records_of_all_kinds_are_taken(run, place):
    when = datetime(2020, 5, 17, 12, tzinfo=UTC)
    records = [
        {"url": "https://a.example/1", "content": "a snippet", "raw_content": "it all"},
        DataPage("https://a.example/2", "data", {"when": when, "n": float("nan")}),
        ModelPage(url="https://a.example/3", raw_content="model", fetched_at=when),
        Named("https://a.example/4", "Title", "named"),
        ("https://a.example/5", "tuple"),
        {"key": "mine", "url": "https://a.example/6", "content": "own key"},
    ]

    async def main():
        async with windrow.open(**place) as store:
            assert (await store.save(records)).inserted == 6
            urls = [f"https://a.example/{i}" for i in range(1, 6)]
            docs = await store.get(urls)
            assert [d.content for d in docs] == [
                "it all",
                "data",
                "model",
                "named",
                "tuple",
            ]
            assert docs[1].metadata == {"when": when.isoformat(), "n": None}
            assert docs[2].fetched_at == when
            assert docs[3].title == "Title"
            own = await store.get("mine", keys=True)
            assert own.metadata["url"] == "https://a.example/6"
            assert await store.known(["mine", "other"], keys=True) == [True, False]
            assert await store.delete(["mine"], keys=True) == 1

    run(main())


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"url": 5, "content": "x"}, "url must be a str"),
        ({"url": "https://b.example/", "content": None}, "no content"),
        ({"content": "x"}, "URL is empty"),
        ({"url": "https://b.example/", "content": "x", "fetched_at": "soon"}, "soon"),
        ({"url": "https://b.example/", "content": "x", "metadata": [1]}, "metadata"),
        ({"url": "https://b.example/", "content": "x", "metadata": "{"}, "metadata"),
        ({"url": "https://b.example/", "content": "x", "embedding": "no"}, "numbers"),
        (
            {"url": "https://b.example/", "content": "x", "embedding": [1, "x"]},
            "number",
        ),
        ({"url": "https://b.example/", "content": "x", "embedding": [1.0]}, "1"),
        ({"url": "https://b.example/" + "x" * 4000, "content": "x"}, "2,?048"),
        (42, "int is no record"),
        (None, "is no record"),
        (("https://b.example/",), "tuple"),
    ],
)
def test_a_bad_record_costs_only_itself(run, record, says, place):
    async def main():
        async with windrow.open(**place, dim=3) as store:
            report = await store.save([*pages(2), record, *pages(2, start=2)])
            print(report)
            assert report.outcomes == ["inserted"] * 2 + ["failed"] + ["inserted"] * 2
            with pytest.raises(windrow.RecordsError, match=says):
                report.raise_for_failed()

    run(main())


def test_text_of_any_kind_is_stored(run, place):
    texts = ["", "a\0b", "\ud800 lone", "\U0001f35e", "é" * 10_000]

    async def main():
        async with windrow.open(**place) as store:
            records = [
                {"url": f"https://c.example/{i}", "content": t, "title": t}
                for i, t in enumerate(texts)
            ]
            report = await store.save(records)
            assert report.failed == 0, report.errors
            docs = await store.get([r["url"] for r in records])
            print([d.content[:20] for d in docs])
            assert docs[0].content == ""
            assert "\0" not in docs[1].content
            assert docs[2].content.endswith(" lone")
            assert "\ufffd" in docs[2].content
            assert docs[3].content == texts[3]
            assert docs[4].content == texts[4]
            assert await store.search("\ud800 lone", mode="text")

    run(main())


def test_streams_of_records_are_saved(run, place):
    async def stream():
        for page in pages(700):
            await asyncio.sleep(0)
            yield page

    async def main():
        async with windrow.open(**place) as store:
            assert (await store.save(stream())).inserted == 700
            assert (await store.save(p for p in pages(700))).unchanged == 700
            assert (await store.save([])).total == 0

    run(main())


def test_known_and_filter_new_keep_the_order(run, place):
    async def main():
        async with windrow.open(**place) as store:
            await store.save(pages(10))
            urls = [f"https://example.org/{i}" for i in (12, 3, 11, 0, 12)]
            assert await store.known(urls) == [False, True, False, True, False]
            assert await store.filter_new(urls) == [urls[0], urls[2], urls[4]]
            assert await store.filter_new(iter(urls)) == [urls[0], urls[2], urls[4]]
            assert await store.filter_new([]) == []
            assert await store.known(urls, max_age=3600) == await store.known(urls)
            later = datetime.now(UTC) + timedelta(hours=1)
            assert await store.known(urls, since=later) == [False] * 5
            details = await store.known_details(urls[:2])
            assert not details[0].stored
            assert details[1].stored
            assert datetime.now(UTC) - details[1].fetched_at < timedelta(minutes=5)
            with pytest.raises(TypeError, match="sequence"):
                await store.known("https://example.org/1")
            many = [f"https://example.org/{i}" for i in range(35_000)]
            known = await store.known(many)
            assert known.index(False) == 10
            assert len(known) == len(many)

    run(main())


def test_search_by_words_by_vectors_and_by_filters(run, place):
    records = [
        {
            "url": f"https://{host}.example/{i}",
            "content": f"how to bake bread {i}" if i % 2 else f"cars {i}",
            "metadata": {"lang": "en" if i < 5 else "de"},
            "embedding": [1.0, float(i), 0.0],
            "fetched_at": 1_700_000_000 + i,
        }
        for i, host in enumerate(["a", "b"] * 5)
    ]

    async def main():
        async with windrow.open(**place, model="test", dim=3) as store:
            assert (await store.save(records)).inserted == 10
            hits = await store.search("bread", k=3, mark=("<", ">"), content=True)
            assert len(hits) == 3
            assert all("<bread>" in h.snippet for h in hits)
            assert all(h.rank_text and not h.rank_vector for h in hits)
            near = await store.search(vector=[1.0, 0.0, 0.0], k=1, embedding=True)
            assert near[0].url == "https://a.example/0"
            assert list(near[0].embedding) == [1.0, 0.0, 0.0]
            both = await store.search("bread", vector=[1, 9, 0], mode="hybrid")
            assert both[0].url == "https://b.example/9"
            only = await store.search(
                vector=[1, 9, 0],
                filter={"host": "a.example", "metadata": {"lang": "en"}},
            )
            assert {h.url for h in only} == {
                f"https://a.example/{i}" for i in (0, 2, 4)
            }
            times = {
                "since": 1_700_000_003,
                "until": datetime.fromtimestamp(1_700_000_005, UTC),
            }
            assert len(await store.search("bread cars", filter=times)) == 2
            with pytest.raises(TypeError, match="colour"):
                await store.search("bread", filter={"colour": "red"})
            with pytest.raises(ValueError, match="hybrid"):
                await store.search("bread", mode="fuzzy")
            with pytest.raises(windrow.InvalidError):
                await store.search()
            with pytest.raises(windrow.Error):
                await store.search(vector=[1.0, 2.0])

    run(main())


def test_export_goes_through_all_documents(run, place):
    async def main():
        async with windrow.open(**place) as store:
            await store.save(pages(25))
            seen = [d.url async for d in store.export(page=7)]
            assert seen == sorted(p["url"] for p in pages(25))
            some = store.export({"url_prefix": "https://example.org/1"}, content=False)
            found = [d async for d in some]
            assert len(found) == 11
            assert found[0].content is None

    run(main())


def test_pages_are_deleted_and_pruned(run, place):
    async def main():
        old = datetime.now(UTC) - timedelta(days=40)
        async with windrow.open(**place) as store:
            await store.save({**p, "fetched_at": old} for p in pages(5))
            await store.save(pages(5, start=5))
            assert await store.prune(timedelta(days=30), dry_run=True) == 5
            assert await store.prune(timedelta(days=30), limit=2) == 2
            assert await store.prune(old + timedelta(days=1)) == 3
            assert await store.delete(["https://example.org/7", "https://x/"]) == 1
            assert await store.prune(filter={"host": "example.org"}) == 4
            with pytest.raises(windrow.InvalidError, match="filter"):
                await store.prune()

    run(main())


def test_stats_checks_and_schema(run, place):
    async def main():
        async with windrow.open(**place) as store:
            await store.save(pages(2))
            stats = await store.stats(exact=True)
            assert stats["backend"] in ("sqlite", "postgresql")
            assert stats["documents"] == 2
            assert all(f.level >= 10 for f in await store.check(deep=True))
            assert await store.migrate() >= 1
            assert await store.index() >= 0
            assert await store.progress() == {}
            assert "windrow_" in store.metrics

    run(main())


def test_errors_say_what_is_wrong(run, tmp_path):
    async def main():
        with pytest.raises(windrow.NotFoundError) as caught:
            await windrow.open(f"sqlite:///{tmp_path}/none.db", create="never")
        assert caught.value.code == "WR_ENOENT"
        assert str(tmp_path) in str(caught.value)
        with pytest.raises(windrow.InvalidError):
            await windrow.open("nonsense:")
        with pytest.raises(TypeError, match="no option 'colour'"):
            windrow.open("mem:", colour="red")
        with pytest.raises(ValueError, match="create"):
            windrow.open("mem:", create="maybe")
        with pytest.raises(TypeError, match="does not embed"):
            windrow.open("mem:", embeddings=5)
        store = windrow.open("mem:")
        await store.save(pages(1))
        await store.close()
        await store.close()
        with pytest.raises(windrow.ClosedError):
            await store.save(pages(1))
        with pytest.raises(windrow.ClosedError):
            await store.stats()

    run(main())


def test_another_model_is_refused(run, place):
    async def main():
        async with windrow.open(**place, embeddings=vectors, model="one") as store:
            await store.save(pages(1))
            assert store.dim == 3
        with pytest.raises(windrow.SchemaError, match="one"):
            await windrow.open(**place, embeddings=vectors, model="two")
        async with windrow.open(**place, embeddings="none") as store:
            assert (await store.save(pages(2))).inserted == 1
            assert (await store.stats())["documents_pending"] == 1
        async with windrow.open(**place, embeddings=vectors, model="one") as store:
            assert await store.embed_pending() == (1, 0)

    run(main())


def test_a_store_that_could_not_be_opened_is_tried_again(run, tmp_path):
    async def main():
        place = tmp_path / "later"
        store = windrow.open(f"sqlite:///{place}/store.db")
        with pytest.raises(windrow.Error):
            await store.save(pages(1))
        place.mkdir()
        assert (await store.save(pages(1))).inserted == 1
        await store.close()

    run(main())


def test_stores_are_not_falsy_and_have_no_length():
    store = windrow.open("mem:")
    assert bool(store)
    assert not hasattr(type(store), "__len__")
    assert not hasattr(type(store), "__bool__")
    assert "secret" not in repr(windrow.open("postgresql://u:secret@h/d"))
