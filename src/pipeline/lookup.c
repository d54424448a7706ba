#include "pipeline/stages.h"

#include "base/mem.h"

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
	bool running; /* else: the timer is set */
	struct item **items;
	size_t n;
	size_t unwanted; /* items that were given up while it ran */
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

/* Would writing it change anything? */
static bool has_nothing_to_write(struct pipeline *p, const struct item *item)
{
	const struct lookup *l = &item->lookup;
	int64_t touch_after = (int64_t)p->config.touch_after_s * 1000000;
	bool lacks = l->pending || !l->has_vector;
	bool brings_vector = (lacks && item->rec.embedding) ||
			     (l->pending && item->wants_vector && p->embeds);

	return l->same_content && l->same_meta && !brings_vector &&
	       !record_newer_by_more(item->rec.fetched_at, l->fetched_at,
				     touch_after);
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
	if (item->blind == BLIND_LOST && l->same_content && l->same_meta &&
	    l->fetched_at == item->rec.fetched_at) {
		item_settle(p, item, item->predicted, WR_SKIP_NONE, NULL);
		return;
	}
	if (l->found && policy == WR_SKIP) {
		item_settle(p, item, WR_SKIPPED, WR_SKIP_STORED, NULL);
		return;
	}
	if (l->found && policy == WR_FAIL) {
		item_fail_exists(p, item);
		return;
	}
	/* A retry never puts older content over newer. */
	if (l->found && (item->rec.timed || item->blind == BLIND_LOST) &&
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

static void done(struct backend_op *op);

static void batch_run(struct lookup_batch *batch)
{
	struct pipeline *p = batch->p;

	batch->running = true;
	batch->unwanted = 0;
	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = batch->items[i];

		batch->lookups[i] = (struct lookup){
			.rec = &item->rec,
			.vector = p->embeds ? item->vector : NULL,
		};
	}
	batch->op = (struct backend_op){
		.kind = BACKEND_LOOKUP,
		.u.lookup = { batch->lookups, batch->n },
		.done = done,
	};
	counter_add(&p->counters.lookups, 1);
	p->config.backend->run(p->config.backend_self, &batch->op);
}

static void batch_end(struct lookup_batch *batch)
{
	struct pipeline *p = batch->p;

	free_batch(batch);
	p->lookup_ops--;
	pipeline_unhold(p);
}

static void again(struct loop_timer *timer)
{
	batch_run(list_item(timer, struct lookup_batch, timer));
}

bool lookup_leave(struct pipeline *p, struct item *item)
{
	struct lookup_batch *batch = item->lookup_batch;
	size_t k = 0;

	if (batch->running) {
		/* Hurry it up once nobody wants any of it. */
		if (++batch->unwanted == batch->n)
			p->config.backend->cancel(p->config.backend_self,
						  &batch->op);
		return false;
	}
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i] != item)
			batch->items[k++] = batch->items[i];
	batch->n = k;
	item->lookup_batch = NULL;
	item->state = ITEM_LOOSE;
	if (!k) {
		loop_timer_clear(p->loop, &batch->timer);
		batch_end(batch);
	}
	return true;
}

/* Those whose tickets were given up meanwhile; the rest closes up. */
static void drop_unwanted(struct pipeline *p, struct lookup_batch *batch)
{
	size_t n = batch->n, k = 0;

	for (size_t i = 0; i < n; i++) {
		struct item *item = batch->items[i];

		if (!item->ticket->call.given_up) {
			batch->items[k] = item;
			batch->lookups[k++] = batch->lookups[i];
			continue;
		}
		item->lookup_batch = NULL;
		item->state = ITEM_LOOSE;
		item_is_given_up(p, item);
	}
	batch->n = k;
}

static void batch_retry(struct pipeline *p, struct lookup_batch *batch)
{
	const struct wr_error *err = &batch->op.error;

	for (size_t i = 0; i < batch->n; i++)
		batch->items[i]->ticket->why = *err;
	counter_add(&p->counters.request_retries, 1);
	batch->timer.fired = again;
	loop_timer_set(p->loop, &batch->timer,
		       next_try_us(p, &batch->backoff, err));
}

/* What these were like, the next ones may be. */
static void learn(struct pipeline *p, const struct lookup_batch *batch)
{
	size_t n = 0, absent = 0, written = 0;

	for (size_t i = 0; i < batch->n; i++) {
		const struct lookup *l = &batch->lookups[i];

		if (batch->items[i]->kind != WRITE_UPSERT)
			continue;
		n++;
		absent += !l->found;
		written += !l->found || !(l->same_content && l->same_meta);
	}
	blind_looked_up(p, n, absent, written);
}

static void done(struct backend_op *op)
{
	struct lookup_batch *batch = list_item(op, struct lookup_batch, op);
	struct pipeline *p = batch->p;

	batch->running = false;
	drop_unwanted(p, batch);
	if (!op->error.status)
		learn(p, batch);
	if (batch->n && error_passes(op->error.status)) {
		batch_retry(p, batch);
		pipeline_pump(p);
		return;
	}
	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = batch->items[i];

		item->lookup_batch = NULL;
		item->state = ITEM_LOOSE;
		item->lookup = batch->lookups[i];
		if (op->error.status)
			item_fail(p, item, &op->error);
		else
			item_looked_up(p, item);
	}
	batch_end(batch);
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

static void fill_and_run(struct pipeline *p, struct lookup_batch *batch,
			 size_t n)
{
	for (size_t i = 0; i < n; i++) {
		batch->items[i] = queue_take(&p->lookups);
		batch->items[i]->lookup_batch = batch;
	}
	batch->n = n;
	p->lookup_ops++;
	pipeline_hold(p);
	batch_run(batch);
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
	blind_pump(p);
	while (p->lookups.n && p->lookup_ops < p->config.backend->lookups) {
		size_t n = p->lookups.n;
		struct lookup_batch *batch;

		if (p->lookup_ops && n < LOOKUP_SECOND)
			return;
		if (n > p->config.write_batch)
			n = p->config.write_batch;
		batch = new_batch(p, n);
		if (batch)
			fill_and_run(p, batch, n);
		else
			refuse(p);
	}
}
