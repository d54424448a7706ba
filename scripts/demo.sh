#!/bin/sh
# The main job on real input: PostgreSQL's manual goes in, and is found again.
#
#   scripts/demo.sh [sqlite|postgresql]     after make (build/windrow)
#
# Over SQLite after setup.sh demo; leaves the store in windrow-demo/.  Over
# PostgreSQL 18 with pgvector after setup.sh demo-postgresql: that server is
# started for the demo, and stopped and removed behind it.  Fails if anything is
# not as it should be.
set -eu
cd "$(dirname "$0")/.."
db=${1-sqlite}

windrow=build/windrow
pages=/usr/share/doc/postgresql-doc-15/html
base=https://www.postgresql.org/docs/15/
folder=windrow-demo

case $db in
sqlite) WINDROW_DB=sqlite:///$folder/demo.db ;;
postgresql)
  # Again, with a server.
  [ -n "${WINDROW_DEMO_AGAIN-}" ] ||
    WINDROW_DEMO_AGAIN=1 exec scripts/servers run --only 18 scripts/demo.sh postgresql
  WINDROW_DB=$WINDROW_TEST_PG18
  ;;
*)
  echo "usage: scripts/demo.sh [sqlite|postgresql]" >&2
  exit 2
  ;;
esac
export WINDROW_DB

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
  bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
  bold='' dim='' plain=''
fi

say() {
  printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Show a command as the user would type it.
show() {
  printf '%s$ windrow %s%s\n' "$dim" "$*" "$plain"
}

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# The number that a report has under a name.
member() { # NAME REPORT
  printf '%s\n' "$2" | sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p"
}

# Search, show the best three pages, and insist on the right one among them.
find_page() { # PAGE WORD...
  right=$base$1
  shift
  show "search -k 3 '$*'"
  $windrow search -k 3 "$*"
  found=$($windrow search --json -k 3 "$*" |
    sed -n 's/.*"rank":\([0-9]*\),.*"url":"\([^"]*\)".*/\1 \2/p')
  rank=$(printf '%s\n' "$found" | awk -v url="$right" '$2 == url { print $1 }')
  [ -n "$rank" ] || fail "$right is not among the best three for '$*'"
  printf '%s=> the right page, %s, is number %s%s\n\n' \
    "$bold" "$right" "$rank" "$plain"
}

[ -x "$windrow" ] || fail "there is no $windrow: run make"
[ -d "$pages" ] || fail "there is no $pages: run scripts/setup.sh demo"
count=$(find "$pages" -name '*.html' -o -name '*.htm' | wc -l)

say "Windrow stores scraped pages and finds them again.  Here are $count pages:
the manual of PostgreSQL 15, as Debian installs it in
$pages."

if [ "$db" = postgresql ]; then
  say "They go into a PostgreSQL 18 with pgvector, which was started for this."
  show init
  $windrow init || fail "no store can be made"
elif [ -e "$folder/demo.db" ]; then
  say "A store of an earlier demo is here: it is deleted, to start afresh."
  rm -f "$folder"/demo.db*
fi
[ "$db" != sqlite ] || mkdir -p "$folder"

say "1. Take them in, under the addresses they have on the web."
show "ingest --base-url $base $pages"
report=$($windrow ingest --json --base-url "$base" "$pages") ||
  fail "some pages could not be taken in"
printf '%s\n' "$report"
[ "$(member inserted "$report")" = "$count" ] ||
  fail "not all of the $count pages are new"
[ "$(member embedded "$report")" -gt 0 ] || fail "nothing was embedded"

if [ "$db" = postgresql ]; then
  say "   All is in: now the indexes, which would have slowed that down."
  show index
  report=$($windrow index --json) || fail "the indexes could not be built"
  printf '%s\n' "$report"
  [ "$(member built "$report")" = 2 ] || fail "not both indexes were built"
fi

say "2. Search by the name of a function."
find_page functions-math.html width_bucket

say "3. Search in a user's words."
find_page bug-reporting.html how do I report a bug
find_page citext.html case insensitive text column

say "4. Take the same pages in again: nothing has changed, so nothing is
embedded or written."
show "ingest --base-url $base $pages"
report=$($windrow ingest --json --base-url "$base" "$pages") ||
  fail "some pages could not be taken in"
printf '%s\n' "$report"
[ "$(member unchanged "$report")" = "$count" ] ||
  fail "not all of the $count pages are unchanged"
[ "$(member embedded "$report")" = 0 ] || fail "something was embedded again"

say "5. What is in the store?"
show stats
$windrow stats

if [ "$db" = postgresql ]; then
  say "6. Is all well?"
  show doctor
  $windrow doctor || fail "it is not"
  say "The server is stopped and removed now.  With one of your own:"
  cat <<END
  export WINDROW_DB=postgresql://user@host/database
  build/windrow init
END
  exit 0
fi

say "The store is yours to play with: $folder/demo.db.  For example:"
cat <<END
  export WINDROW_DB=$WINDROW_DB
  build/windrow search encrypt the connection between client and server
  build/windrow search -k 3 '"foreign key" -trigger'
  build/windrow get ${base}citext.html
  build/windrow export --vectors pages.jsonl.zst
  build/windrow doctor
  build/windrow --help
END
