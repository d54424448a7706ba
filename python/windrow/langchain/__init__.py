"""LangChain over a Windrow store.

    store = WindrowVectorStore("sqlite:///chunks.db", embedding)
    await store.aadd_documents(documents)
    found = await store.asimilarity_search("how to bake bread", k=4)

`WindrowVectorStore` and `WindrowRetriever` are over documents,
`WindrowRecordManager` keeps `index()` from writing them twice, and
`WindrowByteStore` keeps what `CacheBackedEmbeddings` has embedded.

Each method with an `a` before its name awaits the store, in whatever event loop;
none is run in an executor.  Needs `pip install windrow[langchain]`.
"""

from windrow.langchain.keys import WindrowByteStore, WindrowRecordManager
from windrow.langchain.vectorstore import WindrowRetriever, WindrowVectorStore

__all__ = [
    "WindrowByteStore",
    "WindrowRecordManager",
    "WindrowRetriever",
    "WindrowVectorStore",
]
