/*
 * upsert.h - the rows of a batch that are of one kind, as the parameters of the
 * statement that writes them.
 *
 * Pure.  Within ON CONFLICT a statement sees the stored row and the columns of
 * the new one, nothing else: what it must know besides goes for all of its
 * rows.  Most batches are of one kind.
 */
#ifndef BACKEND_POSTGRES_UPSERT_H
#define BACKEND_POSTGRES_UPSERT_H

#include "backend/postgres/layout.h"

enum upsert_mode {
	UPSERT_KEEP,   /* what is stored stays */
	UPSERT_UPDATE, /* it is replaced */
	UPSERT_FILL    /* it takes a vector, where the attempt before wrote it
			*/
};

struct upsert_kind {
	enum upsert_mode mode;
	bool guard;	 /* a newer page stays, */
	int64_t seen_at; /* but for one fetched just then; INT64_MIN: none */
	bool own_vector;
	bool no_text;
};

bool upsert_kind_equal(const struct upsert_kind *a,
		       const struct upsert_kind *b);

/* Of a write that is an upsert. */
void upsert_kind_of(struct upsert_kind *kind, const struct write *w);

/* What goes for all rows of a transaction. */
struct upsert_batch {
	int64_t now, touch_after_us;
	/* Words are made of so many characters of a content. */
	int32_t words_of;
};

/* The n rows, in key order, of one kind. */
void upsert_params(struct params *p, const struct layout *l,
		   const struct upsert_batch *batch,
		   const struct upsert_kind *kind, struct write *const *rows,
		   size_t n);

#endif
