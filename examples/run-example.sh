#!/bin/sh
# Runs an example over a store of its own and compares what it prints.
#
#   run-example.sh PROGRAM EXPECTED
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "sqlite:///$folder/example.db" >"$folder/printed"
diff -u "$2" "$folder/printed"
