"""LangChain's vector stores: aadd_texts() of chunks whose vectors are known.

    langchain_stores.py STORE URL SCHEMA TEXTS VECTORS

STORE is pgvectorstore or windrow, in PostgreSQL at URL, which index no text;
windrow-text, which does; or chroma or windrow-sqlite, which do too, in a new file
below BENCH_FOLDER.  All of them get the vectors from the same embedding object,
and all chunks in one call; what is made before that, tables for example, does not
count.
"""

import asyncio
import contextlib
import os
import sys
import tempfile

from langchain_core.embeddings import Embeddings
from pages import DIM, Watch, asyncpg_url, read

CHARACTERS = 1000
TABLE = "chunks"


class Known(Embeddings):
    """The vectors are there already."""

    model = "known"

    def __init__(self, vectors):
        self.vectors = vectors

    def embed_documents(self, texts):
        return [self.vectors[text] for text in texts]

    async def aembed_documents(self, texts):
        return self.embed_documents(texts)

    def embed_query(self, text):
        return [1.0] * DIM


@contextlib.asynccontextmanager
async def pgvectorstore(embeddings, url, schema, folder):
    from langchain_postgres import PGEngine, PGVectorStore

    engine = PGEngine.from_connection_string(asyncpg_url(url))
    await engine.ainit_vectorstore_table(
        TABLE, DIM, schema_name=schema, overwrite_existing=True)
    yield await PGVectorStore.create(
        engine, embeddings, TABLE, schema_name=schema)
    await engine.close()


@contextlib.asynccontextmanager
async def chroma(embeddings, url, schema, folder):
    from langchain_chroma import Chroma

    yield Chroma("bench", embeddings, persist_directory=folder)


@contextlib.asynccontextmanager
async def windrow(embeddings, url, schema, folder, fulltext=False):
    from windrow.langchain import WindrowVectorStore

    where = {"schema": schema, "table": TABLE} if schema else {}
    async with WindrowVectorStore(
            url, embeddings, dim=DIM, fulltext=fulltext, **where) as store:
        await store.store.asyncio.flush()
        yield store


def windrow_text(embeddings, url, schema, folder):
    return windrow(embeddings, url, schema, folder, fulltext=True)


def windrow_sqlite(embeddings, url, schema, folder):
    return windrow_text(embeddings, f"sqlite:///{folder}/bench.db", None, folder)


STORES = {
    "pgvectorstore": pgvectorstore,
    "chroma": chroma,
    "windrow": windrow,
    "windrow-text": windrow_text,
    "windrow-sqlite": windrow_sqlite,
}


async def main(store, url, schema, texts, vectors):
    chunks = [(content[:CHARACTERS], {"source": url, "title": title}, vector)
              for url, title, content, vector in read(texts, vectors)]
    embeddings = Known({text: vector for text, _, vector in chunks})
    texts = [text for text, _, _ in chunks]
    metadatas = [metadata for _, metadata, _ in chunks]
    where = os.environ.get("BENCH_FOLDER", ".")
    with tempfile.TemporaryDirectory(dir=where) as folder:
        async with STORES[store](embeddings, url, schema, folder) as made:
            watch = Watch()
            ids = await made.aadd_texts(texts, metadatas)
            figures = watch.figures(len(texts))
            # Stored, and the last one too?
            (last,) = await made.aget_by_ids([ids[-1]])
            if last.page_content != texts[-1]:
                sys.exit(f"{store} has not stored the last chunk")
    print(figures)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
