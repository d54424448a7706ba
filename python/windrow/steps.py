"""What an adapter does, written once for code that waits and for coroutines.

A method of an adapter is a generator: it yields what is to be done with the
store and is sent the result.  `run()` does these things in the blocking store,
`arun()` awaits them in its asyncio twin.

Here too is the search for frameworks whose filters can say more than Windrow's:
whatever of such a filter is an equality narrows the search in the database, the
whole of it is then held against what was found.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from windrow.records import Document, Hit

if TYPE_CHECKING:
    from windrow.blocking import BlockingStore
    from windrow.verbs import Filter, Mode

T = TypeVar("T")
#: Does a document pass a filter?
Accept: TypeAlias = Callable[[Document], bool]

#: The core gives no more hits than these.
MOST_HITS = 10_000
#: Fewer candidates than these are not worth a second search.
_FEW = 64


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the store, by its name; both faces have the same ones."""

    method: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] | None = None

    def start(self, store: Any) -> Any:
        """Call it."""
        return getattr(store, self.method)(*self.args, **(self.options or {}))


@dataclass(frozen=True, slots=True)
class Scan:
    """Each document that passes a filter, handed to a function."""

    visit: Callable[[Document], None]
    filter: Filter | None = None
    content: bool = True
    embedding: bool = False

    def start(self, store: Any) -> Any:
        """Give the (asynchronous) iterator."""
        return store.export(self.filter, content=self.content, embedding=self.embedding)


#: Yields calls, is sent their results, returns T.
Steps: TypeAlias = Generator[Call | Scan, Any, T]


def _perform(step: Call | Scan, store: BlockingStore) -> Any:
    if isinstance(step, Call):
        return step.start(store)
    for document in step.start(store):
        step.visit(document)
    return None


async def _aperform(step: Call | Scan, store: BlockingStore) -> Any:
    if isinstance(step, Call):
        return await step.start(store.asyncio)
    async for document in step.start(store.asyncio):
        step.visit(document)
    return None


def run(store: BlockingStore, steps: Steps[T]) -> T:
    """Go through the steps, waiting."""
    try:
        step = next(steps)
        while True:
            try:
                result = _perform(step, store)
            except Exception as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


async def arun(store: BlockingStore, steps: Steps[T]) -> T:
    """Go through the steps in a coroutine; nothing holds its loop up."""
    try:
        step = next(steps)
        while True:
            try:
                result = await _aperform(step, store)
            except Exception as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


# ----------------------------------------------------------------- filters --


def plain_equality(name: str, value: object) -> bool:
    """Does Windrow compare this member of metadata just as Python does?

    Not where Python finds 1 equal to True, and not where text is cleaned before
    it is stored.
    """
    if not name.isprintable():
        return False
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value not in (0, 1) and abs(value) < 1 << 53
    return isinstance(value, str) and value.isprintable()


# ---------------------------------------------------------------- searches --


@dataclass(frozen=True, slots=True)
class Query:
    """A search, with a filter in two parts.

    Hits have their content, and where it is asked for their embedding.
    `accept` is asked of each candidate, which has its content only where
    `accept_reads_content`.
    """

    k: int
    text: str | None = None
    vector: Sequence[float] | None = None
    mode: Mode = "auto"
    filter: Filter | None = None
    accept: Accept | None = None
    accept_reads_content: bool = False
    embedding: bool = False


def search(query: Query) -> Steps[list[Hit]]:
    """Find the best k that pass the filter.

    What `accept` refuses is made up for by searching for more.  Where Windrow
    gives no more, every vector is looked at; by text there is no such way, and
    fewer are found than there are.
    """
    if query.k <= 0:
        return []
    wanted = min(query.k, MOST_HITS)
    if query.accept is not None:
        wanted = min(max(4 * query.k, _FEW), MOST_HITS)
    content = query.accept is None or query.accept_reads_content
    while True:
        hits: list[Hit] = yield Call(
            "search",
            (query.text,),
            {
                "vector": query.vector,
                "mode": query.mode,
                "k": wanted,
                "filter": query.filter,
                "content": content,
                "embedding": query.embedding,
            },
        )
        found = [hit for hit in hits if query.accept is None or query.accept(hit)]
        if len(found) >= query.k or len(hits) < wanted:
            break
        if wanted == MOST_HITS:
            if query.mode == "vector" and query.vector is not None:
                found = yield from _nearest(query, query.vector)
            break
        wanted = min(8 * wanted, MOST_HITS)
    del found[query.k :]
    return found if content else (yield from _with_content(found))


def _with_content(hits: list[Hit]) -> Steps[list[Hit]]:
    """Fetch the content of hits; what was deleted meanwhile is left out."""
    if not hits:
        return []
    stored: list[Document | None] = yield Call(
        "get", ([hit.url for hit in hits],), {"keys": True}
    )
    return [
        _hit(hit, hit.score, document.content)
        for hit, document in zip(hits, stored, strict=True)
        if document is not None
    ]


def _nearest(query: Query, vector: Sequence[float]) -> Steps[list[Hit]]:
    """Find the nearest by looking at every vector."""
    length = math.hypot(*vector)
    best: list[tuple[float, int, Document]] = []
    seen = 0

    def visit(document: Document) -> None:
        nonlocal seen
        numbers = document.embedding
        if numbers is None or (query.accept and not query.accept(document)):
            return
        seen += 1
        cosine = _dot(vector, numbers) / (length * math.hypot(*numbers))
        entry = (cosine, -seen, document)
        if len(best) < query.k:
            heapq.heappush(best, entry)
        else:
            heapq.heappushpop(best, entry)

    content = query.accept is None or query.accept_reads_content
    yield Scan(visit, query.filter, content=content, embedding=True)
    best.sort(reverse=True)
    return [_hit(doc, score, doc.content) for score, _, doc in best]


def _dot(one: Iterable[float], other: Iterable[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def _hit(document: Document, score: float, content: str | None) -> Hit:
    found = document if isinstance(document, Hit) else None
    return Hit(
        document.url,
        document.title,
        content,
        document.metadata,
        document.fetched_at,
        document.created_at,
        document.updated_at,
        document.embedding,
        document.pending,
        score=score,
        snippet=found.snippet if found else None,
        rank_text=found.rank_text if found else 0,
        rank_vector=found.rank_vector if found else 0,
    )
