"""Many URLs at a time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from support import pages

import windrow
from windrow import lookups

STORED = 400


def question(n: int) -> tuple[list[str], list[bool]]:
    """URLs in no order, some of them twice; and the answers."""
    chance = random.Random(n)
    numbers = [chance.randrange(2 * STORED) for _ in range(n)]
    return [f"https://example.org/{i}" for i in numbers], [i < STORED for i in numbers]


SIZES = (0, 1, 7999, 8000, 8001, lookups._MANY - 1, lookups._MANY, 50_001)


@pytest.mark.parametrize("n", SIZES)
def test_many_urls_are_answered_each_in_its_place(
    place: dict[str, Any], run: Callable[..., Any], n: int
) -> None:
    urls, right = question(n)
    new = [url for url, is_known in zip(urls, right, strict=True) if not is_known]

    async def main() -> None:
        async with windrow.open(**place) as store:
            assert (await store.save(pages(STORED))).inserted == STORED
            assert await store.known(urls) == right
            assert await store.filter_new(iter(urls)) == new
            assert not any(await store.known(urls, since=time.time() + 3600))

    run(main())
    with windrow.open_sync(**place) as store:
        assert store.known(urls) == right
        assert store.filter_new(urls) == new


def test_many_urls_that_are_the_same_are_one_part(url: str) -> None:
    urls = ["https://example.org/1"] * 40_000
    with windrow.open_sync(url) as store:
        store.save(pages(3))
        assert store.known(urls) == [True] * 40_000


def test_many_urls_do_not_hold_the_loop_up(url: str, run: Callable[..., Any]) -> None:
    urls, right = question(200_000)

    async def main() -> None:
        async with windrow.open(url) as store:
            await store.save(pages(STORED))
            asking = asyncio.create_task(store.known(urls))
            turns = 0
            while not asking.done():
                await asyncio.sleep(0)
                turns += 1
            assert await asking == right
            # One for each 2,000 that are arranged, and for each lookup.
            assert turns > 100

    run(main())
