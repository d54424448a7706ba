/*
 * write_postgres.c - from submit to acknowledgement, into PostgreSQL.
 *
 * The peers put the same rows into the same table, which Windrow has made: one
 * "psql \copy" of a binary file, which looks nothing up, and the best of four
 * upserts written by hand.  Then the same pages again, unchanged; then the same
 * addresses with new texts and vectors.
 */
#include "bench.h"
#include "bulk.h"
#include "server.h"
#include "upsert.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "bench_write"
#define TABLE SCHEMA ".scraped_documents"

static const struct {
	const char *name;
	enum upsert_way way;
	size_t batch;
} ways[] = {
	{ "unnest of 500", UPSERT_UNNEST, 500 },
	{ "unnest of 2,000", UPSERT_UNNEST, 2000 },
	{ "staging table, 500", UPSERT_STAGING, 500 },
	{ "staging table, 2,000", UPSERT_STAGING, 2000 },
};
enum { WAYS = sizeof(ways) / sizeof(*ways) };

/* What is measured, for every repeat. */
enum series {
	COPY,
	FRESH, /* Windrow's */
	AGAIN,
	CHANGED,
	HAND_FRESH, /* of each way */
	HAND_CHANGED = HAND_FRESH + WAYS,
	SERIES = HAND_CHANGED + WAYS
};

struct bench {
	PGconn *conn;
	struct pages pages, changed;
	struct upsert hand, hand_changed;
	const char *file;
	size_t repeats;
	double *rates[SERIES]; /* pages a second */
	double *cpus[SERIES];  /* of the client; microseconds a page */
};

static void record(struct bench *b, int series, size_t at, double seconds,
		   double cpu)
{
	double n = (double)b->pages.n;

	b->rates[series][at] = n / seconds;
	b->cpus[series][at] = 1e6 * cpu / n;
}

/* Without what was there, and with no check-point soon. */
static void empty_table(struct bench *b)
{
	server_do(b->conn, "TRUNCATE " TABLE);
	server_do(b->conn, "CHECKPOINT");
}

static void verify(struct bench *b, const char *who)
{
	double n = server_number(b->conn, "SELECT count(*) FROM " TABLE
					  " WHERE embedding IS NOT NULL AND "
					  "length(content) = 4096");

	if (n != (double)b->pages.n)
		bench_die("%s stored %.0f of %zu", who, n, b->pages.n);
}

/* ----------------------------------------------------------- the peers -- */

static void run_copy(struct bench *b, size_t at)
{
	char command[1024], out[256], url[512], program[512];
	char exact[] = "-Xqd", timing[] = "\\timing on", c[] = "-c";
	char *argv[] = { program, exact, url, c, timing, c, command, NULL };
	const char *time;
	double cpu;

	snprintf(program, sizeof(program), "%s", server_program("psql"));
	snprintf(url, sizeof(url), "%s", server_url());
	snprintf(command, sizeof(command),
		 "\\copy " TABLE " %s FROM '%s' WITH (FORMAT binary)",
		 upsert_copy_columns, b->file);
	empty_table(b);
	cpu = server_run(argv, out, sizeof(out));
	time = strstr(out, "Time: ");
	if (!time)
		bench_die("psql says no time: %s", out);
	record(b, COPY, at, strtod(time + 6, NULL) / 1e3, cpu);
	verify(b, "psql");
}

static void time_upsert(struct bench *b, struct upsert *u, size_t way,
			int series, size_t at)
{
	double start = bench_now(), cpu = bench_cpu();

	upsert_run(u, ways[way].way, ways[way].batch);
	record(b, series, at, bench_now() - start, bench_cpu() - cpu);
	verify(b, ways[way].name);
}

static void run_upsert(struct bench *b, size_t way, size_t at)
{
	empty_table(b);
	time_upsert(b, &b->hand, way, HAND_FRESH + (int)way, at);
	time_upsert(b, &b->hand_changed, way, HAND_CHANGED + (int)way, at);
}

/* ------------------------------------------------------------- Windrow -- */

static void time_windrow(struct bench *b, wr_store *store,
			 const struct pages *pages, int series, size_t at,
			 enum wr_outcome outcome)
{
	struct bulk bulk = { .per_call = 50 };

	bulk_submit(&bulk, store, pages);
	if (bulk.counts[outcome] != pages->n)
		bench_die("not all of %zu pages have outcome %d", pages->n,
			  (int)outcome);
	record(b, series, at, bulk.seconds, bulk.cpu);
}

/* How much WAL pages cost that did not change, and how many rows. */
static void run_again(struct bench *b, size_t at)
{
	double wal, rows;
	wr_store *store;

	server_wait_alone(b->conn);
	rows = server_rows_updated(b->conn, TABLE);
	wal = server_wal(b->conn);
	store = server_open(SCHEMA, WR_FULLTEXT_OFF);
	time_windrow(b, store, &b->pages, AGAIN, at, WR_UNCHANGED);
	wal = server_wal(b->conn) - wal;
	bulk_close(store);
	server_wait_alone(b->conn);
	rows = server_rows_updated(b->conn, TABLE) - rows;
	bench_say("write_postgres: %zu unchanged pages: %.0f bytes of WAL, "
		  "%.0f rows updated",
		  b->pages.n, wal, rows);
	if (rows > 0)
		bench_die("unchanged rows were updated");
}

