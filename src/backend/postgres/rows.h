/*
 * rows.h - what decides about the write of a row, read from the server.
 */
#ifndef BACKEND_POSTGRES_ROWS_H
#define BACKEND_POSTGRES_ROWS_H

#include "backend/decide.h"
#include "backend/places.h"
#include "backend/postgres/task.h"
#include "base/str.h"

struct found_row {
	struct stored_row stored; /* points into what follows */
	uint8_t content_hash[DIGEST_SIZE];
	uint8_t meta_hash[META_SIZE];
};

/* Add the statement that asks for the rows of these keys. */
int rows_ask(struct task *t, const struct place *places, size_t n,
	     struct wr_error *err);
/* A row of its result; column 0 is the key. */
void rows_read(struct found_row *row, const PGresult *res, int i);
/*
 * The original's table has no metadata: what rec brings does not make it
 * another page.
 */
void rows_leave_metadata_out(struct found_row *row, const struct layout *l,
			     const struct record *rec);

/* Add the keys as an array of texts. */
void rows_add_keys(struct params *p, const struct place *places, size_t n);

static inline struct wr_str rows_bytes(const uint8_t *bytes, size_t len)
{
	return (struct wr_str){ (const char *)bytes, len };
}

#endif
