"""PostgreSQL servers of the tests' own, and the program that puts them under
load and believes nothing."""

import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOAD = os.environ.get("WINDROW_LOAD", "")
BINARY = os.environ.get("WINDROW", "")
SLOWER = int(os.environ.get("WINDROW_TEST_SLOWER", "1"))
PATIENCE = 150


def load_module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


pgservers = load_module("pgservers", ROOT / "scripts" / "pgservers.py")


def pytest_collection_modifyitems(config):
    """Where there is nothing to test on, Meson is told so."""
    try:
        for version in ("15", "18"):
            pgservers.programs(version)
        pgservers.account()
    except pgservers.Missing as missing:
        pytest.exit(f"skipped: {missing}", returncode=77)


def watch_over(folder):
    """The servers below it end with this process, however it ends."""
    (folder / "windrow-servers").write_text("")
    return subprocess.Popen(
        ["/usr/bin/python3", str(ROOT / "scripts" / "servers"), "watch",
         str(folder), str(os.getpid())],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd="/", start_new_session=True)


@pytest.fixture(scope="session")
def place():
    """A folder for servers."""
    folder = pgservers.work_folder()
    folder.chmod(0o755)
    watch = watch_over(folder)
    yield folder
    watch.kill()
    watch.wait()
    shutil.rmtree(folder, ignore_errors=True)


def serve(place, version):
    server = pgservers.make_server(place / version, version)
    return server


@pytest.fixture(scope="session")
def server(place):
    """An 18 with pgvector that tests may mistreat."""
    server = serve(place, "18")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server15(place):
    """A 15 with TLS, without pgvector."""
    server = serve(place, "15")
    yield server
    server.stop()


_made = 0


@pytest.fixture
def schema(server):
    """One of the test's own, of the role that owns the database."""
    global _made
    _made += 1
    name = f"test{_made}"
    server.sql(f"CREATE SCHEMA {name} AUTHORIZATION {pgservers.USER}")
    yield name
    server.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def table(schema):
    return f"{schema}.scraped_documents"


@pytest.fixture
def url(server, schema):
    return server.url(schema=schema)


@pytest.fixture
def rand(request):
    """Seeded: WINDROW_SEED repeats a run."""
    seed = int(os.environ.get("WINDROW_SEED", time.time_ns() % 1_000_000))
    return pgservers.shuffled(seed)


class Load:
    """The program load, at work."""

    def __init__(self, url, *args, **numbers):
        args = list(args) + [f"{k}={v}" for k, v in numbers.items()]
        self.process = subprocess.Popen(
            [LOAD, url, *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.acked = self.failed = 0
        self.last = ""
        self.errors = []
        self.readers = [
            threading.Thread(target=self.read, daemon=True),
            threading.Thread(target=self.read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)

    def take(self, seconds):
        """A line; False at the end of them or of the time."""
        try:
            line = self.lines.get(timeout=max(0, seconds))
        except queue.Empty:
            return False
        if line is None:
            self.lines.put(None)
            return False
        self.last = line
        if line.startswith("acked"):
            _, self.acked, self.failed_now = line.split()
            self.acked = int(self.acked)
            self.failed += int(self.failed_now)
        return True

    def catch_up(self):
        """What was printed until now."""
        while self.take(0):
            pass
        return self.acked

    def goes_on(self, n=10, seconds=PATIENCE):
        """So many more submissions are acknowledged."""
        wanted = self.catch_up() + n
        until = time.monotonic() + seconds
        while self.acked < wanted:
            if not self.take(until - time.monotonic()):
                self.process.kill()
                raise AssertionError(
                    f"no {n} submissions more in {seconds} s: "
                    f"{self.last}{''.join(self.errors)}")
        return self.acked

    def finish(self, status=0):
        """Ends the load: its counts."""
        self.process.stdin.close()
        until = time.monotonic() + PATIENCE
        while self.take(until - time.monotonic()):
            pass
        ended = self.process.wait(PATIENCE)
        self.close()
        assert ended == status, "".join(self.errors)
        return json.loads(self.last) if status < 2 else None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout,
                     self.process.stderr):
            pipe.close()

    def all_is_well(self):
        """Nothing failed, nothing is lost."""
        counts = self.finish()
        assert counts["failed"] == 0, (counts, self.errors)
        assert counts["wrong"] == 0, (counts, self.errors)
        print(counts)
        return counts


@pytest.fixture
def load():
    """Starts loads, and kills what a failed test leaves."""
    started = []

    def start(url, *args, **numbers):
        started.append(Load(url, *args, **numbers))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Windrow:
    """The command, over a store."""

    def __init__(self, url):
        self.url = url
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("PG")}
        self.env.update(WINDROW_DB=url, LC_ALL="C.UTF-8")

    def popen(self, *args, **kwargs):
        return subprocess.Popen([BINARY, *map(str, args)], env=self.env,
                                text=True, **kwargs)

    def run(self, *args, input=""):
        return subprocess.run([BINARY, *map(str, args)], input=input,
                              env=self.env, capture_output=True, text=True,
                              timeout=PATIENCE)

    def __call__(self, *args, status=0, input=""):
        done = self.run(*args, input=input)
        assert done.returncode == status, (args, done.stdout, done.stderr)
        return done.stdout

    def fails(self, *args):
        """The line that says why it cannot run."""
        done = self.run(*args)
        assert done.returncode == 2, (args, done.stdout, done.stderr)
        return done.stderr

    def objects(self, *args, **kwargs):
        out = self(*args, **kwargs)
        return [json.loads(line) for line in out.split("\n") if line]
