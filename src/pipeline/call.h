/*
 * call.h - one verb on its way through the pipeline.
 *
 * The engine makes a call, hands it to pipeline_start(), and gets it back
 * through settled(), exactly once; then it is the engine's to read and free.
 */
#ifndef PIPELINE_CALL_H
#define PIPELINE_CALL_H

#include "backend/backend.h"
#include "base/arena.h"
#include "base/list.h"
#include "windrow.h"

enum call_kind {
	CALL_SUBMIT, /* a struct ticket */
	CALL_DELETE, /* a struct ticket */
	CALL_KNOWN,
	CALL_GET,
	CALL_SEARCH,
	CALL_SCAN,
	CALL_PRUNE,
	CALL_EMBED_PENDING,
	CALL_STATS,
	CALL_CHECK,
	CALL_MIGRATE,
	CALL_INDEX,
	CALL_PROGRESS,
	CALL_FLUSH
};

struct call {
	enum call_kind kind;
	struct wr_error error; /* result: status 0, or why it failed */
	void (*settled)(struct call *call);

	/* The caller's: who asked.  The pair is what pipeline_cancel() finds.
	 */
	void *owner;
	void *owner_data; /* what else the caller wants to find again */
	uint64_t tag;

	/* The pipeline's. */
	struct list_node link;
	uint64_t seq;	     /* calls in the order of pipeline_start() */
	int64_t deadline_us; /* loop time */
	int given_up;	     /* status: cancelled or timed out, 0 if not */
};

/* Every verb but submit and delete. */
struct request {
	struct call call;
	struct arena arena;  /* arguments, and what lives with the result */
	uint32_t timeout_ms; /* 0: the pipeline's */

	/* Arguments, in arena. */
	struct wr_str *urls; /* KNOWN (which makes keys of them), GET */
	size_t n;
	unsigned parts, flags;
	bool keys;	      /* urls are keys, byte for byte */
	int64_t since;	      /* KNOWN */
	struct filter filter; /* SEARCH, SCAN, PRUNE */
	enum wr_mode mode;    /* SEARCH */
	struct wr_str text;
	float *vector;
	uint32_t vector_dim;
	struct snippet_style style;
	uint64_t limit;
	struct wr_str after;  /* SCAN */
	bool dry_run;	      /* PRUNE */
	bool exact;	      /* STATS */
	uint32_t effort;      /* SEARCH */
	unsigned index_which; /* INDEX, as in struct wr_index */
	uint32_t index_m, index_ef;
	bool index_drop;

	/* Result. */
	struct result result;
	struct result second; /* keeps memory that result points to */
	uint8_t *stored;      /* KNOWN: KNOWN_* of each URL */
	int64_t *fetched_at;  /* KNOWN with details */
	uint64_t total, remaining;
	bool more; /* SCAN: there may be another page */

	void *progress; /* the pipeline's, while it runs */
};

/* A zeroed request with its arena; NULL where memory is out. */
struct request *request_new(enum call_kind kind);
void request_free(struct request *req);

#endif
