"""Pages, vectors and event loops for the tests."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import uvloop
except ImportError:  # pragma: no cover
    uvloop = None

SLOWER = int(os.environ.get("WINDROW_TEST_SLOWER", "1"))
PATIENCE = 30 * SLOWER


def pages(n: int, start: int = 0, size: int = 40) -> list[dict[str, Any]]:
    """n records with text of about size characters."""
    return [
        {
            "url": f"https://example.org/{i}",
            "title": f"Page {i}",
            "raw_content": f"page number{i} " + "bread " * (size // 6),
        }
        for i in range(start, start + n)
    ]


def vectors(texts: list[str]) -> list[list[float]]:
    """Three numbers a text, which differ from text to text."""
    return [[1.0, float(len(t)), float(sum(map(ord, t)) % 97)] for t in texts]


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop
}
if uvloop is not None:
    LOOPS["uvloop"] = uvloop.new_event_loop


def examples(page: str) -> list[str]:
    """The programs of a page of the documentation."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text()
    found = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found, page
    return found
