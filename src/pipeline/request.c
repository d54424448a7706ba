#include "pipeline/attempt.h"

#include "base/mem.h"

#include <string.h>

/*
 * The verbs that do not write records.  Most are one operation of the backend,
 * tried again while it fails in passing.
 */

struct request *request_new(enum call_kind kind)
{
	struct request *req = mem_zalloc(1, sizeof(*req));

	if (!req)
		return NULL;
	req->call.kind = kind;
	list_init(&req->call.link);
	arena_init(&req->arena);
	result_init(&req->result);
	result_init(&req->second);
	return req;
}

void request_free(struct request *req)
{
	if (!req)
		return;
	filter_release(&req->filter);
	result_release(&req->result);
	result_release(&req->second);
	arena_release(&req->arena);
	mem_free(req);
}

void *progress_new(struct request *req, size_t size)
{
	struct progress *progress = arena_zalloc(&req->arena, 1, size);

	if (!progress)
		return NULL;
	list_init(&progress->attempts);
	req->progress = progress;
	return progress;
}

void request_end(struct pipeline *p, struct request *req,
		 const struct wr_error *err)
{
	if (err)
		req->call.error = *err;
	/* Given up, and yet done: it was too late to be given up. */
	if (req->call.given_up && req->call.error.status)
		give_up_error(&req->call.error, req->call.given_up);
	call_settle(p, &req->call);
}

/* ----------------------------------------------------------- attempts -- */

static void run(struct attempt *a)
{
	a->running = true;
	memset(&a->op.error, 0, sizeof(a->op.error));
	a->p->config.backend->run(a->p->config.backend_self, &a->op);
}

static void end(struct attempt *a)
{
	struct pipeline *p = a->p;

	list_remove(&a->link);
	a->done(a);
	pipeline_unhold(p);
}

static void again(struct loop_timer *timer)
{
	run(list_item(timer, struct attempt, timer));
}

/* Where an operation puts what it finds; NULL: it finds nothing. */
static struct result *result_of(struct backend_op *op)
{
	switch (op->kind) {
	case BACKEND_GET:
		return op->u.get.result;
	case BACKEND_SCAN:
		return op->u.scan.result;
	case BACKEND_SEARCH:
		return op->u.search.result;
	case BACKEND_PENDING:
		return op->u.pending.result;
	case BACKEND_STATS:
		return op->u.stats.result;
	case BACKEND_CHECK:
		return op->u.check.result;
	case BACKEND_KEYS:
		return op->u.keys.result;
	case BACKEND_PROGRESS:
		return op->u.progress.result;
	default:
		return NULL;
	}
}

/* Half of what was found by a try that failed is no result. */
static void drop_half(struct backend_op *op)
{
	struct result *result = result_of(op);

	if (op->error.status && result)
		result_release(result);
}

static void op_done(struct backend_op *op)
{
	struct attempt *a = list_item(op, struct attempt, op);
	struct pipeline *p = a->p;
	int64_t at;

	a->running = false;
	drop_half(op);
	if (op->error.status && error_passes(op->error.status) &&
	    !a->req->call.given_up) {
		at = next_try_us(p, &a->backoff, &op->error);
		if (at < a->deadline_us) {
			counter_add(&p->counters.request_retries, 1);
			a->timer.fired = again;
			loop_timer_set(p->loop, &a->timer, at);
			return;
		}
	}
	end(a);
}

void attempt_start(struct pipeline *p, struct request *req, struct attempt *a)
{
	struct progress *progress = req->progress;

	a->p = p;
	a->req = req;
	a->op.done = op_done;
	a->deadline_us =
		loop_now_us(p->loop) + (int64_t)p->config.op_timeout_ms * 1000;
	if (a->deadline_us > req->call.deadline_us)
		a->deadline_us = req->call.deadline_us;
	list_append(&progress->attempts, &a->link);
	pipeline_hold(p);
	run(a);
}

void request_give_up(struct pipeline *p, struct request *req, int status)
{
	struct progress *progress = req->progress;
	struct attempt *a;

	if (!progress)
		return;
	if (progress->give_up)
		progress->give_up(p, req);
	list_each (a, &progress->attempts, struct attempt, link) {
		if (a->running) {
			p->config.backend->cancel(p->config.backend_self,
						  &a->op);
			continue;
		}
		loop_timer_clear(p->loop, &a->timer);
		give_up_error(&a->op.error, status);
		end(a);
	}
}

