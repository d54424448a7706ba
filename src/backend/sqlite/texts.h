/*
 * texts.h - keeping the full text index in step with the documents.
 *
 * The index holds no texts of its own: to take words out again, it must be told
 * the very texts that were put in, which are those of the row before it
 * changes.  (When a row is deleted, a trigger does that.)
 */
#ifndef BACKEND_SQLITE_TEXTS_H
#define BACKEND_SQLITE_TEXTS_H

#include "backend/sqlite/db.h"

int texts_put(struct db *db, int64_t id, struct wr_str title,
	      struct wr_str content, struct wr_error *err);
/* Before the row changes; a title left out stays. */
int texts_replace(struct db *db, int64_t id, struct wr_str title,
		  struct wr_str content, struct wr_error *err);

#endif
