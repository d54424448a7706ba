"""The pages that bench/generate has written, for peers in Python.

    generate PAGES BYTES SEED VECTORS > TEXTS

TEXTS holds JSON Lines; VECTORS raw float32 numbers, in which the vectors of 384
dimensions overlap: that of page i begins at number i.
"""

import array
import json
import resource
import time

DIM = 384


def read(texts, vectors):
    """[(url, title, content, [float])]"""
    numbers = array.array("f")
    with open(vectors, "rb") as file:
        numbers.frombytes(file.read())
    pages = []
    with open(texts, encoding="utf-8") as file:
        for i, line in enumerate(file):
            page = json.loads(line)
            pages.append((page["url"], page["title"], page["raw_content"],
                          numbers[i:i + DIM].tolist()))
    return pages


def asyncpg_url(url):
    """As SQLAlchemy wants it."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def memory_mb(what):
    """VmRSS, now, or VmHWM, at most."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


class Watch:
    """Time, CPU time and memory of this process, since it was made."""

    def __init__(self):
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # the greatest size is that of now
        self.memory = memory_mb("VmRSS")
        self.time = time.perf_counter()
        self.cpu = self.used()

    @staticmethod
    def used():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def figures(self, pages):
        """One line of JSON, in which bench/peer.c finds the numbers."""
        return json.dumps({
            "seconds": round(time.perf_counter() - self.time, 6),
            "cpu": round(self.used() - self.cpu, 6),
            "pages": pages,
            "more_mb": round(max(0, memory_mb("VmHWM") - self.memory), 3),
        })
