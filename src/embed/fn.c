/*
 * fn.c - the program's own function, called on a worker.
 */
#include "base/error.h"
#include "base/mem.h"
#include "embed/identity.h"
#include "embed/work.h"

#define WHERE "embed.fn"

struct fn {
	struct work work;
	wr_embed_fn embed;
	void *arg;
};

/* Worker thread.  The function cannot be interrupted; its answer counts. */
static void fn_embed(struct work *work, struct work_job *job)
{
	struct fn *fn = list_item(work, struct fn, work);
	struct embed_op *op = job->op;
	int status = fn->embed(op->texts, op->n, op->vectors, op->dim, fn->arg);

	if (!status)
		return;
	/* "These texts" or "not now"; there is no third. */
	error_set(&job->error,
		  status == WR_EDATA || error_passes(status) ? status : WR_EIO,
		  0, WHERE, "the embedding function returned %s for %zu texts",
		  wr_status_name(status), op->n);
}

static int fn_open(void **self, const struct embedder_config *config,
		   struct embedder_identity *id, struct wr_error *err)
{
	const struct wr_options *opts = config->opts;
	uint32_t dim = config->dim ? config->dim : opts ? opts->dim : 0;
	struct fn *fn;
	int status;

	if (!opts || !opts->embed_fn)
		return error_set(err, WR_EINVAL, 0, WHERE,
				 "there is no function to call; give embed_fn");
	if (!dim)
		return error_set(
			err, WR_EINVAL, 0, WHERE,
			"the length of the vectors that embed_fn makes "
			"is unknown; give dim");
	status = identity_of_host(id, config, dim, WHERE, err);
	if (status)
		return status;
	fn = mem_zalloc(1, sizeof(*fn));
	if (!fn)
		return error_nomem(err, WHERE);
	work_init(&fn->work, config->loop, dim, fn_embed);
	fn->embed = opts->embed_fn;
	fn->arg = opts->embed_arg;
	*self = &fn->work;
	return 0;
}

static void fn_close(void *self)
{
	struct work *work = self;

	if (work)
		mem_free(list_item(work, struct fn, work));
}

const struct embedder_ops fn_embedder = {
	.scheme = "fn",
	.open = fn_open,
	.run = work_run,
	.cancel = work_cancel,
	.close = fn_close,
};
