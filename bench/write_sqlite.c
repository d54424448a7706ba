/*
 * write_sqlite.c - from submit to acknowledgement, into SQLite.
 *
 * The peer is a bare loop of prepared statements that puts the same rows into
 * the same schema, with the same pragmas and as many rows a transaction, its
 * digests computed beforehand.  Windrow cleans, hashes, looks up and decides
 * besides, and must keep up.  Then the same pages again, unchanged.
 */
#include "bench.h"
#include "bulk.h"
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_A_TRANSACTION = 500, DIGEST = 32 };

struct peer {
	const struct pages *pages;
	unsigned char (*content_hashes)[DIGEST];
	unsigned char (*meta_hashes)[DIGEST];
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *document, *vector, *text;
};

/* ------------------------------------------------------------ the peer -- */

static void sha256(struct wr_str s, unsigned char out[DIGEST])
{
	if (!EVP_Digest(s.ptr, s.len, out, NULL, EVP_sha256(), NULL))
		bench_die("no SHA-256");
}

static void peer_init(struct peer *p, const struct pages *pages)
{
	*p = (struct peer){ .pages = pages };
	p->content_hashes = bench_alloc(pages->n, DIGEST);
	p->meta_hashes = bench_alloc(pages->n, DIGEST);
	for (size_t i = 0; i < pages->n; i++) {
		sha256(pages->recs[i].content, p->content_hashes[i]);
		sha256(pages->recs[i].title, p->meta_hashes[i]);
	}
}

static void peer_release(struct peer *p)
{
	free(p->content_hashes);
	free(p->meta_hashes);
}

static void check(struct peer *p, int rc)
{
	if (rc != SQLITE_OK)
		bench_die("sqlite: %s", sqlite3_errmsg(p->db));
}

static void prepare(struct peer *p, sqlite3_stmt **out, const char *sql)
{
	check(p, sqlite3_prepare_v3(p->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				    out, NULL));
}

static void step(struct peer *p, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		bench_die("sqlite: %s", sqlite3_errmsg(p->db));
	check(p, sqlite3_reset(stmt));
}

static void bind_text(struct peer *p, sqlite3_stmt *stmt, int at,
		      struct wr_str s)
{
	check(p, sqlite3_bind_text64(stmt, at, s.ptr, s.len, SQLITE_STATIC,
				     SQLITE_UTF8));
}

static void peer_open(struct peer *p, const char *file,
		      enum wr_fulltext fulltext)
{
	/* Made by Windrow, so that the schema is its own; the pragmas are those
	   of backend/sqlite/db.c, the WAL as long as that lets it grow. */
	bulk_close(bulk_open(file, fulltext));
	check(p, sqlite3_open_v2(file, &p->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				 NULL));
	check(p, sqlite3_exec(p->db,
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA cache_size = -24576;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA foreign_keys = OFF;"
			      "PRAGMA secure_delete = FAST;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA wal_autocheckpoint = 2048",
			      NULL, NULL, NULL));
	prepare(p, &p->begin, "BEGIN IMMEDIATE");
	prepare(p, &p->commit, "COMMIT");
	prepare(p, &p->document,
		"INSERT INTO scraped_documents (url, content_hash, meta_hash, "
		"fetched_at, created_at, updated_at, hashed_at, pending, "
		"embedded, content_bytes, title, metadata, content) VALUES "
		"(?1, ?2, ?3, ?4, ?4, ?4, ?4, 0, 1, ?5, ?6, NULL, ?7)");
	prepare(p, &p->vector,
		"INSERT INTO document_vectors (id, embedding) VALUES (?1, ?2)");
	if (fulltext == WR_FULLTEXT_ON)
		prepare(p, &p->text,
			"INSERT INTO document_texts (rowid, title, content) "
			"VALUES (?1, ?2, ?3)");
}

static void peer_close(struct peer *p)
{
	sqlite3_finalize(p->begin);
	sqlite3_finalize(p->commit);
	sqlite3_finalize(p->document);
	sqlite3_finalize(p->vector);
	sqlite3_finalize(p->text);
	sqlite3_close(p->db);
	p->db = NULL;
	p->text = NULL;
}

