"""The drop-in for the original: its calls, over both backends and its own table."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import PATIENCE, vectors

import windrow
from windrow.gpt_researcher import (
    ScrapedDocument,
    ScraperDataManager,
    ScraperRepository,
    close_all,
    save_scraped_data_optimized,
    shared,
)

sqlalchemy = pytest.importorskip("sqlalchemy")

ORIGINAL = Path(__file__).parents[2] / "tests" / "postgres" / "original.py"


class Model:
    """Embeds, and counts how often; or fails."""

    def __init__(self) -> None:
        self.calls = self.texts = 0
        self.works = True

    def embed_documents(self, texts):
        self.calls += 1
        self.texts += len(texts)
        if not self.works:
            raise RuntimeError("the model is not there")
        return vectors(texts)


def url_of(i):
    return f"https://Example.org/page?b={i}&a=1#top"


def scraped(n, start=0, version=1):
    return [
        {
            "url": url_of(i),
            "title": f"Page {i}",
            "raw_content": f"page {i} in version {version} " + "bread " * (i % 7),
        }
        for i in range(start, start + n)
    ]


@pytest.fixture(autouse=True)
def nothing_is_shared():
    yield
    close_all()


@pytest.fixture
def at(place):
    """db_url and options, as a program has them that used the original."""
    url = place.pop("url").replace("postgresql:", "postgresql+asyncpg:", 1)
    return {"db_url": url, **place}


@pytest.fixture
def original(postgres_place):
    """The original's program, and the table that it made."""
    url = f"{postgres_place['url']}?schema={postgres_place['schema']}"

    def run(*args):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(ORIGINAL), url, *map(str, args)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("create")
    run.at = {"db_url": url.replace("postgresql:", "postgresql+asyncpg:", 1)}
    return run


# ------------------------------------------------------------------- counts --


def test_the_counts_are_true(run, at):
    model = Model()

    async def main():
        save = save_scraped_data_optimized
        assert await save(scraped(10), embeddings=model, **at) == 10
        assert await save(scraped(10), embeddings=model, **at) == 10
        embedded = model.texts
        # What is stored is skipped, and the rest is stored.
        again = await save(scraped(15, version=2), embeddings=model, upsert=False, **at)
        assert again == 5
        assert model.texts == embedded + 5
        assert await save([], embeddings=model, **at) == 0
        return await save(scraped(12, version=3), embeddings=model, batch_size=5, **at)

    assert run(main()) == 12
    with windrow.open_sync(at["db_url"], **rest(at)) as store:
        assert "version 3" in store.get(url_of(11)).content
        assert "version 2" in store.get(url_of(12)).content


def rest(at):
    return {name: value for name, value in at.items() if name != "db_url"}


def test_the_same_url_twice_in_a_batch_is_stored_once(run, at):
    async def main():
        twice = [*scraped(3), *scraped(2, version=2), *scraped(3, start=3)]
        saved = await save_scraped_data_optimized(twice, **at)
        async with ScraperDataManager(**at) as manager:
            stats = await manager.get_statistics()
            doc = await manager.repository.get_document_by_url(url_of(1))
            return saved, stats["total_documents"], doc.content

    saved, stored, content = run(main())
    assert (saved, stored) == (6, 6)
    assert "version 2" in content


def test_a_bad_record_costs_only_itself(run, at, caplog):
    records = scraped(12)
    records[2]["raw_content"] = "a NUL \0 and a surrogate \ud800"
    del records[4]["raw_content"]
    records[6]["url"] = "https://example.org/" + "long" * 1000
    records[8]["url"] = None
    records[10] = "no record"

    async def main():
        async with ScraperDataManager(**at) as manager:
            saved = await manager.save_batch(records, batch_size=5)
            urls = [url_of(i) for i in range(12)]
            return saved, await manager.get_existing_urls(urls)

    saved, stored = run(main())
    wrong = [record.args[0] for record in caplog.records if record.levelname == "ERROR"]
    assert len(stored) >= 8
    assert saved == 12 - len(wrong), caplog.text
    assert {4, 8, 10} <= set(wrong)


def test_great_batches_and_great_questions_are_no_matter(run, at):
    async def main():
        async with ScraperDataManager(**at) as manager:
            records = scraped(9000)
            assert await manager.save_batch(records, batch_size=9000) == 9000
            urls = [url_of(i) for i in range(8990, 42_000)]
            new = await manager.filter_new_urls(urls)
            assert new == urls[10:]
            found = await manager.repository.get_documents_batch(urls)
            assert [doc.url for doc in found] == urls[:10]
            assert await manager.cleanup_old_data(days=0) == 9000
            assert (await manager.get_statistics())["total_documents"] == 0

    run(main())


