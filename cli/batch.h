/*
 * batch.h - records on their way from an input to the store.
 *
 * A batch copies the records it is given into one buffer, and what an input
 * could not read beside them.  It is used by one thread at a time: the source
 * fills it, the main thread takes it.
 */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"
#include "windrow.h"

/* A line or file that is no record. */
struct refusal {
	char *position;	 /* "pages.jsonl, line 17" */
	size_t place_at; /* where in it "line 17" begins */
	char *raw;	 /* the line; NULL for a file */
	size_t raw_len;
	struct wr_error error;
};

struct batch {
	struct text bytes; /* what the records point to */
	struct wr_record *recs;
	size_t n, room;
	struct refusal *refusals;
	size_t nrefusals, refusals_room;
	uint64_t content; /* bytes of titles and contents */
};

/* Copy rec; batch_records() makes the copies usable. */
void batch_add(struct batch *batch, const struct wr_record *rec);
/* input is the file or folder, position where in it (or a path in it). */
void batch_refuse(struct batch *batch, const char *input, const char *position,
		  struct wr_str raw, const struct wr_error *err);

/* The records, after the last batch_add(). */
const struct wr_record *batch_records(struct batch *batch);

/* Empty it and keep its memory, unless that is a lot. */
void batch_clear(struct batch *batch);
void batch_release(struct batch *batch);

#endif
