"""The way of the program that Windrow follows: SQLAlchemy over asyncpg.

    original.py create URL SCHEMA
    original.py save URL SCHEMA TEXTS VECTORS
    original.py filter URL SCHEMA URLS

A mapped class, and for every fifty pages one upsert of as many rows and one
commit, over a session of its own from a pool.  Which URLs are new is asked with
as many parameters as there are URLs, 30,000 at a time: more are an error.
"""

import asyncio
import sys
from datetime import datetime

from pages import Watch, asyncpg_url, read
from sqlalchemy import (ARRAY, Column, DateTime, Float, Integer, String, Text,
                        func, select)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import declarative_base

BATCH = 50
MOST_URLS = 30_000

Base = declarative_base()


class ScrapedDocument(Base):
    __tablename__ = "scraped_documents"

    id = Column(Integer, primary_key=True)
    url = Column(String, unique=True, nullable=False)
    title = Column(String)
    content = Column(Text)
    embedding = Column(ARRAY(Float))
    created_at = Column(DateTime, default=datetime.utcnow,
                        server_default=func.now())
    updated_at = Column(DateTime, default=datetime.utcnow,
                        server_default=func.now())


def make_engine(url, schema):
    return create_async_engine(
        asyncpg_url(url), pool_size=20, max_overflow=10, pool_recycle=3600,
        connect_args={"server_settings": {"search_path": f"{schema}, public"}})


async def save(session_of, pages):
    rows = [{
        "url": url,
        "title": title,
        "content": content,
        "embedding": embedding,
        "updated_at": datetime.utcnow(),
    } for url, title, content, embedding in pages]
    statement = insert(ScrapedDocument).values(rows)
    statement = statement.on_conflict_do_update(
        index_elements=["url"],
        set_={
            "title": statement.excluded.title,
            "content": statement.excluded.content,
            "embedding": statement.excluded.embedding,
            "updated_at": statement.excluded.updated_at,
        })
    async with session_of() as session:
        await session.execute(statement)
        await session.commit()


async def filter_new_urls(session_of, urls):
    async with session_of() as session:
        rows = await session.execute(
            select(ScrapedDocument.url).where(ScrapedDocument.url.in_(urls)))
        stored = {row[0] for row in rows.fetchall()}
    return [url for url in urls if url not in stored]


async def ask(session_of, path):
    with open(path, encoding="utf-8") as file:
        urls = file.read().splitlines()
    await filter_new_urls(session_of, urls[:10])
    for _ in range(2):
        watch, new = Watch(), []
        for at in range(0, len(urls), MOST_URLS):
            new += await filter_new_urls(session_of, urls[at:at + MOST_URLS])
        print(watch.figures(len(new)))


async def main(what, url, schema, texts=None, vectors=None):
    engine = make_engine(url, schema)
    if what == "create":
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    elif what == "filter":
        await ask(async_sessionmaker(engine, expire_on_commit=False), texts)
    else:
        pages = read(texts, vectors)
        session_of = async_sessionmaker(engine, expire_on_commit=False)
        async with session_of() as session:  # it is connected beforehand
            await session.connection()
        watch = Watch()
        for at in range(0, len(pages), BATCH):
            await save(session_of, pages[at:at + BATCH])
        print(watch.figures(len(pages)))
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
