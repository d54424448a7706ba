"""Slow inputs, Ctrl-C, kill -9, several processes, terminals."""

import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import TIMEOUT, page

PIPE = subprocess.PIPE


def line(i):
    return (json.dumps(page(i)) + "\n").encode()


def feed(process, records):
    process.stdin.write(b"".join(map(line, records)))
    process.stdin.flush()


def acks(process, n):
    """The next n acknowledged URLs."""
    return [process.stdout.readline().decode().strip() for _ in range(n)]


def unknown(windrow, urls):
    return windrow("known", input="\n".join(urls)).splitlines()


def finish(process):
    out, err = process.communicate(timeout=TIMEOUT)
    return out.decode(), err.decode()


def read_until(fd, pattern):
    """What a terminal shows until the pattern has come."""
    shown, deadline = "", time.monotonic() + TIMEOUT
    while not re.search(pattern, shown):
        left = deadline - time.monotonic()
        assert left > 0, repr(shown)
        if select.select([fd], [], [], left)[0]:
            shown += os.read(fd, 65536).decode(errors="replace")
    return shown


class Feeder(threading.Thread):
    """Writes a page after the other, until the pipe is closed."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process = process
        self.start()

    def run(self):
        i = 0
        try:
            while True:
                feed(self.process, [i])
                i += 1
        except (BrokenPipeError, ValueError):
            pass


def test_a_slow_input_is_acknowledged_as_it_comes(windrow):
    process = windrow.popen("ingest", "--ack", "-q", "-", stdin=PIPE, stdout=PIPE)
    for i in range(3):
        feed(process, [i])
        assert acks(process, 1) == [page(i)["url"]]
    process.stdin.close()
    assert process.wait(TIMEOUT) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_drains_and_what_was_acknowledged_is_stored(windrow, number):
    process = windrow.popen(
        "ingest", "--ack", "--json", "-", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    feed(process, range(1000))
    first = acks(process, 300)
    process.send_signal(number)
    # Its standard input stays open: it must not wait for the end of it.
    rest = process.stdout.read().decode().splitlines()
    err = process.stderr.read().decode()
    process.wait(TIMEOUT)
    assert process.returncode == 1, err
    assert "stopping: " in err and "press Ctrl-C again" in err
    report = json.loads(rest.pop())
    urls = first + rest
    assert report["inserted"] == len(urls) == len(set(urls))
    assert unknown(windrow, urls) == []
    process.stdin.close()


def test_a_second_signal_stops_at_once(windrow):
    process = windrow.popen(
        "ingest", "--ack", "-q", "-", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    feed(process, [0])
    assert acks(process, 1) == [page(0)["url"]]
    lock = sqlite3.connect(windrow.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    # More than a pipe holds: some of it was read, and cannot be written.
    feed(process, range(1, 5000))
    process.send_signal(signal.SIGINT)
    said = b" "
    while b"stopping: " not in said:
        said = process.stderr.readline()
        assert said
    assert b"stopping: 0 records" not in said
    process.send_signal(signal.SIGINT)
    out, err = finish(process)
    assert process.returncode == 2, err
    assert "abandoned" in err and out == ""
    lock.execute("ROLLBACK")
    lock.close()
    assert windrow.object("ingest", "-", input=line(1))["inserted"] == 1


@pytest.mark.parametrize("n", [1, 777, 3000])
def test_what_was_acknowledged_survives_kill_9(windrow, n):
    process = windrow.popen("ingest", "--ack", "-q", "-", stdin=PIPE, stdout=PIPE)
    feeder = Feeder(process)
    urls = acks(process, n)
    process.kill()
    # What was printed before the end counts too.
    urls += process.stdout.read().decode().split("\n")[:-1]
    process.wait(TIMEOUT)
    feeder.join(TIMEOUT)
    assert len(urls) >= n
    assert unknown(windrow, urls) == []
    assert windrow.object("doctor", "--deep")["ok"]


def test_two_processes_fill_one_new_store(windrow):
    def records(start):
        return b"".join(line(i) for i in range(start, start + 600))

    both = [
        windrow.popen("ingest", "--json", "-", stdin=PIPE, stdout=PIPE, stderr=PIPE)
        for _ in range(2)
    ]
    threads = []
    results = {}
    for i, process in enumerate(both):
        def talk(i=i, process=process):
            out, err = process.communicate(records(i * 300), timeout=TIMEOUT)
            results[i] = (process.returncode, out, err)

        threads.append(threading.Thread(target=talk))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert [r[0] for r in results.values()] == [0, 0], results
    reports = [json.loads(r[1]) for r in results.values()]
    assert sum(r["inserted"] for r in reports) == 900, reports
    assert sum(r["failed"] for r in reports) == 0, reports
    assert len(windrow.stored()) == 900


def test_an_ack_reader_that_goes_away_ends_it(windrow):
    process = windrow.popen(
        "ingest", "--ack", "-q", "-", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    process.stdout.close()
    Feeder(process)
    err = process.stderr.read().decode()
    assert process.wait(TIMEOUT) == 2
    assert "standard output" in err


def test_elsewhere_than_on_a_terminal_progress_is_a_line_a_second(windrow):
    process = windrow.popen("ingest", "-", stdin=PIPE, stderr=PIPE)
    feed(process, range(10))
    lines = [process.stderr.readline().decode() for _ in range(2)]
    process.stdin.close()
    for said in lines:
        assert re.search(
            r"^10 pages  \d+ pages/s  [\d.]+ MB/s  new 10  updated 0  unchanged 0"
            r"  failed 0",
            said,
        ), said
        assert "\033" not in said and "\r" not in said
    rest = process.stderr.read().decode()
    assert process.wait(TIMEOUT) == 0
    assert "10 pages in " in rest


@pytest.mark.parametrize("columns, lines", [(80, 2), (150, 1)])
def test_on_a_terminal_there_is_a_bar(windrow, columns, lines):
    path = windrow.write("pages.jsonl", [page(i, "word " * 800) for i in range(3000)])
    ours, theirs = pty.openpty()
    process = windrow.popen(
        "ingest",
        path,
        stderr=theirs,
        env=windrow.env | {"TERM": "xterm", "COLUMNS": str(columns)},
    )
    os.close(theirs)
    shown = read_until(ours, r"pages in ")
    assert process.wait(TIMEOUT) == 0
    os.close(ours)
    drawn = re.findall(
        r"\033\[\d*m[^\r]*?━[^\r]* *\d+%  [\d,]+ pages  [\d,]+ pages/s  [\d.]+ MB/s[^\r]*"
        + ("\r\n" if lines == 2 else "  ")
        + r"new [\d,]+  updated 0  unchanged 0  failed 0",
        shown,
    )
    assert drawn, shown
    for line in "\r\n".join(drawn).split("\r\n"):
        assert len(re.sub(r"\033\[[\d;]*m", "", line)) < columns, line
    # It is gone in the end: a summary on a clean line.
    erased = "\r\033[K\033[A" * (lines - 1) + "\r\033[K3,000 pages in "
    assert erased in shown, shown


def test_a_dumb_terminal_gets_no_bar(windrow):
    ours, theirs = pty.openpty()
    process = windrow.popen(
        "ingest", "-", stdin=PIPE, stderr=theirs, env=windrow.env | {"TERM": "dumb"}
    )
    os.close(theirs)
    feed(process, range(10))
    process.stdin.close()
    shown = read_until(ours, r"pages in ")
    assert process.wait(TIMEOUT) == 0
    os.close(ours)
    assert "\033" not in shown
