#!/bin/sh
# Measure, Windrow beside its peers in one run, and print a table.
#
#   scripts/bench.sh BUILD-FOLDER [BENCHMARK...]
#
# BENCH_SCALE=0.1 makes it short, BENCH_REPEATS=5 says how often, BENCH_FOLDER
# where the stores are made (a folder of its own, in the build folder).
#
# Benchmarks of PostgreSQL run on a server that is started for them
# (scripts/bench-server), or on the database that BENCH_POSTGRES names.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- write_sqlite ingest_memory submit_latency group_commit \
  known_sqlite write_postgres write_original known_postgres search_postgres \
  ingest_memory_postgres langchain python_demo python_save python_stall \
  python_filter_new

if [ -z "${BENCH_POSTGRES-}" ]; then
  case "$*" in
  *postgres* | *write_original* | *langchain* | *python_*)
    exec "$here/bench-server" "$here/bench.sh" "$build" "$@"
    ;;
  esac
fi

folder=${BENCH_FOLDER:-$build/bench}/stores
mkdir -p "$folder"
table=$(mktemp)
trap 'rm -rf "$table" "$folder"' EXIT
export BENCH_FOLDER="$folder"
export BENCH_PEERS="$here/../bench/peers"
venv=${XDG_CACHE_HOME:-$HOME/.cache}/windrow/bench-venv
export BENCH_PYTHON="${BENCH_PYTHON:-$venv/bin/python}"
# Nothing of the user's own connections.
unset PGOPTIONS PGSERVICE PGAPPNAME

generate=$build/bench/generate
export BENCH_GENERATE="$generate"

# The package, built once, for the Python of the peers.
case "$*" in
*python_* | *langchain*)
  PYTHONPATH=$("$here/python-env" build "$build/python-package" \
    -Doptimization=2)
  export PYTHONPATH
  ;;
esac

for name; do
  case $name in
  ingest_memory)
    "$build/bench/$name" "$generate" "$build/cli/windrow"
    ;;
  ingest_memory_postgres)
    "$build/bench/ingest_memory" "$generate" "$build/cli/windrow" postgres
    ;;
  write_original) "$build/bench/$name" "$generate" ;;
  python_*) "$BENCH_PYTHON" "$here/../bench/python/${name#python_}.py" ;;
  langchain)
    BENCH_PYTHON=$("$here/venv" langchain-postgres langchain-chroma numpy) \
      "$build/bench/$name" "$generate"
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
