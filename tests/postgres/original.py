"""Does what the program did whose table Windrow adopts: SQLAlchemy's ORM over
asyncpg.

    original.py URL create
    original.py URL save FIRST COUNT VERSION
    original.py URL read                    the pages, a line of JSON each
    original.py URL keep                    save until standard input ends,
                                            and print "KEY VERSION" when it is
"""

import asyncio
import json
import random
import select
import sys
from datetime import datetime

from sqlalchemy import (ARRAY, Column, DateTime, Float, Integer, String, Text,
                        func)
from sqlalchemy import select as select_of
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import declarative_base

DIM, BATCH = 8, 50

Base = declarative_base()


class ScrapedDocument(Base):
    __tablename__ = "scraped_documents"

    id = Column(Integer, primary_key=True)
    url = Column(String, unique=True, index=True)
    title = Column(String)
    content = Column(Text)
    embedding = Column(ARRAY(Float))
    created_at = Column(DateTime, default=datetime.utcnow)
    updated_at = Column(DateTime, default=datetime.utcnow)


def page(i, version):
    """Its vector points mostly into one direction: i's."""
    vector = [0.0] * DIM
    vector[i % DIM] = 1.0
    vector[(i + 1) % DIM] += version / 1000
    return {
        "url": f"https://example.org/{i}",
        "title": f"Page {i}",
        "content": f"Number {i} in version {version} of the original",
        "embedding": vector,
        "updated_at": datetime.utcnow(),
    }


async def save(sessions, pages):
    statement = insert(ScrapedDocument).values(pages)
    excluded = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["url"],
        set_={
            "title": excluded.title,
            "content": excluded.content,
            "embedding": excluded.embedding,
            "updated_at": excluded.updated_at,
        })
    async with sessions() as session:
        await session.execute(statement)
        await session.commit()


async def save_some(sessions, first, count, version):
    for at in range(first, first + count, BATCH):
        last = min(at + BATCH, first + count)
        await save(sessions, [page(i, version) for i in range(at, last)])


async def read(sessions):
    async with sessions() as session:
        found = await session.execute(
            select_of(ScrapedDocument).order_by(ScrapedDocument.id))
        for doc in found.scalars():
            print(json.dumps({
                "id": doc.id,
                "url": doc.url,
                "title": doc.title,
                "content": doc.content,
                "embedding": doc.embedding,
                "created_at": doc.created_at and doc.created_at.isoformat(),
                "updated_at": doc.updated_at and doc.updated_at.isoformat(),
            }))


async def count(sessions):
    async with sessions() as session:
        return await session.scalar(
            select_of(func.count()).select_from(ScrapedDocument))


async def keep(sessions):
    pages, version = await count(sessions), 1
    while not select.select([sys.stdin], [], [], 0)[0]:
        version += 1
        first = random.randrange(pages + 20)
        await save_some(sessions, first, 20, version)
        for i in range(first, first + 20):
            print(i, version)
        sys.stdout.flush()
        await asyncio.sleep(0.01)


async def main(url, what, *args):
    url, _, schema = url.partition("?schema=")
    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:"),
        pool_size=20, max_overflow=10, pool_recycle=3600,
        connect_args={"server_settings": {"search_path": schema}})
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    if what == "create":
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    elif what == "save":
        await save_some(sessions, *map(int, args))
    elif what == "read":
        await read(sessions)
    else:
        await keep(sessions)
    await engine.dispose()


asyncio.run(main(*sys.argv[1:]))