/* ------------------------------------------- verbs that are one operation --
 */

struct single {
	struct progress progress;
	struct attempt attempt;
};

/* A migration goes in steps, each an operation with tries of its own. */
static void next_step(struct attempt *a)
{
	struct request *req = a->req;
	struct wr_error err;

	if (req->call.given_up) {
		give_up_error(&err, req->call.given_up);
		request_end(a->p, req, &err);
		return;
	}
	memset(&a->backoff, 0, sizeof(a->backoff));
	a->op.u.migrate.more = false;
	attempt_start(a->p, req, a);
}

static void single_done(struct attempt *a)
{
	struct request *req = a->req;
	struct backend_op *op = &a->op;

	if (!op->error.status && op->kind == BACKEND_MIGRATE &&
	    op->u.migrate.more) {
		next_step(a);
		return;
	}
	if (op->kind == BACKEND_MIGRATE)
		req->total = op->u.migrate.version;
	if (op->kind == BACKEND_INDEX)
		req->total = op->u.index.total;
	if (op->kind == BACKEND_SCAN)
		req->more = op->u.scan.more;
	request_end(a->p, req, &op->error);
}

static int set_get(struct pipeline *p, struct request *req,
		   struct backend_op *op)
{
	struct wr_str *keys = arena_zalloc(&req->arena, req->n, sizeof(*keys));

	if (!keys)
		return WR_ENOMEM;
	/* What cannot be a key is not stored: the empty key never is. */
	for (size_t i = 0; i < req->n; i++)
		if (record_key(&keys[i], req->urls[i],
			       req->keys ? WR_URLS_AS_GIVEN
					 : p->config.settings.urls,
			       &req->arena, NULL))
			keys[i] = (struct wr_str){ "", 0 };
	op->kind = BACKEND_GET;
	op->u.get.keys = keys;
	op->u.get.n = req->n;
	op->u.get.parts = req->parts;
	op->u.get.result = &req->result;
	return 0;
}

static int set_op(struct pipeline *p, struct request *req,
		  struct backend_op *op)
{
	switch (req->call.kind) {
	case CALL_GET:
		return set_get(p, req, op);
	case CALL_SCAN:
		op->kind = BACKEND_SCAN;
		op->u.scan.filter = &req->filter;
		op->u.scan.after = req->after;
		op->u.scan.limit = (uint32_t)req->limit;
		op->u.scan.parts = req->parts;
		op->u.scan.max_bytes = SCAN_BYTES;
		op->u.scan.result = &req->result;
		return 0;
	case CALL_STATS:
		op->kind = BACKEND_STATS;
		op->u.stats.exact = req->exact;
		op->u.stats.result = &req->result;
		return 0;
	case CALL_CHECK:
		op->kind = BACKEND_CHECK;
		op->u.check.flags = req->flags;
		op->u.check.result = &req->result;
		return 0;
	case CALL_MIGRATE:
		op->kind = BACKEND_MIGRATE;
		return 0;
	case CALL_INDEX:
		op->kind = BACKEND_INDEX;
		op->u.index.which = req->index_which;
		op->u.index.m = req->index_m;
		op->u.index.ef_construction = req->index_ef;
		op->u.index.drop = req->index_drop;
		return 0;
	case CALL_PROGRESS:
		op->kind = BACKEND_PROGRESS;
		op->u.progress.result = &req->result;
		return 0;
	default:
		return WR_EBUG;
	}
}

static void single_start(struct pipeline *p, struct request *req)
{
	struct single *s = progress_new(req, sizeof(*s));
	struct wr_error err;

	if (!s || set_op(p, req, &s->attempt.op)) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
		return;
	}
	s->attempt.done = single_done;
	attempt_start(p, req, &s->attempt);
}

void request_start(struct pipeline *p, struct request *req)
{
	switch (req->call.kind) {
	case CALL_KNOWN:
		known_start(p, req);
		break;
	case CALL_SEARCH:
		search_start(p, req);
		break;
	case CALL_PRUNE:
		prune_start(p, req);
		break;
	case CALL_EMBED_PENDING:
		pending_start(p, req);
		break;
	default:
		single_start(p, req);
	}
}
