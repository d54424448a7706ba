/*
 * rows.h - rows of the store as the operations see them.
 *
 * All functions work on the connection of an operation and on its thread.
 */
#ifndef BACKEND_SQLITE_ROWS_H
#define BACKEND_SQLITE_ROWS_H

#include "backend/decide.h"
#include "backend/sqlite/conn.h"

/* What decides about a write, with memory for the digests. */
struct row {
	int64_t id;
	struct stored_row stored;
	uint8_t content_hash[DIGEST_SIZE];
	uint8_t meta_hash[META_SIZE];
};

/* The row of a key; row->stored.found says whether there is one. */
int row_find(struct db *db, struct wr_str key, struct row *row,
	     struct wr_error *err);

/*
 * Does the row pass the filter?  Its key is left in *key until the next call
 * (NULL key: there is no such row any more, and it does not pass).
 */
int row_passes(struct conn *c, const struct filter *f, int64_t id,
	       struct wr_str *key, bool *passes, struct wr_error *err);

/* The key that row_passes() left is not needed any more. */
void row_forget(struct conn *c);

/* Append the document of an id, or of a key (id 0), or one not found. */
int row_document(struct conn *c, int64_t id, struct wr_str key, unsigned parts,
		 struct result *result, struct wr_error *err);

/* Delete a row; triggers see to its words and its vector.  (In write.c.) */
int rows_delete(struct conn *c, int64_t id, struct wr_error *err);

/* Keys in order, those whose documents pass a filter. */
struct keys {
	struct conn *c;
	const struct filter *filter;
	struct filter of_key; /* what can be told from the key alone */
	bool of_row;	      /* the filter asks for more */
	struct buf from, to;  /* from <= key < to */
	sqlite3_stmt *stmt;
};

/* Those behind after; keys_close() is due in any case. */
int keys_open(struct keys *k, struct conn *c, const struct filter *f,
	      struct wr_str after, struct wr_error *err);
/* 1: *id and *key (until the next call), 0: no more, or a status. */
int keys_next(struct keys *k, int64_t *id, struct wr_str *key,
	      struct wr_error *err);
void keys_close(struct keys *k);

#endif
