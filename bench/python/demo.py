"""The original's demo: an embedder of 50 ms a call (see windrow.__main__)."""

from table import repeats, row_limit, run, say

FEW, MANY = 20, 1000


def main():
    runs = [run("-m", "windrow", "demo", "--json", "--old-most", str(FEW),
                "--records", str(FEW), str(MANY)) for _ in range(repeats())]
    for figures in runs:
        for f in figures:
            say(f"demo: {f['way']}, {f['records']} records: "
                f"{f['ms_per_record']:.2f} ms/record, stall {f['stall_ms']:.1f} ms, "
                f"CPU {1000 * f['cpu_ms_per_record']:.0f} us a record")
    _, threads, few, many = ([f[i]["ms_per_record"] for f in runs] for i in range(4))
    row_limit("demo, 20 records (peer: 4 threads), a record", "ms", few, 3, threads)
    row_limit("demo, 1,000 records, 8 calls of 50, a record", "ms", many, 0.4)


if __name__ == "__main__":
    main()
