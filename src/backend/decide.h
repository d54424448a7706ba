/*
 * decide.h - what a write does to the row that is stored under its key.
 *
 * The semantics of struct write, written once: a backend fetches the stored
 * row, asks here, and carries out the answer inside its transaction.  Pure; any
 * thread.
 */
#ifndef BACKEND_DECIDE_H
#define BACKEND_DECIDE_H

#include "backend/backend.h"
#include "record/record.h"
#include <stdbool.h>
#include <stdint.h>

/* The row as stored.  Zero says: there is none. */
struct stored_row {
	bool found;
	/*
	 * The digests are there, and hashed_at equals updated_at: nobody has
	 * changed the row behind their back.
	 */
	bool digests_count;
	bool pending;
	bool has_vector; /* maybe one of an earlier content */
	int64_t fetched_at;
	const uint8_t *content_hash; /* DIGEST_SIZE; only if digests_count */
	const uint8_t *meta_hash;    /* META_SIZE; likewise */
};

enum row_change {
	ROW_KEEP,   /* but see vector and pending */
	ROW_TOUCH,  /* fetched_at alone */
	ROW_INSERT, /* all columns */
	ROW_UPDATE, /* content, what is given of title and metadata, digests,
		       hashed_at = updated_at, fetched_at; not created_at */
	ROW_DELETE  /* with its vector */
};

enum vector_change { VECTOR_KEEP, VECTOR_SET, VECTOR_CLEAR };

struct decision {
	enum wr_outcome outcome;
	enum wr_skip skip;
	enum row_change row;
	enum vector_change vector;
	/* The new flag; to be written where it changes, also by ROW_KEEP. */
	bool pending;
	bool pending_changes;
	/* ROW_UPDATE: the content differs too (or may: digests not counting).
	 */
	bool content_changes;

	/* For ROW_INSERT and ROW_UPDATE; fetched_at also for ROW_TOUCH. */
	int64_t fetched_at;
	int64_t updated_at; /* hashed_at is the same */
	int64_t created_at; /* ROW_INSERT alone */
	/*
	 * The digest of title and metadata as they will be.  With rehash set a
	 * half is unknown: make it with record_meta_hash() from what the row
	 * holds in the end.
	 */
	uint8_t meta_hash[META_SIZE];
	bool rehash;
};

/*
 * What w does to row.  now is the wall clock, the same for a whole batch.  A
 * FAILED outcome (WR_EEXIST) is that row's alone: the batch goes on.
 */
void decide_write(struct decision *d, const struct write *w,
		  const struct stored_row *row, int64_t touch_after_us,
		  int64_t now);

/* Fill in the result of a lookup, but for the vector. */
void decide_lookup(struct lookup *item, const struct stored_row *row);

/*
 * Is item (after decide_lookup()) to be given the vector of equal content?  Not
 * where its own document has that content and waits for nothing.
 */
bool decide_reuse(const struct lookup *item);

#endif
