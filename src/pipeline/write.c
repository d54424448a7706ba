#include "pipeline/stages.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

/*
 * The last stage: one transaction a batch, and when it is durable every record
 * of it is settled.  While one batch is written the next one gathers, whoever
 * its records come from: a group commit.
 *
 * A batch that fails in passing is tried again with the same rows; one that the
 * backend refuses (WR_EDATA) is halved until the bad row is alone.
 */
struct write_batch {
	struct backend_op op;
	struct pipeline *p;
	struct list_node link;	 /* in write_ready */
	struct loop_timer timer; /* between two tries */
	struct backoff backoff;
	bool running, waiting; /* waiting: the timer is set */
	bool tried;	       /* the rows may be stored already */
	size_t n, left;
	struct item **items; /* NULL: left the batch */
	size_t unwanted;     /* items that were given up while it ran */
	struct write *writes;
};

static void free_batch(struct write_batch *batch)
{
	if (!batch)
		return;
	mem_free(batch->items);
	mem_free(batch->writes);
	mem_free(batch);
}

static struct write_batch *new_batch(struct pipeline *p, size_t n)
{
	struct write_batch *batch = mem_zalloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	list_init(&batch->link);
	batch->p = p;
	batch->items = mem_zalloc(n, sizeof(struct item *));
	batch->writes = mem_zalloc(n, sizeof(*batch->writes));
	if (batch->items && batch->writes)
		return batch;
	free_batch(batch);
	return NULL;
}

static void batch_put(struct write_batch *batch, struct item *item)
{
	batch->items[batch->n++] = item;
	batch->left++;
	item->state = ITEM_WRITING;
	item->write_batch = batch;
}

void write_add(struct pipeline *p, struct item *item)
{
	item->state = ITEM_WRITE;
	queue_push(&p->writes, item);
}

/* ---------------------------------------------------- the end of an item -- */

/* What the store made of a row that it took. */
static void item_written(struct pipeline *p, struct item *item,
			 const struct write *w)
{
	if (item_is_blind(item) && !blind_written(p, item, w))
		return;
	if (w->outcome == WR_FAILED)
		item_fail_exists(p, item);
	else
		item_settle(p, item, w->outcome, w->skip, NULL);
}

/* Out of its batch, and in no place. */
static void detach(struct item *item)
{
	item->write_batch = NULL;
	item->state = ITEM_LOOSE;
}

static void batch_end(struct pipeline *p, struct write_batch *batch)
{
	free_batch(batch);
	pipeline_unhold(p);
}

static void stop_waiting(struct pipeline *p, struct write_batch *batch)
{
	if (!batch->waiting)
		return;
	batch->waiting = false;
	p->write_waiting--;
	loop_timer_clear(p->loop, &batch->timer);
}

bool write_leave(struct pipeline *p, struct item *item)
{
	struct write_batch *batch = item->write_batch;

	if (batch->running) {
		/* Hurry it up once nobody wants any of it. */
		if (++batch->unwanted == batch->left)
			p->config.backend->cancel(p->config.backend_self,
						  &batch->op);
		return false;
	}
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i] == item)
			batch->items[i] = NULL;
	detach(item);
	if (!--batch->left) {
		stop_waiting(p, batch);
		list_remove(&batch->link);
		batch_end(p, batch);
	}
	return true;
}

/* ----------------------------------------------------- the end of a batch --
 */

static void batch_written(struct pipeline *p, struct write_batch *batch)
{
	counter_add(&p->counters.write_batches, 1);
	counter_add(&p->counters.rows_written, batch->n);
	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = batch->items[i];

		detach(item);
		item_written(p, item, &batch->writes[i]);
	}
}

/* Those whose tickets were given up meanwhile; the rest closes up. */
static void drop_unwanted(struct pipeline *p, struct write_batch *batch)
{
	size_t n = batch->n, k = 0;

	for (size_t i = 0; i < n; i++) {
		struct item *item = batch->items[i];

		if (!item->ticket->call.given_up) {
			batch->items[k++] = item;
			continue;
		}
		detach(item);
		item_is_given_up(p, item);
	}
	batch->n = batch->left = k;
	batch->unwanted = 0;
}

/* What was not looked up is looked up before it is tried again. */
static void drop_blind(struct pipeline *p, struct write_batch *batch)
{
	size_t n = batch->n, k = 0;

	for (size_t i = 0; i < n; i++) {
		struct item *item = batch->items[i];

		if (!item_is_blind(item)) {
			batch->items[k++] = item;
			continue;
		}
		item->ticket->why = batch->op.error;
		detach(item);
		blind_lost(p, item);
	}
	batch->n = batch->left = k;
}

static void next_try(struct loop_timer *timer)
{
	struct write_batch *batch = list_item(timer, struct write_batch, timer);
	struct pipeline *p = batch->p;

	stop_waiting(p, batch);
	list_append(&p->write_ready, &batch->link);
	pipeline_pump(p);
}

static void batch_retry(struct pipeline *p, struct write_batch *batch)
{
	int64_t at = next_try_us(p, &batch->backoff, &batch->op.error);

	for (size_t i = 0; i < batch->n; i++)
		batch->items[i]->ticket->why = batch->op.error;
	if (batch->backoff.tries == 1 || !(batch->backoff.tries & 3))
		log_message(p->config.log, WR_LOG_WARN, batch->op.error.where,
			    "a batch of %zu is tried again in %lld ms: %s",
			    batch->n,
			    (long long)((at - loop_now_us(p->loop)) / 1000),
			    batch->op.error.message);
	counter_add(&p->counters.write_retries, 1);
	batch->tried = true;
	batch->waiting = true;
	p->write_waiting++;
	batch->timer.fired = next_try;
	loop_timer_set(p->loop, &batch->timer, at);
}

