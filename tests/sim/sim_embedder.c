#include "sim_embedder.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

struct run {
	struct loop_timer timer;
	struct sim_embedder *self;
	struct embed_op *op;
	bool fails, hangs, nan;
};

void sim_vector(struct wr_str text, float out[SIM_DIM])
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.ptr[i]) * 16777619u;
	for (int i = 0; i < SIM_DIM; i++)
		out[i] = (float)(1 + (h >> (8 * i) & 0xff));
}

static bool refuses(const struct embed_op *op)
{
	for (size_t i = 0; i < op->n; i++)
		if (memmem(op->texts[i].ptr, op->texts[i].len, "refuse", 6))
			return true;
	return false;
}

static void answer(struct run *r)
{
	struct embed_op *op = r->op;

	if (r->fails) {
		error_set(&op->error, op->n & 1 ? WR_EIO : WR_ELIMIT, 0, "sim",
			  "the embedder fails on purpose");
		op->error.retry_after_ms = op->n & 1 ? 0 : 40;
	} else if (refuses(op)) {
		error_set(&op->error, WR_EDATA, 0, "sim", "refused");
	} else {
		for (size_t i = 0; i < op->n; i++)
			sim_vector(op->texts[i], op->vectors + i * SIM_DIM);
		if (r->nan)
			op->vectors[(op->n - 1) * SIM_DIM] = NAN;
	}
}

static void end(struct run *r)
{
	struct embed_op *op = r->op;

	r->self->running--;
	mem_free(r);
	op->done(op);
}

static void fired(struct loop_timer *t)
{
	struct run *r = list_item(t, struct run, timer);

	if (r->hangs)
		error_set(&r->op->error, WR_ECANCELED, 0, "sim", "canceled");
	else
		answer(r);
	end(r);
}

static bool chance(struct sim_embedder *e, unsigned in_1000)
{
	return rand_below(e->rnd, 1000) < in_1000;
}

static void run(void *self, struct embed_op *op)
{
	struct sim_embedder *e = self;
	struct run *r = mem_zalloc(1, sizeof(*r));
	int64_t us = 1 + (int64_t)rand_below(e->rnd,
					     (uint64_t)e->faults.slow_us + 1);

	r->self = e;
	r->op = op;
	r->fails = chance(e, e->faults.fail);
	r->hangs = chance(e, e->faults.hang);
	r->nan = chance(e, e->faults.nan);
	r->timer.fired = fired;
	op->embedder_data = r;
	e->calls++;
	e->texts += op->n;
	e->running++;
	if (!r->hangs)
		loop_timer_set(e->loop, &r->timer, loop_now_us(e->loop) + us);
}

static void cancel(void *self, struct embed_op *op)
{
	struct sim_embedder *e = self;
	struct run *r = op->embedder_data;

	/* Half of those that are at work finish all the same. */
	if (!r->hangs && chance(e, 500))
		return;
	r->hangs = true;
	loop_timer_set(e->loop, &r->timer, loop_now_us(e->loop) + 1);
}

static int open_nothing(void **self, const struct embedder_config *config,
			struct embedder_identity *id, struct wr_error *err)
{
	(void)self;
	(void)config;
	(void)id;
	return error_set(err, WR_ENOTSUP, 0, "sim", "made by the simulation");
}

static void close_nothing(void *self)
{
	(void)self;
}

const struct embedder_ops sim_embedder = {
	.scheme = "sim",
	.max_batch = 5,
	.open = open_nothing,
	.run = run,
	.cancel = cancel,
	.close = close_nothing,
};
