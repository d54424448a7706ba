#!/bin/sh
# Install what Windrow needs, from Debian's own packages.
#
#   scripts/setup.sh [build|demo|demo-postgresql|test|bench]
#
# Silent, quick and without network where everything is there already.
set -eu

build="build-essential meson ninja-build pkg-config python3 libuv1-dev
libsqlite3-dev libcurl4-openssl-dev libssl-dev libjansson-dev libxml2-dev
libutf8proc-dev zlib1g-dev libzstd-dev libcmocka-dev libpq-dev"
demo="$build postgresql-doc-15"
servers="postgresql-15 pgbouncer openssl python3-pip"
test="$demo $servers clang libclang-rt-14-dev clang-format mandoc
python3-pytest python3-venv zstd gzip"

case "${1-build}" in
build) wanted=$build ;;
bench) wanted="$build $servers python3-venv" ;;
demo) wanted=$demo ;;
demo-postgresql) wanted="$demo $servers" ;;
test) wanted=$test ;;
*)
  echo "usage: scripts/setup.sh [build|demo|demo-postgresql|test|bench]" >&2
  exit 2
  ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is not Debian; install the likes of these yourself:" \
    $wanted >&2
  exit 0
fi

# Which of the packages that are named are not installed?
missing() {
  there=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" \
    2>/dev/null | sed -n 's/^installed //p')
  for package; do
    case "
$there
" in
    *"
$package
"*) ;;
    *) printf '%s ' "$package" ;;
    esac
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "setup: run as root (or install sudo): $*" >&2
    exit 1
  fi
}

install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1 ||
    {
      cat "$log" >&2
      echo "setup: apt-get could not install $*" >&2
      exit 1
    }
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Debian makes a cluster and starts it when PostgreSQL is installed; what is
# wanted here is its programs.  A machine that has it already stays as it is.
no_cluster() {
  file=/etc/postgresql-common/createcluster.conf
  ! grep -qs '^ *create_main_cluster' $file || return 0
  as_root mkdir -p "${file%/*}"
  echo 'create_main_cluster = false' | as_root tee -a $file >/dev/null
}

# Nor is PgBouncer wanted as a service.
no_service() {
  as_root service pgbouncer stop || true
  as_root systemctl disable pgbouncer || true
}

packages=$(missing $wanted)
if [ -n "$packages" ]; then
  echo "setup: installing $packages"
  case "$packages" in
  *postgresql-15*) no_cluster ;;
  esac
  as_root apt-get update -qq </dev/null >"$log" 2>&1 || cat "$log" >&2
  install $packages
  case "$packages" in
  *pgbouncer*) no_service >/dev/null 2>&1 ;;
  esac
fi

# Slim images leave documentation out of packages; here it is the material.
pages=/usr/share/doc/postgresql-doc-15
case "$wanted" in
*postgresql-doc-15*)
  if [ ! -d "$pages/html" ]; then
    echo "setup: installing the pages of postgresql-doc-15"
    [ -n "$packages" ] || as_root apt-get update -qq </dev/null >"$log" 2>&1 ||
      cat "$log" >&2
    install --reinstall -o "Dpkg::Options::=--path-include=$pages/*" \
      postgresql-doc-15
  fi
  ;;
esac

# PostgreSQL with pgvector, which Debian 12 does not have, comes from PyPI.
case "$wanted" in
*postgresql-15\ *) "${0%/*}/servers" install ;;
esac

# The peers in Python, in an environment of their own that is kept.
if [ "${1-build}" = bench ]; then
  venv=${XDG_CACHE_HOME:-$HOME/.cache}/windrow/bench-venv
  if [ ! -f "$venv/complete" ]; then
    echo "setup: installing the benchmarks' peers into $venv"
    python3 -m venv --clear "$venv" >"$log" 2>&1 &&
      "$venv/bin/pip" install -q --disable-pip-version-check \
        'SQLAlchemy[asyncio]' asyncpg langchain-postgres >"$log" 2>&1 ||
      {
        cat "$log" >&2
        echo "setup: pip could not install the benchmarks' peers" >&2
        exit 1
      }
    : >"$venv/complete"
  fi
fi

# What the program needs whose table is adopted: the tests do what it did.
if [ "${1-build}" = test ]; then
  here=$(cd "${0%/*}" && pwd)
  # shellcheck disable=SC2046
  "$here/venv" $(cat "$here/../tests/postgres/requirements.txt") >"$log" 2>&1 ||
    cat "$log" >&2
fi
