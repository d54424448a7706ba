/*
 * jsonline.h - one line of JSON Lines read as a record.
 *
 * Members: "url", "key", "title", "raw_content" (or "content"), "metadata" (an
 * object), "fetched_at", "created_at", "updated_at" (RFC 3339 text or Unix
 * seconds) and "embedding" (a list of numbers).  null is as good as left out.
 * Other members are ignored.
 */
#ifndef FORMAT_JSONLINE_H
#define FORMAT_JSONLINE_H

#include "base/buf.h"
#include "base/json.h"
#include "windrow.h"
#include <stddef.h>

/* What the last record points into.  Zero before first use. */
struct jsonline {
	struct json *tree;
	struct buf metadata;
	float *vector;
	size_t vector_room;
};

void jsonline_release(struct jsonline *l);

/*
 * Read line into *rec, which points into *l until the next call.  WR_EDATA
 * names the member that is wrong and what to give; WR_ENOMEM.
 */
int jsonline_read(struct jsonline *l, struct wr_str line, struct wr_record *rec,
		  struct wr_error *err);

#endif
