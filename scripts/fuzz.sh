#!/bin/sh
# Run each fuzzer for a while, from its corpus on.  What crashes is kept and
# named; put it into the corpus, where make test replays it, and mend it.
#
#   FUZZ_SECONDS=60 scripts/fuzz.sh [FUZZER...]
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- $(basename -s .c tests/fuzz/fuzz_*.c)

CC=clang scripts/build.sh build-fuzz --buildtype=debug -Doptimization=1 \
  -Db_sanitize=address,undefined -Db_lundef=false -Dfuzzers=true -- \
  $(printf 'tests/fuzz/%s ' "$@")

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=0
for name; do
  echo "== $name, ${FUZZ_SECONDS:=60} s"
  found=build-fuzz/found/$name
  mkdir -p "$found"
  "build-fuzz/tests/fuzz/$name" -max_total_time="$FUZZ_SECONDS" \
    -artifact_prefix="$found/crash-" -print_final_stats=1 "$found" \
    "tests/fuzz/corpus/${name#fuzz_}" >"$found.log" 2>&1 || {
    failed=1
    cat "$found.log"
  }
  grep '^stat::number' "$found.log" || true
done
[ $failed = 0 ]
