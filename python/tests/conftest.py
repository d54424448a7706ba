"""What the tests of the package share: real stores in real files."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import LOOPS, PATIENCE

import windrow


@pytest.fixture(params=list(LOOPS))
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """asyncio.run() over both kinds of loops, with a limit."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(asyncio.wait_for(main, PATIENCE))

    return run


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def ask_postgres(statement: str) -> None:
    """Run a statement on the server of the tests."""
    server = os.environ["WINDROW_TEST_PG18"]
    subprocess.run(
        ["psql", "-X", "-q", "-d", server, "-c", statement],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )


@pytest.fixture
def postgres_place() -> Iterator[dict[str, Any]]:
    """A schema of the test's own, where there is a server (scripts/servers)."""
    server = os.environ.get("WINDROW_TEST_PG18")
    if not server or not shutil.which("psql"):
        pytest.skip("no PostgreSQL: scripts/servers run COMMAND starts one")
    name = f"python_{uuid.uuid4().hex[:12]}"
    ask_postgres(f"CREATE SCHEMA {name}")
    yield {"url": server, "schema": name}
    ask_postgres(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where to open a store that is not there yet, of each backend."""
    if request.param == "sqlite":
        return {"url": request.getfixturevalue("url")}
    return dict(request.getfixturevalue("postgres_place"))


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """A test leaves no thread of the package's behind."""
    before = set(threading.enumerate())
    yield
    left = [t for t in set(threading.enumerate()) - before if "windrow" in t.name]
    if left:
        gc.collect()
    for thread in left:
        thread.join(PATIENCE)
        assert not thread.is_alive(), thread.name


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in a Python of its own; it must end in time."""

    def run(text: str, *args: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, "-X", "dev", str(path), *args],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(windrow.__file__).parents[1]),
            },
        )

    return run