# --------------------------------------------------------------- embeddings --


def test_a_model_that_fails_costs_no_page_and_no_vector(run, at):
    model = Model()

    async def main():
        async with ScraperDataManager(**at, embeddings=model, op_timeout=2) as manager:
            await manager.save_batch(scraped(4))
            model.works = False
            assert await manager.save_batch(scraped(8)) == 8
            stats = await manager.get_statistics()
            assert stats["documents_with_embeddings"] == 4
            urls = [url_of(i) for i in range(2, 9)]
            assert await manager.update_embeddings_for_urls(urls) == 0
            model.works = True
            assert await manager.update_embeddings_for_urls(urls, batch_size=3) == 4
            doc = await manager.repository.get_document_by_url(url_of(5))
            assert doc.embedding == vectors([doc.content])[0]
            return await manager.get_statistics()

    assert run(main())["documents_with_embeddings"] == 8


def test_without_a_model_pages_wait(run, at, caplog):
    async def main():
        async with ScraperDataManager(**at) as manager:
            assert await manager.save_batch(scraped(3)) == 3
            assert await manager.update_embeddings_for_urls([url_of(1)]) == 0
            return (await manager.get_statistics())["documents_with_embeddings"]

    assert run(main()) == 0
    assert "nothing to embed with" in caplog.text


def test_a_search_gives_what_is_similar_enough(run, at):
    def embed(texts):
        directions = {"east": [1.0, 0.0], "north": [0.0, 1.0], "both": [0.6, 0.8]}
        return [directions.get(text, [1.0, 1.0]) for text in texts]

    records = [{"url": w, "raw_content": w} for w in ("east", "north", "both")]

    async def main():
        async with ScraperDataManager(**at, embeddings=embed, dim=2) as manager:
            await manager.save_batch(records)
            find = manager.repository.search_by_embedding
            assert [d.url for d in await find([0.0, 1.0])] == ["north", "both"]
            assert [d.url for d in await find([0.0, 1.0], limit=1)] == ["north"]
            found = await find([0.0, 1.0], similarity_threshold=-1)
            assert [d.url for d in found] == ["north", "both", "east"]
            assert found[0].content == "north"
            assert found[0].embedding == [0.0, 1.0]

    run(main())


# ---------------------------------------------------------------- documents --


@pytest.mark.parametrize("by_sqlalchemy", [True, False])
def test_documents_are_as_they_were(run, at, by_sqlalchemy, monkeypatch):
    from windrow.gpt_researcher import repository

    monkeypatch.setattr(repository, "HAS_SQLALCHEMY", by_sqlalchemy)
    old = datetime.now(UTC) - timedelta(days=40)

    async def main():
        repo = ScraperRepository(**at, embeddings=Model(), echo=False)
        await repo.initialize_database()
        aged = [{**r, "created_at": old} for r in scraped(5)]
        assert await repo.save_records(aged) == 5
        assert await repo.save_records(scraped(5, start=5)) == 5
        doc = await repo.get_document_by_url(url_of(7))
        assert isinstance(doc, ScrapedDocument)
        assert doc.id if by_sqlalchemy else doc.id is None
        assert (doc.url, doc.title) == (url_of(7), "Page 7")
        assert doc.content == scraped(1, start=7)[0]["raw_content"]
        assert doc.embedding == vectors([doc.content])[0]
        assert doc.created_at.tzinfo
        assert doc.updated_at >= doc.created_at
        assert await repo.get_document_by_url("https://example.org/page") is None
        found = await repo.get_documents_batch([url_of(9), "no", url_of(2), url_of(9)])
        assert [d.url for d in found] == [url_of(9), url_of(2)]
        stats = await repo.get_statistics()
        assert stats == {
            "total_documents": 10,
            "documents_with_embeddings": 10,
            "oldest_document": stats["oldest_document"],
            "newest_document": stats["newest_document"],
        }
        assert abs(stats["oldest_document"] - old) < timedelta(seconds=1)
        assert stats["newest_document"] - old > timedelta(days=39)
        # By when they came, and not by when they were seen last.
        assert await repo.save_records(scraped(5, version=2)) == 5
        assert await repo.cleanup_old_documents(days=41) == 0
        assert await repo.cleanup_old_documents() == 5
        assert await repo.cleanup_old_documents() == 0
        assert (await repo.get_statistics())["total_documents"] == 5
        await repo.close()
        # As the original's pool, it comes back.
        assert (await repo.get_statistics())["total_documents"] == 5
        await repo.close()
        await repo.close()

    run(main())


def test_an_empty_store_has_no_oldest_document(run, at):
    async def main():
        async with ScraperDataManager(**at) as manager:
            return await manager.get_statistics()

    assert run(main()) == {
        "total_documents": 0,
        "documents_with_embeddings": 0,
        "oldest_document": None,
        "newest_document": None,
    }