static void run_windrow(struct bench *b, size_t at)
{
	wr_store *store;

	empty_table(b);
	store = server_open(SCHEMA, WR_FULLTEXT_OFF);
	time_windrow(b, store, &b->pages, FRESH, at, WR_INSERTED);
	bulk_close(store);
	verify(b, "windrow");
	run_again(b, at);
	store = server_open(SCHEMA, WR_FULLTEXT_OFF);
	time_windrow(b, store, &b->changed, CHANGED, at, WR_UPDATED);
	bulk_close(store);
	verify(b, "windrow");
}

/* -------------------------------------------------------------- report -- */

static double ratio(struct bench *b, int over, int under)
{
	double *ratios = bench_alloc(b->repeats, sizeof(double)), value;

	for (size_t i = 0; i < b->repeats; i++)
		ratios[i] = b->rates[over][i] / b->rates[under][i];
	value = bench_median(ratios, b->repeats);
	free(ratios);
	return value;
}

static void report(struct bench *b, const char *figure, int windrow, int peer,
		   double target)
{
	bench_row_at_least(figure, "/s",
			   bench_median(b->rates[peer], b->repeats),
			   bench_median(b->rates[windrow], b->repeats),
			   ratio(b, windrow, peer), target);
}

static int best_of(struct bench *b, int first)
{
	int best = first;

	for (int s = first; s < first + WAYS; s++)
		if (bench_median(b->rates[s], b->repeats) >
		    bench_median(b->rates[best], b->repeats))
			best = s;
	return best;
}

static void say_all(struct bench *b)
{
	for (int s = 0; s < SERIES; s++) {
		static const char *const names[] = { "psql \\copy",
						     "windrow, fresh",
						     "windrow, again",
						     "windrow, changed" };
		bool by_hand = s >= HAND_FRESH;
		int way = (s - HAND_FRESH) % WAYS;

		bench_say("write_postgres: %s%s: %.0f pages/s, client CPU "
			  "%.1f us a page",
			  by_hand ? ways[way].name : names[s],
			  !by_hand	     ? ""
			  : s < HAND_CHANGED ? ", fresh"
					     : ", changed",
			  bench_median(b->rates[s], b->repeats),
			  bench_median(b->cpus[s], b->repeats));
	}
}

/* ---------------------------------------------------------------- main -- */

static void init(struct bench *b)
{
	size_t n = bench_scaled(20000);

	*b = (struct bench){ .repeats = bench_repeats() };
	for (int s = 0; s < SERIES; s++) {
		b->rates[s] = bench_alloc(b->repeats, sizeof(double));
		b->cpus[s] = bench_alloc(b->repeats, sizeof(double));
	}
	pages_init(&b->pages, n, 4096, 7);
	pages_init(&b->changed, n, 4096, 8);
	for (size_t i = 0; i < n; i++)
		b->changed.recs[i].url = b->pages.recs[i].url;
	b->conn = server_connect();
	server_make_schema(b->conn, SCHEMA);
	bulk_close(server_open(SCHEMA, WR_FULLTEXT_OFF));
	upsert_init(&b->hand, b->conn, TABLE, &b->pages);
	upsert_init(&b->hand_changed, b->conn, TABLE, &b->changed);
	b->file = bench_file("pages.copy");
	upsert_dump(&b->hand, b->file);
}

static void release(struct bench *b)
{
	bench_remove(b->file);
	upsert_release(&b->hand);
	upsert_release(&b->hand_changed);
	server_drop_schema(b->conn, SCHEMA);
	PQfinish(b->conn);
	pages_release(&b->pages);
	pages_release(&b->changed);
	for (int s = 0; s < SERIES; s++) {
		free(b->rates[s]);
		free(b->cpus[s]);
	}
}

int main(void)
{
	struct bench b;

	init(&b);
	for (size_t i = 0; i < b.repeats; i++) {
		run_copy(&b, i);
		run_windrow(&b, i);
		for (size_t way = 0; way < WAYS; way++)
			run_upsert(&b, way, i);
	}
	say_all(&b);
	report(&b, "PostgreSQL, fresh (peer: psql \\copy)", FRESH, COPY, 0.75);
	report(&b, "PostgreSQL, fresh (peer: best upsert by hand)", FRESH,
	       best_of(&b, HAND_FRESH), 1);
	report(&b, "PostgreSQL, unchanged (peer: fresh)", AGAIN, FRESH, 3);
	report(&b, "PostgreSQL, changed (peer: best upsert by hand)", CHANGED,
	       best_of(&b, HAND_CHANGED), 1);
	release(&b);
	return 0;
}
