/*
 * bench.h - what the benchmarks share: settings, time, and lines of the table.
 *
 * A benchmark prints lines of the table to stdout, and what it is doing to
 * stderr.  It runs its peer and Windrow in turn, on the same input, and gives
 * the median of the repeats; where there is a ratio it is the median of the
 * ratios of neighbouring runs, since a machine's speed drifts.
 *
 *   BENCH_SCALE    part of the full input; 1
 *   BENCH_REPEATS  5
 *   BENCH_FOLDER   where stores are made; the current folder
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <windrow.h>

/* n of the full input; at least 1. */
size_t bench_scaled(size_t n);
size_t bench_repeats(void);

double bench_now(void); /* seconds */
double bench_cpu(void); /* of all threads so far; seconds */

double bench_median(const double *values, size_t n);
/* The value below which part (0 to 1) of them lie. */
double bench_quantile(const double *values, size_t n, double part);

/* For what must not fail: says what, and exits. */
void bench_die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
/* Dies with the error's message where status is not 0. */
void bench_check(int status, const struct wr_error *err, const char *what);
void bench_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *bench_alloc(size_t n, size_t size); /* zeroed; dies */

/* A fresh file name below BENCH_FOLDER; what was there is removed. */
const char *bench_file(const char *name);
void bench_remove(const char *file);

/* Windrow against a peer, both in units per second or both in seconds. */
void bench_row_at_least(const char *figure, const char *unit, double peer,
			double windrow, double ratio, double target);
void bench_row_at_most(const char *figure, const char *unit, double peer,
		       double windrow, double ratio, double target);
/* Windrow against a limit. */
void bench_row_limit(const char *figure, const char *unit, double windrow,
		     double limit);

#endif