static void put(struct peer *p, size_t i)
{
	const struct wr_record *rec = &p->pages->recs[i];
	sqlite3_stmt *stmt = p->document;
	sqlite3_int64 id;

	bind_text(p, stmt, 1, rec->url);
	check(p, sqlite3_bind_blob(stmt, 2, p->content_hashes[i], DIGEST,
				   SQLITE_STATIC));
	check(p, sqlite3_bind_blob(stmt, 3, p->meta_hashes[i], DIGEST,
				   SQLITE_STATIC));
	check(p, sqlite3_bind_int64(stmt, 4, 1700000000000000 + (int64_t)i));
	check(p, sqlite3_bind_int64(stmt, 5, (int64_t)rec->content.len));
	bind_text(p, stmt, 6, rec->title);
	bind_text(p, stmt, 7, rec->content);
	step(p, stmt);
	id = sqlite3_last_insert_rowid(p->db);

	check(p, sqlite3_bind_int64(p->vector, 1, id));
	check(p,
	      sqlite3_bind_blob(p->vector, 2, rec->embedding,
				PAGE_DIM * (int)sizeof(float), SQLITE_STATIC));
	step(p, p->vector);
	if (!p->text)
		return;
	check(p, sqlite3_bind_int64(p->text, 1, id));
	bind_text(p, p->text, 2, rec->title);
	bind_text(p, p->text, 3, rec->content);
	step(p, p->text);
}

static void say(const char *who, size_t n, double seconds, double cpu)
{
	bench_say("write_sqlite: %-15s %6.0f/s, %3.0f us of CPU a page", who,
		  (double)n / seconds, 1e6 * cpu / (double)n);
}

/* Pages a second. */
static double run_peer(struct peer *p, enum wr_fulltext fulltext)
{
	const char *file = bench_file("peer.db");
	double start, seconds, cpu;

	peer_open(p, file, fulltext);
	start = bench_now();
	cpu = bench_cpu();
	for (size_t i = 0; i < p->pages->n; i++) {
		if (i % ROWS_A_TRANSACTION == 0)
			step(p, p->begin);
		put(p, i);
		if ((i + 1) % ROWS_A_TRANSACTION == 0 || i + 1 == p->pages->n)
			step(p, p->commit);
	}
	seconds = bench_now() - start;
	say("peer", p->pages->n, seconds, bench_cpu() - cpu);
	peer_close(p);
	bench_remove(file);
	return (double)p->pages->n / seconds;
}

/* ------------------------------------------------------------- Windrow -- */

/* Pages a second, the first time and again. */
static void run_windrow(const struct pages *pages, enum wr_fulltext fulltext,
			double *fresh, double *again)
{
	const char *file = bench_file("windrow.db");
	wr_store *store = bulk_open(file, fulltext);
	struct bulk first = { .per_call = 50 }, second = { .per_call = 50 };

	bulk_submit(&first, store, pages);
	bulk_submit(&second, store, pages);
	say("windrow", pages->n, first.seconds, first.cpu);
	say("windrow, again", pages->n, second.seconds, second.cpu);
	bulk_close(store);
	bench_remove(file);
	if (first.counts[WR_INSERTED] != pages->n ||
	    second.counts[WR_UNCHANGED] != pages->n)
		bench_die("not all pages were new, then unchanged");
	*fresh = (double)pages->n / first.seconds;
	*again = (double)pages->n / second.seconds;
}

static void compare(struct peer *p, enum wr_fulltext fulltext)
{
	size_t n = bench_repeats();
	const char *kind =
		fulltext == WR_FULLTEXT_ON ? "with full text" : "no full text";
	double *values = bench_alloc(5 * n, sizeof(double));
	double *peer = values, *fresh = values + n, *again = values + 2 * n;
	double *ratio = values + 3 * n, *gain = values + 4 * n;
	char figure[64];

	bench_say("write_sqlite, %s:", kind);
	for (size_t i = 0; i < n; i++) {
		/* Each goes first every other time. */
		if (i % 2)
			run_windrow(p->pages, fulltext, &fresh[i], &again[i]);
		peer[i] = run_peer(p, fulltext);
		if (i % 2 == 0)
			run_windrow(p->pages, fulltext, &fresh[i], &again[i]);
		ratio[i] = fresh[i] / peer[i];
		gain[i] = again[i] / fresh[i];
	}
	snprintf(figure, sizeof(figure), "write, %s (peer: bare loop)", kind);
	bench_row_at_least(figure, "/s", bench_median(peer, n),
			   bench_median(fresh, n), bench_median(ratio, n),
			   0.85);
	snprintf(figure, sizeof(figure), "again, %s (peer: first time)", kind);
	bench_row_at_least(figure, "/s", bench_median(fresh, n),
			   bench_median(again, n), bench_median(gain, n),
			   fulltext == WR_FULLTEXT_ON ? 20 : 3);
	free(values);
}

int main(void)
{
	struct pages pages;
	struct peer peer;

	pages_init(&pages, bench_scaled(100000), 4096, 2);
	peer_init(&peer, &pages);
	compare(&peer, WR_FULLTEXT_OFF);
	compare(&peer, WR_FULLTEXT_ON);
	peer_release(&peer);
	pages_release(&pages);
	return 0;
}
