/*
 * The store under test: opened afresh for each test, and ops carried out one at
 * a time.
 */
#include "conformance.h"

#include "backend/faulty.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop_sim.h"
#include "base/loop_uv.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TRIES = 200 };

struct kept_result {
	struct result result;
	struct kept_result *next;
};

/* ------------------------------------------------------------- the store -- */

static const struct faults usual_faults = {
	.refuse = 120,
	.forget = 150,
	.busy = 80,
	.slow = 300,
	.slow_us = 50000,
};

uint64_t first_seed(void)
{
	const char *wanted = getenv("WINDROW_SEED");

	return wanted ? strtoull(wanted, NULL, 10) : 1;
}

/* Each fixture of a run has another one. */
static uint64_t next_seed(void)
{
	static uint64_t made;

	return first_seed() * 1000003 + made++;
}

static void new_loop(struct fixture *fx)
{
	struct wr_error err = { 0 };
	int status = fx->driver->threads ? loop_uv_new(&fx->loop, 2, &err)
					 : loop_sim_new(&fx->loop, fx->seed);

	if (status)
		fail_msg("no loop: %s", err.message);
}

int store_open(struct fixture *fx, const char *location, enum wr_create create,
	       struct settings *settings)
{
	static const struct log silence;
	struct backend_config config = {
		.location = location,
		.create = create,
		.loop = fx->loop,
		.log = &silence,
		.busy_timeout_ms = 5000,
		.vector_type = fx->driver->vector_type,
		.distributed =
			fx->driver->distributed && fx->driver->distributed(),
	};
	int status;

	memset(&fx->err, 0, sizeof(fx->err));
	fx->ops = fx->driver->backend;
	status = fx->ops->open(&fx->self, &config, settings, &fx->err);
	if (status)
		fx->self = NULL;
	if (status || !fx->driver->faulty)
		return status;
	fx->inner = fx->self;
	fx->ops = &faulty_backend;
	return faulty_new(&fx->self, fx->driver->backend, fx->inner, fx->loop,
			  &usual_faults, fx->seed);
}

void store_set_faults(struct fixture *fx, const struct faults *faults)
{
	if (fx->ops == &faulty_backend) {
		faulty_set(fx->self, faults);
		return;
	}
	fx->inner = fx->self;
	fx->ops = &faulty_backend;
	assert_int_equal(faulty_new(&fx->self, fx->driver->backend, fx->inner,
				    fx->loop, faults, fx->seed),
			 0);
}

/* The loop that runs, for callbacks that end its turn. */
static struct fixture *turning;

static void end_turn(void)
{
	if (turning && turning->driver->threads)
		loop_uv_stop(turning->loop);
}

/* Run callbacks until over() says so, or nothing is left to run. */
static void turn(struct fixture *fx, bool (*over)(const void *arg),
		 const void *arg)
{
	turning = fx;
	while (!over(arg)) {
		if (fx->driver->threads)
			loop_uv_run(fx->loop);
		else if (!loop_sim_step(fx->loop))
			break;
	}
	turning = NULL;
}

static void on_closed(void *arg)
{
	*(bool *)arg = true;
	end_turn();
}

static bool is_closed(const void *arg)
{
	return *(const bool *)arg;
}

void store_close(struct fixture *fx)
{
	bool closed = false;

	if (!fx->self)
		return;
	fx->ops->close(fx->self, on_closed, &closed);
	turn(fx, is_closed, &closed);
	assert_true(closed);
	fx->self = NULL;
	fx->inner = NULL;
}

static void record_settings(struct fixture *fx)
{
	struct settings settings = fx->settings;
	struct backend_op op = {
		.kind = BACKEND_SETTINGS,
		.u.settings = &settings,
	};

	snprintf(settings.embedder, SETTING_TEXT, "test");
	snprintf(settings.model, SETTING_TEXT, "small");
	settings.dim = DIM;
	if (run_op(fx, &op))
		fail_msg("settings: %s", fx->err.message);
	fx->settings = settings;
}

struct fixture *fixture_new(const struct driver *of)
{
	struct fixture *fx = mem_zalloc(1, sizeof(*fx));

	assert_non_null(fx);
	fx->driver = of;
	arena_init(&fx->arena);
	fx->seed = next_seed();
	new_loop(fx);
	of->place(fx->location, sizeof(fx->location));
	if (store_open(fx, fx->location, WR_CREATE_IF_MISSING, &fx->settings))
		fail_msg("%s: %s", fx->location, fx->err.message);
	record_settings(fx);
	return fx;
}

