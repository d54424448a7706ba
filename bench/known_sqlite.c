/*
 * known_sqlite.c - which of a million URLs are stored?
 *
 * Half of the candidates are, in no order.  The peer is the quickest of a few
 * single SQL statements that answer the same on the same file.
 */
#include "bench.h"
#include "bulk.h"
#include "strings_vtab.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct question {
	struct strings urls;
	uint8_t *stored; /* an answer for each */
};

/* ----------------------------------------------------------- the peers -- */

static void check(int rc, sqlite3 *db, const char *what)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		bench_die("%s: %s", what, sqlite3_errmsg(db));
}

/* Runs a statement whose rows are numbers of URLs that are stored. */
static void mark_rows(sqlite3 *db, sqlite3_stmt *stmt, struct question *q)
{
	int rc;

	memset(q->stored, 0, q->urls.n);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		q->stored[sqlite3_column_int64(stmt, 0)] = 1;
	check(rc, db, "known");
	sqlite3_finalize(stmt);
}

static void ask_strings(sqlite3 *db, struct question *q)
{
	sqlite3_stmt *stmt = NULL;

	check(sqlite3_prepare_v2(db,
				 "SELECT s.rowid FROM strings AS s "
				 "CROSS JOIN scraped_documents AS d "
				 "ON d.url = s.value",
				 -1, &stmt, NULL),
	      db, "strings");
	mark_rows(db, stmt, q);
}

/* The same, in the order of the index: its pages are read once. */
static void ask_sorted(sqlite3 *db, struct question *q)
{
	sqlite3_stmt *stmt = NULL;

	check(sqlite3_prepare_v2(db,
				 "SELECT s.n FROM (SELECT rowid AS n, value "
				 "FROM strings ORDER BY value) AS s "
				 "CROSS JOIN scraped_documents AS d "
				 "ON d.url = s.value",
				 -1, &stmt, NULL),
	      db, "sorted strings");
	mark_rows(db, stmt, q);
}

static void ask_json(sqlite3 *db, struct question *q)
{
	size_t size = 3, at = 0;
	sqlite3_stmt *stmt = NULL;
	char *json;

	for (size_t i = 0; i < q->urls.n; i++)
		size += q->urls.items[i].len + 3;
	json = bench_alloc(size, 1);
	json[at++] = '[';
	for (size_t i = 0; i < q->urls.n; i++) {
		const struct wr_str *url = &q->urls.items[i];

		if (i)
			json[at++] = ',';
		json[at++] = '"';
		memcpy(json + at, url->ptr, url->len);
		at += url->len;
		json[at++] = '"';
	}
	json[at++] = ']';
	check(sqlite3_prepare_v2(db,
				 "SELECT j.key FROM json_each(?1) AS j "
				 "CROSS JOIN scraped_documents AS d "
				 "ON d.url = j.value",
				 -1, &stmt, NULL),
	      db, "json_each");
	check(sqlite3_bind_text64(stmt, 1, json, at, SQLITE_STATIC,
				  SQLITE_UTF8),
	      db, "json_each");
	mark_rows(db, stmt, q);
	free(json);
}

static const struct {
	const char *name;
	void (*ask)(sqlite3 *db, struct question *q);
} peers[] = {
	{ "join with an array", ask_strings },
	{ "join with a sorted array", ask_sorted },
	{ "join with json_each", ask_json },
};
enum { PEERS = sizeof(peers) / sizeof(*peers) };

/* ------------------------------------------------------------- Windrow -- */

static void ask_windrow(wr_store *store, struct question *q)
{
	struct wr_known_url known = WR_KNOWN_URL_INIT;
	struct wr_error err = { 0 };
	wr_reply *reply = NULL;

	bench_check(wr_known_wait(store, q->urls.items, q->urls.n, 0, 0, -1,
				  &reply, &err),
		    &err, "known");
	for (size_t i = 0; i < q->urls.n; i++)
		q->stored[i] =
			!wr_reply_known(reply, i, &known) && known.stored;
	wr_reply_free(reply);
}

/* ----------------------------------------------------------------- main -- */

/* Stores the pages with even numbers; asks for n in no order. */
static void prepare(wr_store *store, struct pages *pages, struct question *q)
{
	struct bulk b = { .per_call = 50 };

	bulk_submit(&b, store, pages);
	q->urls.n = pages->n;
	q->stored = bench_alloc(pages->n, 1);
}

static void count(const struct question *q, const char *who)
{
	size_t n = 0;

	for (size_t i = 0; i < q->urls.n; i++) {
		if (q->stored[i] != i % 2)
			bench_die("%s is wrong about URL %zu", who, i);
		n += q->stored[i];
	}
	bench_say("known_sqlite: %s finds %zu of %zu", who, n, q->urls.n);
}

int main(void)
{
	size_t n = bench_scaled(1000000), repeats = bench_repeats();
	const char *file = bench_file("known.db");
	wr_store *store = bulk_open(file, WR_FULLTEXT_OFF);
	double *times[PEERS], *own = bench_alloc(repeats, sizeof(double));
	double *ratios = bench_alloc(repeats, sizeof(double));
	struct page_maker *m;
	struct question q = { 0 };
	struct wr_str *items;
	struct pages pages;
	char(*urls)[PAGE_URL];
	sqlite3 *db = NULL;
	size_t best = 0;

	pages_init(&pages, n, 64, 5);
	for (size_t i = 0; i < n; i++) {
		pages.recs[i].embedding = NULL;
		pages.recs[i].embedding_dim = 0;
	}
	prepare(store, &pages, &q);
	/* Odd candidates are stored, even ones are not. */
	m = page_maker_new(5);
	items = bench_alloc(n, sizeof(*items));
	urls = bench_alloc(n, PAGE_URL);
	for (size_t i = 0; i < n; i++)
		items[i] =
			(struct wr_str){ urls[i], page_url(m, i % 2 ? i : n + i,
							   urls[i]) };
	q.urls.items = items;

	check(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), db,
	      file);
	check(strings_register(db, &q.urls), db, "strings");
	check(sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1) > 0 ? SQLITE_OK
							     : SQLITE_ERROR,
	      db, "limit");
	for (size_t p = 0; p < PEERS; p++) {
		times[p] = bench_alloc(repeats, sizeof(double));
		peers[p].ask(db, &q); /* warm */
		count(&q, peers[p].name);
	}
	ask_windrow(store, &q);
	count(&q, "windrow");

	for (size_t r = 0; r < repeats; r++) {
		double start;

		for (size_t p = 0; p < PEERS; p++) {
			start = bench_now();
			peers[p].ask(db, &q);
			times[p][r] = bench_now() - start;
		}
		start = bench_now();
		ask_windrow(store, &q);
		own[r] = bench_now() - start;
	}
	for (size_t p = 0; p < PEERS; p++) {
		bench_say("known_sqlite: %s: %.3f s", peers[p].name,
			  bench_median(times[p], repeats));
		if (bench_median(times[p], repeats) <
		    bench_median(times[best], repeats))
			best = p;
	}
	for (size_t r = 0; r < repeats; r++)
		ratios[r] = own[r] / times[best][r];
	bench_row_at_most("known, of as many URLs as are stored", "s",
			  bench_median(times[best], repeats),
			  bench_median(own, repeats),
			  bench_median(ratios, repeats), 1.5);
	sqlite3_close(db);
	bulk_close(store);
	bench_remove(file);
	return 0;
}