/* One of these rows is refused: find out which. */
static bool batch_halve(struct pipeline *p, struct write_batch *batch)
{
	struct write_batch *halves[2];
	size_t n = batch->n;

	if (n < 2)
		return false;
	halves[0] = new_batch(p, n / 2);
	halves[1] = new_batch(p, n - n / 2);
	if (!halves[0] || !halves[1]) {
		free_batch(halves[0]);
		free_batch(halves[1]);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		batch_put(halves[i >= n / 2], batch->items[i]);
	for (size_t i = 0; i < 2; i++) {
		halves[i]->tried = batch->tried;
		pipeline_hold(p);
		list_append(&p->write_ready, &halves[i]->link);
	}
	counter_add(&p->counters.write_bisections, 1);
	return true;
}

static void batch_fail(struct pipeline *p, struct write_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = batch->items[i];

		detach(item);
		item_fail(p, item, &batch->op.error);
	}
}

static void done(struct backend_op *op)
{
	struct write_batch *batch = list_item(op, struct write_batch, op);
	struct pipeline *p = batch->p;
	int status = op->error.status;
	bool over = true;

	batch->running = false;
	p->write_ops--;
	if (!status) {
		batch_written(p, batch);
	} else {
		drop_unwanted(p, batch);
		if (error_passes(status) || status == WR_ECANCELED) {
			drop_blind(p, batch);
			over = !batch->n;
			if (!over)
				batch_retry(p, batch);
		} else if (status != WR_EDATA || !batch_halve(p, batch)) {
			batch_fail(p, batch);
		}
	}
	if (over)
		batch_end(p, batch);
	pipeline_pump(p);
}

/* ------------------------------------------------------------- the pump -- */

static int by_key(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;

	return str_cmp((*x)->rec.key, (*y)->rec.key);
}

static const float *vector_of(const struct item *item)
{
	if (item->rec.embedding)
		return item->rec.embedding;
	return item->embed == EMBED_READY ? item->vector : NULL;
}

static void batch_run(struct pipeline *p, struct write_batch *batch)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i])
			batch->items[n++] = batch->items[i];
	batch->n = n;
	for (size_t i = 0; i < n; i++) {
		struct item *item = batch->items[i];

		batch->writes[i] = (struct write){
			.kind = item->kind,
			.rec = &item->rec,
			.vector = vector_of(item),
			.policy = item->blind == BLIND_INSERT
					  ? WR_SKIP
					  : item->ticket->policy,
			.wants_vector = item->wants_vector,
			.known_absent = !item->lookup.found,
			/* The first may yet be under way in the server. */
			.retried = batch->tried || item->blind == BLIND_LOST,
			.predicted = item->predicted,
			.seen_at = item->lookup.fetched_at,
		};
	}
	batch->op = (struct backend_op){
		.kind = BACKEND_WRITE,
		.u.write = { batch->writes, n,
			     (int64_t)p->config.touch_after_s * 1000000 },
		.done = done,
	};
	batch->unwanted = 0;
	batch->running = true;
	p->write_ops++;
	p->config.backend->run(p->config.backend_self, &batch->op);
}

static void linger_over(struct loop_timer *timer)
{
	struct pipeline *p = list_item(timer, struct pipeline, write_linger);

	p->write_now = true;
	pipeline_pump(p);
}

static bool is_full(const struct pipeline *p)
{
	return p->writes.n >= p->config.write_batch ||
	       p->writes.bytes >= WRITE_BYTES;
}

/*
 * A second batch begins only when it is full, so that small submissions meet
 * in one transaction; none begins while one waits for a fault to pass.
 */
static bool may_run(struct pipeline *p)
{
	if (p->dim_saving || p->write_waiting ||
	    p->write_ops >= p->config.backend->writes)
		return false;
	if (is_full(p))
		return true;
	if (p->write_ops)
		return false;
	if (p->write_now || !upstream_of_write(p))
		return true;
	if (!p->write_linger.fired) {
		p->write_linger.fired = linger_over;
		loop_timer_set(p->loop, &p->write_linger,
			       loop_now_us(p->loop) +
				       (int64_t)p->config.write_linger_ms *
					       1000);
	}
	return false;
}

static void fill_and_run(struct pipeline *p)
{
	size_t n = p->writes.n < p->config.write_batch ? p->writes.n
						       : p->config.write_batch;
	struct write_batch *batch = new_batch(p, n);
	struct wr_error err;
	uint64_t bytes = 0;

	if (!batch) {
		struct item *item = queue_take(&p->writes);

		item->state = ITEM_LOOSE;
		error_nomem(&err, "pipeline");
		item_fail(p, item, &err);
		return;
	}
	while (batch->n < n && (!batch->n || bytes < WRITE_BYTES)) {
		struct item *item = queue_take(&p->writes);

		bytes += item->rec.content.len;
		batch_put(batch, item);
	}
	qsort(batch->items, batch->n, sizeof(struct item *), by_key);
	pipeline_hold(p);
	batch_run(p, batch);
}

void write_pump(struct pipeline *p)
{
	while (!list_empty(&p->write_ready) &&
	       p->write_ops < p->config.backend->writes)
		batch_run(p, list_item(list_take(&p->write_ready),
				       struct write_batch, link));
	while (p->writes.n && may_run(p))
		fill_and_run(p);
	if (!p->writes.n || p->write_now) {
		p->write_now = false;
		p->write_linger.fired = NULL;
		loop_timer_clear(p->loop, &p->write_linger);
	}
}
