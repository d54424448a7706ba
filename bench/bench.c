#include "bench.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double setting(const char *name, double otherwise)
{
	const char *text = getenv(name);
	char *end;
	double value;

	if (!text || !*text)
		return otherwise;
	value = strtod(text, &end);
	if (*end || !(value > 0))
		bench_die("%s=%s is no positive number", name, text);
	return value;
}

size_t bench_scaled(size_t n)
{
	double scaled = (double)n * setting("BENCH_SCALE", 1);

	return scaled < 1 ? 1 : (size_t)scaled;
}

size_t bench_repeats(void)
{
	return (size_t)setting("BENCH_REPEATS", 5);
}

static double read_clock(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

double bench_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(const double *values, size_t n, double part)
{
	double *sorted = bench_alloc(n, sizeof(*sorted)), value;
	size_t at = (size_t)((double)n * part);

	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	value = sorted[at < n ? at : n - 1];
	free(sorted);
	return value;
}

double bench_median(const double *values, size_t n)
{
	return bench_quantile(values, n, 0.5);
}

void bench_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

void bench_check(int status, const struct wr_error *err, const char *what)
{
	if (status)
		bench_die("%s: %s: %s", what, wr_status_name(status),
			  err ? err->message : "");
}

void bench_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

void *bench_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		bench_die("out of memory");
	return p;
}

void bench_remove(const char *file)
{
	static const char *const beside[] = { "", "-wal", "-shm", "-lock",
					      ".lock" };
	char path[1024];

	for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++) {
		snprintf(path, sizeof(path), "%s%s", file, beside[i]);
		if (unlink(path) && errno != ENOENT)
			bench_die("cannot remove %s: %s", path,
				  strerror(errno));
	}
}

const char *bench_file(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];
	const char *folder = getenv("BENCH_FOLDER");

	snprintf(path, sizeof(paths[0]), "%s/%s",
		 folder && *folder ? folder : ".", name);
	bench_remove(path);
	return path;
}

/* As many digits as are worth reading. */
static void number(char *out, size_t size, double value, const char *unit)
{
	int decimals = value >= 100 ? 0 : value >= 1 ? 2 : 4;

	snprintf(out, size, "%.*f %s", decimals, value, unit);
}

static void row(const char *figure, const char *peer, const char *windrow,
		const char *ratio, const char *target, bool holds)
{
	printf("%-48s | %15s | %15s | %6s | %12s | %s\n", figure, peer, windrow,
	       ratio, target, holds ? "yes" : "NO");
	fflush(stdout);
}

static void row_ratio(const char *figure, const char *unit, double peer,
		      double windrow, double ratio, const char *sign,
		      double target, bool holds)
{
	char a[32], b[32], c[32], d[32];

	number(a, sizeof(a), peer, unit);
	number(b, sizeof(b), windrow, unit);
	snprintf(c, sizeof(c), "%.2f", ratio);
	snprintf(d, sizeof(d), "%s %.2f", sign, target);
	row(figure, a, b, c, d, holds);
}

void bench_row_at_least(const char *figure, const char *unit, double peer,
			double windrow, double ratio, double target)
{
	row_ratio(figure, unit, peer, windrow, ratio, ">=", target,
		  ratio >= target);
}

void bench_row_at_most(const char *figure, const char *unit, double peer,
		       double windrow, double ratio, double target)
{
	row_ratio(figure, unit, peer, windrow, ratio, "<=", target,
		  ratio <= target);
}

void bench_row_limit(const char *figure, const char *unit, double windrow,
		     double limit)
{
	char a[32], b[32], d[40];

	number(a, sizeof(a), windrow, unit);
	number(b, sizeof(b), limit, unit);
	snprintf(d, sizeof(d), "<= %s", b);
	row(figure, "", a, "", d, windrow <= limit);
}
