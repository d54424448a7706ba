#include "backend/faulty.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include <string.h>

struct faulty {
	const struct backend_ops *inner;
	void *inner_self;
	struct loop *loop;
	struct faults faults;
	struct rand_state rand;

	/* Ops whose end (op->error) is known, for the next turn of the loop. */
	struct loop_task settle;
	bool settling;
	struct list_node settled; /* link is ours: the inner has not got it */
};

/* An op that is given to the inner backend, now or when the delay is over. */
struct faulty_job {
	struct faulty *faulty;
	struct backend_op *op;
	void (*done)(struct backend_op *op); /* the issuer's */
	struct loop_timer delay;
	bool waiting; /* for the delay */
	bool forget;
};

static bool draw(struct faulty *f, unsigned chance)
{
	return rand_below(&f->rand, 1000) < chance;
}

static void settle_all(struct loop_task *task)
{
	struct faulty *f = list_item(task, struct faulty, settle);
	struct list_node settled, *node;

	list_init(&settled);
	list_splice(&settled, &f->settled);
	f->settling = false;
	while ((node = list_take(&settled))) {
		struct backend_op *op =
			list_item(node, struct backend_op, link);

		op->done(op);
	}
}

/* End op, which the inner backend has not got, with what its error says. */
static void settle(struct faulty *f, struct backend_op *op)
{
	list_append(&f->settled, &op->link);
	if (!f->settling)
		loop_post(f->loop, &f->settle);
	f->settling = true;
}

static bool contains(struct wr_str text, struct wr_str what)
{
	return what.len <= text.len &&
	       memmem(text.ptr, text.len, what.ptr, what.len);
}

static bool is_poisoned(const struct faulty *f, const struct backend_op *op)
{
	if (op->kind != BACKEND_WRITE || !f->faults.poison.len)
		return false;
	for (size_t i = 0; i < op->u.write.n; i++)
		if (contains(op->u.write.items[i].rec->key, f->faults.poison))
			return true;
	return false;
}

static void inner_done(struct backend_op *op)
{
	struct faulty_job *job = op->wrapper_data;

	op->done = job->done;
	op->wrapper_data = NULL;
	if (job->forget && !op->error.status)
		error_set(&op->error, WR_EIO, 0, "faulty",
			  "the answer to a write was lost");
	mem_free(job);
	op->done(op);
}

static void pass_on(struct faulty_job *job)
{
	struct faulty *f = job->faulty;

	job->op->done = inner_done;
	f->inner->run(f->inner_self, job->op);
}

static void delay_over(struct loop_timer *t)
{
	struct faulty_job *job = list_item(t, struct faulty_job, delay);

	job->waiting = false;
	pass_on(job);
}

/* An op that fails before it reaches the store; 0 if it does not. */
static int refuse(struct faulty *f, struct backend_op *op)
{
	/* Each chance is drawn for each op: what comes later stays the same. */
	bool refused = draw(f, f->faults.refuse);
	bool busy = draw(f, f->faults.busy);

	if (is_poisoned(f, op))
		return error_set(&op->error, WR_EDATA, 0, "faulty",
				 "there is poison in the batch");
	if (refused)
		return error_set(&op->error, WR_EIO, 0, "faulty",
				 "the store cannot be reached");
	if (busy)
		return error_set(&op->error, WR_EBUSY, 0, "faulty",
				 "the store is locked");
	return 0;
}

static void faulty_run(void *self, struct backend_op *op)
{
	struct faulty *f = self;
	bool forget = draw(f, f->faults.forget) && op->kind == BACKEND_WRITE;
	bool slow = draw(f, f->faults.slow) && f->faults.slow_us > 0;
	uint64_t delay = rand_next(&f->rand);
	struct faulty_job *job;

	error_clear(&op->error);
	op->wrapper_data = NULL;
	if (refuse(f, op)) {
		settle(f, op);
		return;
	}
	job = mem_zalloc(1, sizeof(*job));
	if (!job) {
		error_nomem(&op->error, "faulty");
		settle(f, op);
		return;
	}
	job->faulty = f;
	job->op = op;
	job->done = op->done;
	job->forget = forget;
	job->delay.fired = delay_over;
	op->wrapper_data = job;
	if (!slow) {
		pass_on(job);
		return;
	}
	job->waiting = true;
	loop_timer_set(f->loop, &job->delay,
		       loop_now_us(f->loop) +
			       (int64_t)(delay % (uint64_t)f->faults.slow_us) +
			       1);
}

static void faulty_cancel(void *self, struct backend_op *op)
{
	struct faulty *f = self;
	struct faulty_job *job = op->wrapper_data;

	if (!job)
		return;
	if (!job->waiting) {
		f->inner->cancel(f->inner_self, op);
		return;
	}
	loop_timer_clear(f->loop, &job->delay);
	op->wrapper_data = NULL;
	mem_free(job);
	error_set(&op->error, WR_ECANCELED, 0, "faulty", "canceled");
	settle(f, op);
}

static int faulty_open(void **self, const struct backend_config *config,
		       struct settings *settings, struct wr_error *err)
{
	(void)config;
	(void)settings;
	*self = NULL;
	return error_set(err, WR_ENOTSUP, 0, "faulty",
			 "this backend wraps another one that is open");
}

static void faulty_close(void *self, void (*closed)(void *arg), void *arg)
{
	struct faulty *f = self;
	const struct backend_ops *inner = f->inner;
	void *inner_self = f->inner_self;

	mem_free(f);
	inner->close(inner_self, closed, arg);
}

int faulty_new(void **self, const struct backend_ops *inner, void *inner_self,
	       struct loop *loop, const struct faults *faults, uint64_t seed)
{
	struct faulty *f = mem_zalloc(1, sizeof(*f));

	*self = f;
	if (!f)
		return WR_ENOMEM;
	f->inner = inner;
	f->inner_self = inner_self;
	f->loop = loop;
	f->rand.s = seed;
	f->settle.run = settle_all;
	list_init(&f->settled);
	faulty_set(f, faults);
	return 0;
}

void faulty_set(void *self, const struct faults *faults)
{
	struct faulty *f = self;

	f->faults = *faults;
}

const struct backend_ops faulty_backend = {
	.scheme = "faulty",
	.caps = BACKEND_LISTS_KEYS | BACKEND_WRITES_BLIND,
	.lookups = 2,
	.writes = 2,
	.open = faulty_open,
	.run = faulty_run,
	.cancel = faulty_cancel,
	.close = faulty_close,
};
