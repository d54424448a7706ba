"""python -m windrow demo."""

from __future__ import annotations

import json
from collections.abc import Callable
from subprocess import CompletedProcess

DEMO = """
    import sys
    from windrow.__main__ import main
    main(["demo", *sys.argv[1:]])
"""


def test_the_demo_shows_all_ways_and_what_they_take(
    script: Callable[..., CompletedProcess[str]],
) -> None:
    ran = script(DEMO, "--records", "20", "120", "--delay", "20", "--json")
    assert ran.returncode == 0, ran.stderr
    figures = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(f["way"], f["records"], f["calls"]) for f in figures] == [
        ("one by one, blocking", 20, 20),
        ("4 threads, a call a record", 20, 20),
        ("windrow", 20, 1),
        ("windrow", 120, figures[3]["calls"]),
    ]
    assert figures[3]["calls"] <= 4
    one_by_one, _, ours, _ = figures
    assert one_by_one["ms_per_record"] >= 20
    assert one_by_one["stall_ms"] >= 19
    assert ours["ms_per_record"] < one_by_one["ms_per_record"]


def test_the_demo_prints_a_table(script: Callable[..., CompletedProcess[str]]) -> None:
    ran = script(DEMO, "--records", "3", "--delay", "1")
    assert ran.returncode == 0, ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines()[3:6]] == [
        "one",
        "4",
        "windrow",
    ]
