# A short way to the usual things; Meson does the work (see meson.build).

PREFIX = /usr/local
# Debian's own, whatever python3 comes first in PATH.
MESON  = $(firstword $(wildcard /usr/bin/meson) meson)
export MESON

# Of the build that is used and installed.
RELEASE = --buildtype=debugoptimized

.PHONY: all command demo test bench fuzz install clean help

all: command
	@ninja -C build

# Only what a user needs.
command:
	@scripts/build.sh build $(RELEASE) -- cli/windrow
	@ln -sf cli/windrow build/windrow

# Of the demo: sqlite, or postgresql, which it starts itself.
DB = sqlite

demo:
	@scripts/setup.sh demo$(filter-out -sqlite,-$(DB))
	@$(MAKE) --no-print-directory command
	@scripts/demo.sh $(DB)

test:
	@scripts/setup.sh test
	@scripts/test.sh $(RELEASE)

bench: export BENCH_SCALE ?= 1
bench:
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory all
	@scripts/bench.sh build

fuzz:
	@scripts/setup.sh test
	@scripts/fuzz.sh

install: all
	@$(MESON) configure build -Dprefix=$(PREFIX)
	$(MESON) install -C build
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true

clean:
	rm -rf build build-asan build-tsan build-clang build-fuzz

help:
	@echo "make          build the library and the command (build/windrow)"
	@echo "make demo     take in PostgreSQL's manual and search it"
	@echo "make demo DB=postgresql   the same, on a server that it starts"
	@echo "make test     every check and test, in four builds"
	@echo "make bench    measure beside a peer (BENCH_SCALE=0.1: a short run)"
	@echo "make fuzz     run the fuzzers (FUZZ_SECONDS=60: each)"
	@echo "make install  into PREFIX=/usr/local, below DESTDIR="
	@echo "make clean    remove the build folders"
