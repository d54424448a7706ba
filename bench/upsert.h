/*
 * upsert.h - what a good programmer writes by hand to store pages: the peer.
 *
 * One connection, one transaction a batch, digests computed beforehand.  Either
 * one statement over binary arrays, or binary COPY into a temporary table and
 * one statement from there.
 */
#ifndef BENCH_UPSERT_H
#define BENCH_UPSERT_H

#include "message.h"
#include "pages.h"
#include "server.h"

enum { UPSERT_DIGEST = 32, UPSERT_COLUMNS = 7 };

enum upsert_way { UPSERT_UNNEST, UPSERT_STAGING };

struct upsert {
	PGconn *conn;
	const char *table;
	const struct pages *pages;
	unsigned char (*content_hashes)[UPSERT_DIGEST];
	unsigned char (*meta_hashes)[UPSERT_DIGEST];
	Oid vector, vectors;
	struct message messages[UPSERT_COLUMNS];
};

/* table as Windrow makes it, without full text; pages are borrowed. */
void upsert_init(struct upsert *u, PGconn *conn, const char *table,
		 const struct pages *pages);
void upsert_release(struct upsert *u);

void upsert_run(struct upsert *u, enum upsert_way way, size_t batch);

/* The same rows as a file for COPY upsert_copy_columns FROM, in binary. */
extern const char upsert_copy_columns[];
void upsert_dump(struct upsert *u, const char *file);

#endif