def test_urls_stay_as_they_are_given_unless_told_otherwise(run, at, tmp_path):
    spelled = "HTTPS://Example.org:443/a/../b#top"
    page = [{"url": spelled, "raw_content": "x"}]

    async def main(**more):
        async with ScraperDataManager(**{**at, **more}) as manager:
            await manager.save_batch(page)
            assert await manager.get_existing_urls([spelled]) == [spelled]
            assert await manager.filter_new_urls(["y", spelled, "x"]) == ["y", "x"]
            return (await manager.repository.get_document_by_url(spelled)).url

    assert run(main()) == spelled
    other = f"sqlite:///{tmp_path}/other.db"
    assert run(main(db_url=other, schema=None, urls="conservative")) != spelled


# -------------------------------------------------------------- SQLAlchemy --


def test_a_session_sees_the_documents(run, at):
    from sqlalchemy import func, select
    from sqlalchemy.orm import aliased

    async def main():
        async with ScraperDataManager(**at, embeddings=Model()) as manager:
            await manager.save_batch(scraped(10))
            async with manager.repository.get_session() as session:
                query = select(ScrapedDocument).where(ScrapedDocument.url == url_of(3))
                doc = (await session.execute(query)).scalar_one()
                assert doc.embedding == vectors([doc.content])[0]
                assert doc.created_at.tzinfo
                assert doc.title == "Page 3"
                other = aliased(ScrapedDocument)
                query = select(other.id, other.embedding).where(other.id == doc.id)
                assert (await session.execute(query)).one().embedding == doc.embedding
                count = select(func.count()).select_from(ScrapedDocument)
                wanted = ScrapedDocument.embedding.isnot(None)
                assert await session.scalar(count.where(wanted)) == 10
                now = datetime.now(UTC)
                for time, n in ((now - timedelta(hours=1), 0), (now, 10)):
                    wanted = ScrapedDocument.created_at < time
                    assert await session.scalar(count.where(wanted)) == n
                    wanted = ScrapedDocument.created_at < time.replace(tzinfo=None)
                    assert await session.scalar(count.where(wanted)) == n
                query = select(ScrapedDocument).order_by(ScrapedDocument.id).limit(2)
                return [d.url for d in (await session.scalars(query)).all()]

    assert run(main()) == [url_of(0), url_of(1)]


@pytest.mark.parametrize("kind", ["vector", "array"])
def test_a_session_writes_what_the_store_then_knows(run, postgres_place, kind):
    from sqlalchemy import select

    url = f"{postgres_place['url']}?schema={postgres_place['schema']}"

    async def main():
        repo = ScraperRepository(url, Model(), vector_type=kind)
        await repo.save_records(scraped(3))
        async with repo.get_session() as session:
            session.add(
                ScrapedDocument(url="u", title="t", content="c", embedding=[1, 2, 3])
            )
            query = select(ScrapedDocument).where(ScrapedDocument.url == url_of(1))
            changed = (await session.scalars(query)).one()
            changed.content = "another"
        found = await repo.get_documents_batch(["u", url_of(1)])
        assert found[0].embedding == [1, 2, 3]
        assert found[1].content == "another"
        assert found[1].updated_at > found[1].created_at

        async def fail():
            async with repo.get_session() as session:
                session.add(ScrapedDocument(url="v", title="t", content="c"))
                await session.flush()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await repo.get_document_by_url("v") is None
        await repo.close()

    run(main())


