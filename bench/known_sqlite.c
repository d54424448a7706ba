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

/* n URLs, of which those with odd numbers are stored. */
static void question_init(struct question *q, wr_store *store, size_t n)
{
	struct bulk b = { .per_call = 50 };
	struct page_maker *m = page_maker_new(5);
	struct wr_str *items = bench_alloc(n, sizeof(*items));
	char(*urls)[PAGE_URL] = bench_alloc(n, PAGE_URL);
	struct pages pages;

	pages_init(&pages, n, 64, 5);
	for (size_t i = 0; i < n; i++) {
		pages.recs[i].embedding = NULL;
		pages.recs[i].embedding_dim = 0;
		items[i].ptr = urls[i];
		items[i].len = page_url(m, i % 2 ? i : n + i, urls[i]);
	}
	bulk_submit(&b, store, &pages);
	pages_release(&pages);
	page_maker_free(m);
	q->urls = (struct strings){ items, n };
	q->stored = bench_alloc(n, 1);
}

static void verify(const struct question *q, const char *who)
{
	for (size_t i = 0; i < q->urls.n; i++)
		if (q->stored[i] != i % 2)
			bench_die("%s is wrong about URL %zu", who, i);
}

static double time_peer(size_t which, sqlite3 *db, struct question *q)
{
	double start = bench_now();

	peers[which].ask(db, q);
	start = bench_now() - start;
	verify(q, peers[which].name);
	return start;
}

static double time_windrow(wr_store *store, struct question *q)
{
	double start = bench_now();

	ask_windrow(store, q);
	start = bench_now() - start;
	verify(q, "windrow");
	return start;
}

static void compare(wr_store *store, sqlite3 *db, struct question *q)
{
	size_t n = bench_repeats(), best = 0;
	double *values = bench_alloc((PEERS + 2) * n, sizeof(double));
	double *own = values + PEERS * n, *ratios = own + n, medians[PEERS];

	/* The first round warms the caches. */
	for (size_t i = 0; i <= n; i++) {
		size_t at = i ? i - 1 : 0;

		for (size_t p = 0; p < PEERS; p++)
			values[p * n + at] = time_peer(p, db, q);
		own[at] = time_windrow(store, q);
	}
	for (size_t p = 0; p < PEERS; p++) {
		medians[p] = bench_median(values + p * n, n);
		bench_say("known_sqlite: %s: %.3f s", peers[p].name,
			  medians[p]);
		if (medians[p] < medians[best])
			best = p;
	}
	for (size_t i = 0; i < n; i++)
		ratios[i] = own[i] / values[best * n + i];
	bench_row_at_most("known (peer: best SQL statement)", "s",
			  medians[best], bench_median(own, n),
			  bench_median(ratios, n), 1.5);
	free(values);
}

int main(void)
{
	const char *file = bench_file("known.db");
	wr_store *store = bulk_open(file, WR_FULLTEXT_OFF);
	struct question q;
	sqlite3 *db = NULL;

	question_init(&q, store, bench_scaled(1000000));
	check(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), db,
	      file);
	check(sqlite3_exec(db, "PRAGMA cache_size = -24576", NULL, NULL, NULL),
	      db, file);
	check(strings_register(db, &q.urls), db, "strings");
	compare(store, db, &q);
	sqlite3_close(db);
	bulk_close(store);
	bench_remove(file);
	return 0;
}
