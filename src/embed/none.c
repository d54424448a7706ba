/*
 * none.c - the embedder of a store without one: pages wait for another.
 */
#include "base/error.h"
#include "base/mem.h"
#include "embed/embedder.h"
#include "embed/later.h"

static int none_open(void **self, const struct embedder_config *config,
		     struct embedder_identity *id, struct wr_error *err)
{
	struct later *later = mem_zalloc(1, sizeof(*later));

	if (!later)
		return error_nomem(err, "embed.none");
	later_init(later, config->loop);
	*id = (struct embedder_identity){ .name = "none" };
	*self = later;
	return 0;
}

static void none_run(void *self, struct embed_op *op)
{
	error_set(&op->error, WR_ENOTSUP, 0, "embed.none",
		  "the store has no embedder; open it with one");
	later_done(self, op);
}

static void none_cancel(void *self, struct embed_op *op)
{
	(void)self;
	(void)op;
}

static void none_close(void *self)
{
	mem_free(self);
}

const struct embedder_ops none_embedder = {
	.scheme = "none",
	.open = none_open,
	.run = none_run,
	.cancel = none_cancel,
	.close = none_close,
};
