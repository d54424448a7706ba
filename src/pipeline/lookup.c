#include "pipeline/stages.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

/*
 * The second stage: what is stored under these keys?  One query a batch.  Here
 * it is decided what need not be done: what is unchanged, stale or to be
 * skipped settles at once, and equal content brings its vector along.
 */
struct lookup_batch {
	struct backend_op op;
	struct pipeline *p;
	struct loop_timer timer;
	struct backoff backoff;
	struct item **items;
	size_t n;
	struct lookup *lookups;
};

static void free_batch(struct lookup_batch *batch)
{
	if (!batch)
		return;
	mem_free(batch->items);
	mem_free(batch->lookups);
	mem_free(batch);
}

static void fail_exists(struct pipeline *p, struct item *item)
{
	struct wr_error err;

	error_set(&err, WR_EEXIST, 0, "pipeline",
		  "%.*s is stored already, and the policy is to fail",
		  (int)str_clip(item->rec.key, 150).len, item->rec.key.ptr);
	item_fail(p, item, &err);
}

/* Would writing it change anything? */
static bool has_nothing_to_write(struct pipeline *p, const struct item *item)
{
	const struct lookup *l = &item->lookup;
	int64_t touch_after = (int64_t)p->config.touch_after_s * 1000000;
	bool lacks = l->pending || !l->has_vector;
	bool brings_vector = (lacks && item->rec.embedding) ||
			     (l->pending && item->wants_vector && p->embeds);

	return l->same_content && l->same_meta && !brings_vector &&
	       item->rec.fetched_at - l->fetched_at <= touch_after;
}

static enum wr_outcome predict(const struct lookup *l)
{
	if (!l->found)
		return WR_INSERTED;
	return l->same_content && l->same_meta ? WR_UNCHANGED : WR_UPDATED;
}

/* What is not stored need not be deleted. */
static void delete_looked_up(struct pipeline *p, struct item *item)
{
	if (!item->lookup.found) {
		item_settle(p, item, WR_SKIPPED, WR_SKIP_GONE, NULL);
		return;
	}
	item->predicted = WR_UPDATED;
	write_add(p, item);
}

static void item_looked_up(struct pipeline *p, struct item *item)
{
	const struct lookup *l = &item->lookup;
	enum wr_policy policy = item->ticket->policy;

	if (item->kind == WRITE_DELETE) {
		delete_looked_up(p, item);
		return;
	}
	if (l->found && policy == WR_SKIP) {
		item_settle(p, item, WR_SKIPPED, WR_SKIP_STORED, NULL);
		return;
	}
	if (l->found && policy == WR_FAIL) {
		fail_exists(p, item);
		return;
	}
	if (l->found && item->rec.timed &&
	    l->fetched_at > item->rec.fetched_at) {
		item_settle(p, item, WR_SKIPPED, WR_SKIP_STALE, NULL);
		return;
	}
	if (l->found && has_nothing_to_write(p, item)) {
		item_settle(p, item, WR_UNCHANGED, WR_SKIP_NONE, NULL);
		return;
	}
	item->predicted = predict(l);
	if (l->reused) {
		item->embed = EMBED_READY;
		counter_add(&p->counters.vectors_reused, 1);
	}
	if (item->wants_vector && p->embeds && !l->reused &&
	    (!l->same_content || l->pending))
		embed_add(p, item);
	else
		write_add(p, item);
}

static void again(struct loop_timer *timer)
{
	struct lookup_batch *batch =
		list_item(timer, struct lookup_batch, timer);

	batch->p->config.backend->run(batch->p->config.backend_self,
				      &batch->op);
}

/* Worth another try, unless nobody is waiting any more. */
static bool retry(struct pipeline *p, struct lookup_batch *batch)
{
	bool wanted = false;

	for (size_t i = 0; i < batch->n; i++)
		wanted |= !batch->items[i]->ticket->call.given_up;
	if (!wanted || !error_passes(batch->op.error.status))
		return false;
	counter_add(&p->counters.request_retries, 1);
	loop_timer_set(p->loop, &batch->timer,
		       loop_now_us(p->loop) +
			       backoff_next_us(
				       &batch->backoff, &p->rnd,
				       (int64_t)batch->op.error.retry_after_ms *
					       1000));
	return true;
}

static void done(struct backend_op *op)
{
	struct lookup_batch *batch = list_item(op, struct lookup_batch, op);
	struct pipeline *p = batch->p;

	if (op->error.status && retry(p, batch))
		return;
	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = batch->items[i];

		item->in_lookup = false;
		item->state = ITEM_LOOSE;
		item->lookup = batch->lookups[i];
		if (item_is_given_up(p, item))
			continue;
		if (op->error.status)
			item_fail(p, item, &op->error);
		else
			item_looked_up(p, item);
	}
	free_batch(batch);
	p->lookup_ops--;
	pipeline_unhold(p);
	pipeline_pump(p);
}

static struct lookup_batch *new_batch(struct pipeline *p, size_t n)
{
	struct lookup_batch *batch = mem_zalloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->p = p;
	batch->items = mem_zalloc(n, sizeof(struct item *));
	batch->lookups = mem_zalloc(n, sizeof(*batch->lookups));
	if (batch->items && batch->lookups)
		return batch;
	free_batch(batch);
	return NULL;
}

static void run_batch(struct pipeline *p, struct lookup_batch *batch, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct item *item = queue_take(&p->lookups);

		item->in_lookup = true;
		batch->items[i] = item;
		batch->lookups[i] = (struct lookup){
			.rec = &item->rec,
			.vector = p->embeds ? item->vector : NULL,
		};
	}
	batch->n = n;
	batch->timer.fired = again;
	batch->op = (struct backend_op){
		.kind = BACKEND_LOOKUP,
		.u.lookup = { batch->lookups, n },
		.done = done,
	};
	p->lookup_ops++;
	pipeline_hold(p);
	counter_add(&p->counters.lookups, 1);
	p->config.backend->run(p->config.backend_self, &batch->op);
}

static void refuse(struct pipeline *p)
{
	struct wr_error err;
	struct item *item = queue_take(&p->lookups);

	item->state = ITEM_LOOSE;
	error_nomem(&err, "pipeline");
	item_fail(p, item, &err);
}

void lookup_pump(struct pipeline *p)
{
	while (p->lookups.n && p->lookup_ops < LOOKUP_OPS) {
		size_t n = p->lookups.n;
		struct lookup_batch *batch;

		if (p->lookup_ops && n < LOOKUP_SECOND)
			return;
		if (n > p->config.write_batch)
			n = p->config.write_batch;
		batch = new_batch(p, n);
		if (batch)
			run_batch(p, batch, n);
		else
			refuse(p);
	}
}
