"""What the benchmarks of the Python package share: as bench.h for those in C."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import psycopg

PEERS = Path(__file__).resolve().parents[1] / "peers"
sys.path.insert(0, str(PEERS))


def scaled(n):
    """n of the full input; at least 1."""
    return max(1, int(n * float(os.environ.get("BENCH_SCALE") or 1)))


def repeats():
    return int(float(os.environ.get("BENCH_REPEATS") or 5))


def say(text):
    print(text, file=sys.stderr, flush=True)


def bench_file(name):
    path = Path(os.environ.get("BENCH_FOLDER") or ".") / name
    path.unlink(missing_ok=True)
    return path


def postgres():
    return os.environ["BENCH_POSTGRES"]


def sql(statement):
    with psycopg.connect(postgres(), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def make_schema(name):
    sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")
    sql(f"CREATE SCHEMA {name}")


def drop_schema(name):
    sql(f"DROP SCHEMA {name} CASCADE")


def run(*command, **more):
    """Run a program in Python, which says its figures in JSON, one a line."""
    ran = subprocess.run([sys.executable, *map(str, command)], check=True,
                         stdout=subprocess.PIPE, text=True, **more)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def ratio(over, under):
    """The median of the ratios of neighbouring runs."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def _number(value, unit):
    decimals = 0 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4
    return f"{value:.{decimals}f} {unit}"


def _row(figure, peer, windrow, quotient, target, holds):
    print(f"{figure:<48} | {peer:>15} | {windrow:>15} | {quotient:>6} | "
          f"{target:>12} | {'' if holds is None else 'yes' if holds else 'NO'}",
          flush=True)


def row_at_least(figure, unit, peer, windrow, target):
    """Windrow against a peer, both lists; rates."""
    quotient = ratio(windrow, peer)
    _row(figure, _number(statistics.median(peer), unit),
         _number(statistics.median(windrow), unit), f"{quotient:.2f}",
         f">= {target:.2f}", quotient >= target)


def row_at_most(figure, unit, peer, windrow, target):
    """Likewise; times and sizes."""
    quotient = ratio(windrow, peer)
    _row(figure, _number(statistics.median(peer), unit),
         _number(statistics.median(windrow), unit), f"{quotient:.2f}",
         f"<= {target:.2f}", quotient <= target)


def row_limit(figure, unit, windrow, limit, peer=()):
    """Windrow against a limit."""
    value = statistics.median(windrow)
    beside = _number(statistics.median(peer), unit) if peer else ""
    _row(figure, beside, _number(value, unit), "", f"<= {_number(limit, unit)}",
         value <= limit)


def row_beside(figure, unit, peer, windrow):
    """Windrow beside a peer, for whoever reads it."""
    _row(figure, _number(statistics.median(peer), unit),
         _number(statistics.median(windrow), unit), "", "", None)
