"""Which of many URLs are stored: cut into lookups, answers put together.

A lookup is kept short, since converting its URLs holds the event loop up.  Where
there are many, each gets URLs that are near each other in order, as they are in
the store's index too: what is asked at random reads most of the index each time.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import compress

from windrow import _core
from windrow.verbs import Verb

#: URLs of one lookup; the library makes one operation of as many.
LOOKUP_URLS = 8000
#: Lookups at a time.
WINDOW = 3
#: From so many on they are arranged.
_MANY = 3 * LOOKUP_URLS
#: A part's size when all of them are as large; some come out larger.
_PART_URLS = 7000
_SAMPLE = 1024
#: URLs that are arranged before others have their turn.
_TURN_URLS = 2000

_STORED = bytes(byte & 1 for byte in range(256))
_NEW = bytes(1 - (byte & 1) for byte in range(256))


class Lookups:
    """One question about many URLs."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._parts: list[array[int]] = []
        self._stored = bytearray(len(urls))

    def arrange(self) -> Iterator[None]:
        """Put near to near, if they are many; with pauses."""
        urls = self._urls
        if len(urls) < _MANY:
            return
        sample = sorted(urls[:: len(urls) // _SAMPLE])
        n = -(-len(urls) // _PART_URLS)
        bounds = [sample[i * len(sample) // n] for i in range(1, n)]
        parts = [array("I") for _ in range(n)]
        add = [part.append for part in parts]
        which = partial(bisect_right, bounds)
        for start in range(0, len(urls), _TURN_URLS):
            turn = urls[start : start + _TURN_URLS]
            for i, part in enumerate(map(which, turn), start):
                add[part](i)
            yield
        self._parts = parts

    def verbs(self, since: int, keys: bool) -> Iterator[Verb[None]]:
        """Make the lookups; they note their answers here."""
        flags = _core.KEYS if keys else 0
        for places in self._places():
            yield self._verb(places, since, flags)

    def _places(self) -> Iterator[slice | array[int]]:
        if self._parts:
            for part in self._parts:
                for i in range(0, len(part), LOOKUP_URLS):
                    yield part[i : i + LOOKUP_URLS]
        else:
            for i in range(0, len(self._urls), LOOKUP_URLS):
                yield slice(i, i + LOOKUP_URLS)

    def _verb(self, places: slice | array[int], since: int, flags: int) -> Verb[None]:
        urls, stored = self._urls, self._stored
        asked = (
            urls[places]
            if isinstance(places, slice)
            else list(map(urls.__getitem__, places))
        )

        def result(reply: _core.Reply) -> None:
            answers = bytes(reply.known()).translate(_STORED)
            if isinstance(places, slice):
                stored[places] = answers
            else:
                for i, answer in zip(places, answers, strict=True):
                    stored[i] = answer

        return Verb(lambda s, q, tag: s.known(asked, since, flags, q, tag), result)

    def known(self) -> list[bool]:
        """Tell for each URL whether it is stored."""
        return list(map(bool, self._stored))

    def new(self) -> list[str]:
        """Give those that are not, in their order."""
        return list(compress(self._urls, self._stored.translate(_NEW)))
