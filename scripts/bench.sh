#!/bin/sh
# Measure, Windrow beside its peers in one run, and print a table.
#
#   scripts/bench.sh BUILD-FOLDER [BENCHMARK...]
#
# BENCH_SCALE=0.1 makes it short, BENCH_REPEATS=5 says how often, BENCH_FOLDER
# where the stores are made (a folder of its own, in the build folder).
set -eu

build=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- write_sqlite ingest_memory submit_latency group_commit \
  known_sqlite

folder=${BENCH_FOLDER:-$build/bench}/stores
mkdir -p "$folder"
table=$(mktemp)
trap 'rm -rf "$table" "$folder"' EXIT
export BENCH_FOLDER="$folder"

for name; do
  case $name in
  ingest_memory)
    "$build/bench/$name" "$build/bench/generate" "$build/cli/windrow"
    ;;
  *) "$build/bench/$name" ;;
  esac >>"$table"
done

echo
uname -srm
grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //' || true
echo "$(nproc) cores, scale ${BENCH_SCALE:-1}, ${BENCH_REPEATS:-5} repeats"
echo
printf '%-48s | %15s | %15s | %6s | %12s | %s\n' \
  figure peer windrow ratio target holds
cat "$table"
