"""Windrow as a document store of Haystack, with its retrievers.

    store = WindrowDocumentStore("sqlite:///pages.db", embedding_dimension=384)
    store.write_documents(documents)
    retriever = WindrowHybridRetriever(store)

Needs the package `haystack-ai`.  A document's id is its key in the store, its
meta is the metadata.  Over a store of scraped pages each page is a document: its
id is the URL, and meta has `url` and `title`.
"""

from __future__ import annotations

from windrow.haystack.retrievers import (
    WindrowEmbeddingRetriever,
    WindrowHybridRetriever,
    WindrowKeywordRetriever,
)
from windrow.haystack.store import WindrowDocumentStore

__all__ = [
    "WindrowDocumentStore",
    "WindrowEmbeddingRetriever",
    "WindrowHybridRetriever",
    "WindrowKeywordRetriever",
]