def test_without_sqlalchemy_all_but_sessions_works(script, at):
    done = script(
        """
        import asyncio, json, sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "sqlalchemy":
                    raise ModuleNotFoundError("no sqlalchemy", name=name)
        sys.meta_path.insert(0, Absent())
        from windrow.gpt_researcher import *

        async def main(at):
            records = [{"url": "u", "title": "t", "raw_content": "words"}]
            print(await save_scraped_data_optimized(records, **at))
            async with ScraperDataManager(**at) as manager:
                doc = await manager.repository.get_document_by_url("u")
                print(type(doc).__mro__[1].__name__, doc.content, doc.id)
                print((await manager.get_statistics())["oldest_document"] is not None)
                try:
                    manager.repository.get_session()
                except RuntimeError as error:
                    print(error)
        asyncio.run(main(json.loads(sys.argv[1])))
        """,
        json.dumps(at),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["1", "object words None", "True"]
    assert "sqlalchemy" in lines[3]


# ----------------------------------------------------------- its own table --


def test_the_originals_table_is_used_and_left_as_it_is(run, original):
    original("save", 0, 20, 1)
    theirs = [json.loads(line) for line in original("read").splitlines()]

    def embed(texts):
        return [[1.0] * 8 for _ in texts]

    async def main():
        async with ScraperDataManager(**original.at, embeddings=embed) as manager:
            repo = manager.repository
            stats = await manager.get_statistics()
            assert stats["total_documents"] == 20
            assert stats["documents_with_embeddings"] == 20
            assert stats["oldest_document"] <= stats["newest_document"]
            urls = [doc["url"] for doc in theirs]
            assert await manager.filter_new_urls([*urls, "new"]) == ["new"]
            for doc in theirs:
                ours = await repo.get_document_by_url(doc["url"])
                assert (ours.id, ours.title, ours.content) == (
                    doc["id"],
                    doc["title"],
                    doc["content"],
                )
                assert ours.embedding == pytest.approx(doc["embedding"])
            found = await repo.search_by_embedding(theirs[3]["embedding"], limit=1)
            assert len(found) == 1
            new = [{"url": "new", "title": "N", "raw_content": "new page"}]
            assert await manager.save_batch([*new, {"url": urls[0], **v2(0)}]) == 2
            async with repo.get_session() as session:
                query = sqlalchemy.select(ScrapedDocument)
                docs = (await session.scalars(query)).all()
            assert len(docs) == 21
            assert all(len(d.embedding) == 8 for d in docs)

    run(main())
    # The way back: the original goes on with what is there.
    original("save", 5, 10, 3)
    after = {d["url"]: d for d in map(json.loads, original("read").splitlines())}
    assert len(after) == 21
    assert after["new"]["embedding"] == [1.0] * 8
    assert after[theirs[0]["url"]]["content"] == v2(0)["raw_content"]
    assert "version 3" in after["https://example.org/7"]["content"]


def v2(i):
    return {"title": f"Page {i}", "raw_content": f"Number {i}, quite different"}


# ------------------------------------------------------------------ sharing --


def stores():
    return [found for places in shared._shared.values() for found in places]


def test_calls_share_one_store_whichever_loop_they_are_in(at):
    model = Model()
    for i in range(3):
        saved = save_scraped_data_optimized(
            scraped(5, start=5 * i), embeddings=model, **at
        )
        assert asyncio.run(saved) == 5
    (one,) = stores()

    def save(i):
        saved = save_scraped_data_optimized(
            scraped(5, start=5 * i), embeddings=model, **at
        )
        return asyncio.run(saved)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(save, range(3, 11))) == [5] * 8
    assert stores() == [one]
    assert one.store.stats()["documents"] == 55
    close_all()
    assert stores() == []
    assert asyncio.run(save_scraped_data_optimized(scraped(5), **at)) == 5


def test_models_that_are_equal_share_a_store_and_others_do_not(url):
    class Equal(Model):
        def __eq__(self, other):
            return True

        __hash__ = None

    async def main():
        for _ in range(3):
            await save_scraped_data_optimized(scraped(1), url, Equal())
        assert len(stores()) == 1
        await save_scraped_data_optimized(scraped(1), url)
        assert len(stores()) == 2
        for i in range(30):
            await save_scraped_data_optimized(scraped(1), f"{url}{i}")
        assert len(stores()) == shared.MOST

    asyncio.run(main())


def test_eight_who_come_first_and_meet_in_opposite_order(run, at):
    async def main():
        async def one(i):
            records = scraped(60, version=i)
            async with ScraperDataManager(**at, embeddings=vectors, dim=3) as manager:
                return await manager.save_batch(
                    records if i % 2 else records[::-1], batch_size=7
                )

        assert await asyncio.gather(*map(one, range(8))) == [60] * 8

    run(main())


def test_python_ends_without_a_word_of_closing(script, at):
    done = script(
        """
        import asyncio, json, sys
        from windrow.gpt_researcher import save_scraped_data_optimized
        records = [{"url": f"u{i}", "raw_content": "x"} for i in range(50)]
        at = json.loads(sys.argv[1])
        print(asyncio.run(save_scraped_data_optimized(records, **at)))
        """,
        json.dumps(at),
    )
    assert (done.returncode, done.stdout) == (0, "50\n"), done.stderr
    assert "Warning" not in done.stderr


def test_the_loop_goes_on_while_a_model_blocks(url):
    import time

    stalls: list[float] = []

    def embed(texts: list[str]) -> Any:
        time.sleep(0.2)
        return vectors(texts)

    async def watch():
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            stalls.append(time.monotonic() - before)

    async def main():
        watcher = asyncio.create_task(watch())
        saved = await save_scraped_data_optimized(scraped(20), url, embed)
        watcher.cancel()
        return saved

    assert asyncio.run(main()) == 20
    # It had many turns while the model slept.
    assert len(stalls) > 15
