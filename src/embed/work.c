#include "embed/work.h"

#include "base/error.h"
#include "base/mem.h"

static const char where[] = "embed";

/* Worker thread. */
static void job_work(struct loop_job *j)
{
	struct work_job *job = list_item(j, struct work_job, job);

	/* What has not begun need not be. */
	if (atomic_load(&job->cancelled))
		error_set(&job->error, WR_ECANCELED, 0, where, "cancelled");
	else
		job->work->embed(job->work, job);
}

static void job_done(struct loop_job *j)
{
	struct work_job *job = list_item(j, struct work_job, job);
	struct embed_op *op = job->op;

	op->error = job->error;
	op->embedder_data = NULL;
	mem_free(job);
	op->done(op);
}

void work_init(struct work *work, struct loop *loop, uint32_t dim,
	       void (*embed)(struct work *work, struct work_job *job))
{
	later_init(&work->later, loop);
	work->dim = dim;
	work->embed = embed;
}

void work_run(void *self, struct embed_op *op)
{
	struct work *work = self;
	struct work_job *job;

	op->embedder_data = NULL;
	if (!op->dim) {
		op->dim = work->dim;
		error_clear(&op->error);
		later_done(&work->later, op);
		return;
	}
	if (op->dim != work->dim) {
		error_set(&op->error, WR_ESCHEMA, 0, where,
			  "the embedder makes vectors of %u dimensions, the "
			  "store wants %u",
			  (unsigned)work->dim, (unsigned)op->dim);
		later_done(&work->later, op);
		return;
	}
	job = mem_zalloc(1, sizeof(*job));
	if (!job) {
		error_nomem(&op->error, where);
		later_done(&work->later, op);
		return;
	}
	job->job.work = job_work;
	job->job.done = job_done;
	job->work = work;
	job->op = op;
	atomic_init(&job->cancelled, false);
	op->embedder_data = job;
	loop_offload(work->later.loop, &job->job);
}

void work_cancel(void *self, struct embed_op *op)
{
	struct work_job *job = op->embedder_data;

	(void)self;
	if (job)
		atomic_store(&job->cancelled, true);
}