void fixture_free(struct fixture *fx)
{
	store_close(fx);
	if (fx->driver->threads)
		loop_uv_free(fx->loop);
	else
		loop_sim_free(fx->loop);
	if (fx->driver->clear)
		fx->driver->clear(fx->location);
	while (fx->results) {
		struct kept_result *kept = fx->results;

		fx->results = kept->next;
		result_release(&kept->result);
		mem_free(kept);
	}
	arena_release(&fx->arena);
	mem_free(fx);
}

int fixture_setup(void **state)
{
	*state = fixture_new(&driver);
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

/* ------------------------------------------------------------------- ops -- */

/* An op that is over has no done() any more: a second call would crash. */
static void on_done(struct backend_op *op)
{
	op->done = NULL;
	end_turn();
}

static bool is_over(const void *arg)
{
	const struct backend_op *op = arg;

	return !op->done;
}

void start_op(struct fixture *fx, struct backend_op *op)
{
	op->done = on_done;
	fx->ops->run(fx->self, op);
	assert_false(is_over(op));
}

int await(struct fixture *fx, struct backend_op *op)
{
	turn(fx, is_over, op);
	if (!is_over(op))
		fail_msg("op of kind %d never ended", (int)op->kind);
	fx->err = op->error;
	return op->error.status;
}

int run_once(struct fixture *fx, struct backend_op *op)
{
	start_op(fx, op);
	return await(fx, op);
}

static enum wr_outcome expected(const struct write *w, const struct lookup *l)
{
	if (w->kind != WRITE_UPSERT)
		return l->found ? WR_UPDATED : WR_SKIPPED;
	if (!l->found)
		return WR_INSERTED;
	if (w->policy != WR_UPDATE)
		return w->policy == WR_SKIP ? WR_SKIPPED : WR_FAILED;
	return l->same_content && l->same_meta ? WR_UNCHANGED : WR_UPDATED;
}

/* As the pipeline does before it writes: what will come of each row? */
static void predict(struct fixture *fx, struct backend_op *op)
{
	struct write *items = op->u.write.items;
	size_t n = op->u.write.n;
	struct lookup *looked = arena_zalloc(&fx->arena, n, sizeof(*looked));
	struct backend_op look = {
		.kind = BACKEND_LOOKUP,
		.u.lookup = { looked, n },
	};

	assert_non_null(looked);
	for (size_t i = 0; i < n; i++)
		looked[i].rec = items[i].rec;
	if (run_op(fx, &look))
		fail_msg("lookup: %s", fx->err.message);
	for (size_t i = 0; i < n; i++)
		if (!items[i].retried)
			items[i].predicted = expected(&items[i], &looked[i]);
}

static void empty_result(struct backend_op *op)
{
	struct result *result = NULL;

	switch (op->kind) {
	case BACKEND_KEYS:
		result = op->u.keys.result;
		break;
	case BACKEND_GET:
		result = op->u.get.result;
		break;
	case BACKEND_SCAN:
		result = op->u.scan.result;
		break;
	case BACKEND_SEARCH:
		result = op->u.search.result;
		break;
	case BACKEND_PENDING:
		result = op->u.pending.result;
		break;
	case BACKEND_STATS:
		result = op->u.stats.result;
		break;
	case BACKEND_CHECK:
		result = op->u.check.result;
		break;
	default:
		break;
	}
	if (!result)
		return;
	result_release(result);
	result_init(result);
}

int run_op(struct fixture *fx, struct backend_op *op)
{
	int status;

	if (fx->driver->faulty && op->kind == BACKEND_WRITE)
		predict(fx, op);
	status = run_once(fx, op);
	for (int tries = 1; fx->driver->faulty && error_passes(status);
	     tries++) {
		if (tries == MOST_TRIES)
			fail_msg("no luck in %d tries", tries);
		if (op->kind == BACKEND_WRITE)
			for (size_t i = 0; i < op->u.write.n; i++)
				op->u.write.items[i].retried = true;
		empty_result(op);
		status = run_once(fx, op);
	}
	return status;
}

struct result *result_make(struct fixture *fx)
{
	struct kept_result *kept = mem_zalloc(1, sizeof(*kept));

	assert_non_null(kept);
	result_init(&kept->result);
	kept->next = fx->results;
	fx->results = kept;
	return &kept->result;
}
