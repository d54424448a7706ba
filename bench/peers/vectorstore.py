"""langchain-postgres: PGVectorStore.aadd_embeddings() into a table of its own.

    vectorstore.py save URL SCHEMA TEXTS VECTORS
"""

import asyncio
import sys
import uuid

from langchain_core.embeddings import Embeddings
from langchain_postgres import PGEngine, PGVectorStore
from pages import DIM, Watch, asyncpg_url, read

BATCH = 50


class NoEmbeddings(Embeddings):
    """The vectors come with the pages."""

    def embed_documents(self, texts):
        raise NotImplementedError

    def embed_query(self, text):
        raise NotImplementedError


async def main(what, url, schema, texts, vectors):
    pages = read(texts, vectors)
    engine = PGEngine.from_connection_string(asyncpg_url(url))
    await engine.ainit_vectorstore_table(
        "pages", DIM, schema_name=schema, overwrite_existing=True)
    store = await PGVectorStore.create(
        engine, NoEmbeddings(), "pages", schema_name=schema)
    watch = Watch()
    for at in range(0, len(pages), BATCH):
        part = pages[at:at + BATCH]
        await store.aadd_embeddings(
            texts=[content for _, _, content, _ in part],
            embeddings=[embedding for _, _, _, embedding in part],
            metadatas=[{"url": url, "title": title}
                       for url, title, _, _ in part],
            ids=[str(uuid.uuid5(uuid.NAMESPACE_URL, url))
                 for url, _, _, _ in part])
    print(watch.figures(len(pages)))
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
