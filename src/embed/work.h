/*
 * work.h - embedders whose texts are embedded by a function on a worker.
 */
#ifndef EMBED_WORK_H
#define EMBED_WORK_H

#include "embed/later.h"
#include <stdatomic.h>

struct work;

/* An op on its way through a worker. */
struct work_job {
	struct loop_job job;
	struct work *work;
	struct embed_op *op;
	atomic_bool cancelled;
	struct wr_error error; /* the worker's, until the job is done */
};

/* What such an embedder is: the first member of its own state, or all of it. */
struct work {
	struct later later;
	uint32_t dim;
	/* Worker thread: embed job->op, or set job->error. */
	void (*embed)(struct work *work, struct work_job *job);
};

void work_init(struct work *work, struct loop *loop, uint32_t dim,
	       void (*embed)(struct work *work, struct work_job *job));

/* As in struct embedder_ops; self is the struct work. */
void work_run(void *self, struct embed_op *op);
void work_cancel(void *self, struct embed_op *op);

#endif
