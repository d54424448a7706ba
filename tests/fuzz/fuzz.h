/*
 * fuzz.h - what the fuzzers share.
 *
 * Each fuzz_*.c is one libFuzzer target (scripts/fuzz.sh builds and runs them),
 * and a test: replay.c feeds it the corpus and mutations of it.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what is broken, and aborts. */
void must(bool holds, const char *what);

/* libFuzzer's empty input is NULL. */
static inline struct wr_str fuzz_str(const uint8_t *data, size_t size)
{
	return (struct wr_str){ size ? (const char *)data : "", size };
}

#endif
