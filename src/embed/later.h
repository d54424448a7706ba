/*
 * later.h - ops that are over, to be told so in a moment.
 *
 * An embedder that fails an op inside run() must not call done() there; it puts
 * it here, which needs no memory.  Loop thread.
 */
#ifndef EMBED_LATER_H
#define EMBED_LATER_H

#include "embed/embedder.h"

struct later {
	struct loop *loop;
	struct loop_task task;
	struct list_node over; /* ops, by link */
	bool posted;
};

void later_init(struct later *later, struct loop *loop);

/* Call op->done() soon; its error is set already. */
void later_done(struct later *later, struct embed_op *op);

#endif
