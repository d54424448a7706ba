#!/bin/sh
# Everything that must hold, in four builds, with PostgreSQL servers that
# scripts/servers starts and stops:
#
#   build         as it is installed: every test
#   build-asan    AddressSanitizer and UndefinedBehaviorSanitizer: every test
#   build-tsan    ThreadSanitizer: the tests of the suite "threads"
#   build-clang   another compiler's warnings
#
# and before them the checks of the house rules.  Goes on after a failure, to
# show all of them.  The last line counts tests and checks together.
#
#   scripts/test.sh [MESON-OPTION...]        options of the first build
set -u
cd "$(dirname "$0")/.."

meson=${MESON-/usr/bin/meson}
[ -x "$meson" ] || meson=meson

work=$(mktemp -d)
WINDROW_TEST_SERVERS=
stop() {
  [ -z "$WINDROW_TEST_SERVERS" ] || scripts/servers stop "$WINDROW_TEST_SERVERS"
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

passed=0
failed=0
skipped=0

note() {
  printf '%-12s %5d passed %5d failed %5d skipped %6d s\n' "$@" \
    >>"$work/summary"
}

say() {
  printf '\n== %s\n' "$*"
}

# A thing that is right or wrong, or says 77: skipped.
check() { # NAME COMMAND...
  name=$1
  shift
  "$@" >"$work/check" 2>&1
  case $? in
  0) good=$((good + 1)) ;;
  77) left_out=$((left_out + 1)) ;;
  *)
    bad=$((bad + 1))
    cat "$work/check"
    echo "FAILED: $name"
    return 1
    ;;
  esac
  tail -n 1 "$work/check"
}

begin() {
  good=0 bad=0 left_out=0
  began=$(date +%s)
}

end() { # NAME
  passed=$((passed + good))
  failed=$((failed + bad))
  skipped=$((skipped + left_out))
  note "$1" $good $bad $left_out $(($(date +%s) - began))
}

count() { # WORD...: the sum that meson's summary gives for them
  for word; do
    sed -n "s/^$word: *\([0-9][0-9]*\)[ ]*\$/\1/p" "$work/log"
  done | awk '{ n += $1 } END { print n + 0 }'
}

# Run the tests of a folder; its binaries are built if need be.
run_tests() { # FOLDER [OPTION...]
  folder=$1
  shift
  $wrapper "$meson" test -C "$folder" --print-errorlogs "$@" \
    </dev/null >"$work/log" 2>&1
  status=$?
  # One line a test, what a failed one printed, and what is not zero.
  grep -v -e '^ninja: ' -e '^\[[0-9/]*\] ' -e ': *0 *$' -e '^Full log' \
    -e '^ *$' "$work/log"
  good=$((good + $(count Ok 'Expected Fail')))
  lost=$(count Fail 'Unexpected Pass' Timeout)
  bad=$((bad + lost))
  left_out=$((left_out + $(count Skipped)))
  if [ $status != 0 ] && [ "$lost" = 0 ]; then
    echo "FAILED: $folder: meson test exited with $status"
    bad=$((bad + 1))
  fi
}

# Configure and build a folder; a folder that does not build counts as failed.
build() { # FOLDER MESON-OPTION... -- TARGET...
  scripts/build.sh "$@" >"$work/log" 2>&1 && return
  cat "$work/log"
  echo "FAILED: $1 does not build"
  bad=$((bad + 1))
  return 1
}

wrapper=

# Real databases, for all builds; tests that find none say so and are skipped.
if scripts/servers start --until $$ >"$work/servers"; then
  . "$work/servers"
fi

say "house rules"
begin
for name in includes banned headers format docs; do
  check $name scripts/check-$name
done
end rules

say "build: as it is installed"
begin
if build build "$@" --; then
  ln -sf cli/windrow build/windrow
  check exports scripts/check-exports \
    "$(find build -name 'libwindrow.so.?' | head -n 1)"
  run_tests build
fi
end build

say "build-asan: AddressSanitizer, UndefinedBehaviorSanitizer"
begin
# An allocation that is too large must fail here as it does elsewhere.
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
if build build-asan --buildtype=debug -Doptimization=1 \
  -Db_sanitize=address,undefined -Db_lundef=false --; then
  run_tests build-asan --timeout-multiplier 4
fi
end build-asan

say "build-tsan: ThreadSanitizer"
begin
# A command that is told to stop at once leaves its threads to the kernel.
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:report_thread_leaks=0
# Its memory map does not suit every kernel's randomised addresses.
if setarch "$(uname -m)" -R true 2>/dev/null; then
  wrapper="setarch $(uname -m) -R"
fi
if build build-tsan --buildtype=debug -Doptimization=1 \
  -Db_sanitize=thread -Db_lundef=false; then
  run_tests build-tsan --suite threads --timeout-multiplier 8
fi
wrapper=
end build-tsan

say "build-clang: warnings"
begin
export CC=clang
if build build-clang --buildtype=debug -Doptimization=1 --; then
  echo "build-clang: no warnings"
  good=1
fi
end build-clang

say "summary"
cat "$work/summary"
echo
if [ $skipped -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ $failed = 0 ] && [ $passed -gt 0 ]
