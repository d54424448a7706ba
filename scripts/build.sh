#!/bin/sh
# Configure a build folder, the first time, and build in it.
#
#   scripts/build.sh FOLDER [MESON-OPTION...] [-- TARGET...]
#
# Without "--" it only configures.  Says much only where something is wrong.
set -eu

# Debian's own meson, whatever python3 comes first in PATH.
meson=${MESON-/usr/bin/meson}
[ -x "$meson" ] || meson=meson

folder=$1
shift
options=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  options="$options $1"
  shift
done

if [ ! -f "$folder/build.ninja" ]; then
  echo "building in $folder: the first time takes a minute"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # A folder whose configuration was interrupted is no use to meson.
  [ ! -d "$folder/meson-private" ] || rm -rf "$folder"
  # shellcheck disable=SC2086
  "$meson" setup "$folder" $options >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
  }
fi

[ $# -gt 0 ] || exit 0
shift
exec ninja --quiet -k 20 -C "$folder" "$@"
