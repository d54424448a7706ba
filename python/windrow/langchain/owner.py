"""A store that an adapter uses from coroutines and from code that waits alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self, TypeAlias, TypeVar

import windrow
from windrow import steps
from windrow.blocking import BlockingStore
from windrow.handle import Options
from windrow.steps import Accept, Call, Steps
from windrow.store import Store

T = TypeVar("T")

#: A URL as of `windrow.open()`, or a store that is open.
Place: TypeAlias = str | os.PathLike[str] | Store | BlockingStore


class Owner:
    """Has a store; each of its methods is steps, run or awaited."""

    _store: BlockingStore
    _owned: bool

    def _take(
        self,
        place: Place,
        options: Options,
        *,
        embeddings: Any,
        model: str | None = None,
        dim: int | None = None,
    ) -> None:
        self._owned = not isinstance(place, Store | BlockingStore)
        if isinstance(place, Store):
            self._store = place.blocking
        elif isinstance(place, BlockingStore):
            self._store = place
        else:
            # Its embeddings are made on threads: a loop that embeds for it may
            # be held up by a method that waits.
            self._store = windrow.open_sync(
                place, embeddings=embeddings, model=model, dim=dim, **options
            )

    @property
    def store(self) -> BlockingStore:
        """The store itself; `.store.asyncio` is the same for coroutines."""
        return self._store

    def close(self) -> None:
        """Close the store, unless it was given as one."""
        if self._owned:
            self._store.close()

    async def aclose(self) -> None:
        """Close the store, unless it was given as one."""
        if self._owned:
            await self._store.asyncio.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self.aclose()

    def _run(self, made: Steps[T]) -> T:
        return steps.run(self._store, made)

    async def _arun(self, made: Steps[T]) -> T:
        return await steps.arun(self._store, made)


@dataclass(frozen=True, slots=True)
class ListKeys(Call):
    """The keys of documents that pass a filter and a function, at most limit."""

    method: str = "export"
    filter: Mapping[str, Any] | None = None
    accept: Accept = lambda _: True
    limit: int | None = None
    content: bool = False

    def start(self, store: Store | BlockingStore) -> Any:
        """List them, or begin to."""
        if isinstance(store, Store):
            return self._list(store)
        # Rows without their content are small.
        documents = store.export(
            self.filter, content=self.content, page=100 if self.content else 1000
        )
        keys = (document.url for document in documents if self.accept(document))
        return list(islice(keys, self.limit))

    async def _list(self, store: Store) -> list[str]:
        documents = store.export(
            self.filter, content=self.content, page=100 if self.content else 1000
        )
        keys: list[str] = []
        async for document in documents:
            if self.accept(document):
                keys.append(document.url)
                if len(keys) == self.limit:
                    break
        return keys
