"""A vector store for `GPTResearcher(vector_store=…)`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from windrow.langchain import WindrowVectorStore
from windrow.langchain.vectorstore import Records

if TYPE_CHECKING:
    from windrow.gpt_researcher.shared import Holder
    from windrow.steps import Steps
    from windrow.verbs import Mode

__all__ = ["WindrowChunks"]

T = TypeVar("T")


class WindrowChunks(WindrowVectorStore):
    """LangChain's vector store, as GPT Researcher treats one.

    It adds documents from inside of coroutines, without awaiting: where an event
    loop runs that returns at once, and what reads waits for what was added.
    """

    # Neither __len__ nor __bool__: GPT Researcher leaves out what is falsy.

    def __init__(self, holder: Holder, embeddings: Any, mode: Mode) -> None:
        # Not its base's: the store is shared, and closed by close_all().
        self._holder = holder
        self._store = holder.store
        self._owned = False
        self._embedding = embeddings
        self._mode = mode

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents; gives their ids, in a loop at once."""
        if asyncio._get_running_loop() is None:
            return super().add_texts(texts, metadatas, ids=ids, **kwargs)
        texts = list(texts)
        made: list[str | None] = [*ids] if ids else [None] * len(texts)
        self._holder.background.save(list(Records(texts, metadatas, None, made)))
        return [key for key in made if key]

    def _run(self, made: Steps[T]) -> T:
        self._holder.background.flush()
        self._store = self._holder.store
        return super()._run(made)

    async def _arun(self, made: Steps[T]) -> T:
        if self._holder.background.backlog:
            await asyncio.to_thread(self._holder.background.flush)
        self._store = self._holder.store
        return await super()._arun(made)
