/*
 * embedder.h - what an embedder must do: turn texts into vectors.
 *
 * Same contract as backend.h: loop thread, done() exactly once and never from
 * inside run().
 */
#ifndef EMBED_EMBEDDER_H
#define EMBED_EMBEDDER_H

#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "windrow.h"
#include <stdint.h>

struct embed_asker; /* embed/queue.h */

struct embed_op {
	const struct wr_str *texts; /* outlive the op */
	size_t n;
	float *vectors; /* n * dim, allocated by the issuer; the pipeline
			   checks them for NaN and the like */
	uint32_t dim;

	/*
	 * Result: status 0 or the reason.  error_passes() ones are retried (not
	 * before retry_after_ms), WR_EDATA makes the batch bisect.
	 */
	struct wr_error error;
	void (*done)(struct embed_op *op);

	struct list_node link; /* the embedder's while it runs */
	void *embedder_data;   /* likewise */
};

struct embedder_config {
	const struct wr_options *opts; /* during open() only */
	const char *model;
	uint32_t dim; /* wished or recorded; 0: unknown */
	unsigned inflight;
	const struct embed_asker
		*asker; /* for "queue"; outlives the embedder */
	struct loop *loop;
	const struct log *log;
};

/* What an embedder is, for the store to record. */
struct embedder_identity {
	const char *name; /* "hash"; "host" for fn and queue alike */
	char model[256];
	uint32_t dim; /* 0: has to be learned, by embedding a text */
};

struct embedder_ops {
	const char *scheme; /* "hash" */
	uint32_t max_batch; /* texts a call; 0: no limit of its own */

	int (*open)(void **self, const struct embedder_config *config,
		    struct embedder_identity *id, struct wr_error *err);
	/*
	 * Start op.  While the dimension is unknown, op->dim is 0 and vectors
	 * is NULL: the embedder answers with op->dim alone.
	 */
	void (*run)(void *self, struct embed_op *op);
	/* Hurry op up; done() still comes, with WR_ECANCELED if it helped. */
	void (*cancel)(void *self, struct embed_op *op);
	/* No op is running. */
	void (*close)(void *self);
};

extern const struct embedder_ops none_embedder, hash_embedder, fn_embedder,
	queue_embedder;

/* WR_EINVAL names the embedders that there are. */
int embedder_find(const struct embedder_ops **out, const char *name,
		  struct wr_error *err);

#endif
