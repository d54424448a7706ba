#include "pipeline/stages.h"

#include "base/mem.h"
#include "base/str.h"

#include <string.h>

/*
 * The third stage: texts become vectors, in batches across records and
 * submissions.  Equal content is embedded once: one item stands in the contents
 * map for it, the others share its vector.
 *
 * A batch that fails in passing is tried again; one that the embedder refuses
 * (WR_EDATA) is halved until the bad text is alone.  What cannot be embedded is
 * written without a vector, and waits for it in the store.
 */
struct embed_batch {
	struct embed_op op;
	struct pipeline *p;
	struct list_node link;	 /* in embed_ready */
	struct loop_timer timer; /* running: its timeout; else: the next try */
	struct backoff backoff;
	int64_t give_up_us; /* no try begins after this */
	bool running, timed_out;
	bool hangs;	       /* and does not even end when it is cancelled */
	size_t n, left;	       /* items, and how many of them are not NULL */
	struct item **items;   /* NULL: left the batch */
	struct input **inputs; /* one reference for each text while it runs */
	struct wr_str *texts;
	float *vectors;
};

static void free_batch(struct embed_batch *batch)
{
	if (!batch)
		return;
	mem_free(batch->items);
	mem_free(batch->inputs);
	mem_free(batch->texts);
	mem_free(batch->vectors);
	mem_free(batch);
}

static struct embed_batch *new_batch(struct pipeline *p, size_t n)
{
	struct embed_batch *batch = mem_zalloc(1, sizeof(*batch));
	size_t floats;

	if (!batch)
		return NULL;
	list_init(&batch->link);
	batch->p = p;
	/* A quarter of what the record has: the page is stored in any case. */
	batch->give_up_us =
		loop_now_us(p->loop) + (int64_t)p->config.op_timeout_ms * 250;
	batch->items = mem_zalloc(n, sizeof(struct item *));
	batch->inputs = mem_zalloc(n, sizeof(struct input *));
	batch->texts = mem_zalloc(n, sizeof(*batch->texts));
	if (!__builtin_mul_overflow(n, (size_t)pipeline_dim(p), &floats))
		batch->vectors = mem_zalloc(floats, sizeof(float));
	if (batch->items && batch->inputs && batch->texts && batch->vectors)
		return batch;
	free_batch(batch);
	return NULL;
}

static void batch_put(struct embed_batch *batch, struct item *item)
{
	batch->items[batch->n++] = item;
	batch->left++;
	item->state = ITEM_EMBEDDING;
	item->embed_batch = batch;
}

/* -------------------------------------------------- the end of an item -- */

static struct wr_str content_key(const struct item *item)
{
	return (struct wr_str){ (const char *)item->rec.content_hash,
				DIGEST_SIZE };
}

static uint64_t content_hash(const struct item *item)
{
	uint64_t h;

	memcpy(&h, item->rec.content_hash, sizeof(h));
	return h;
}

static void share(struct pipeline *p, struct item *from, struct item *to)
{
	memcpy(to->vector, from->vector, pipeline_dim(p) * sizeof(float));
	to->embed = EMBED_READY;
	counter_add(&p->counters.vectors_reused, 1);
	write_add(p, to);
}

static void take_batch_out(struct item *item)
{
	struct embed_batch *batch = item->embed_batch;

	for (size_t i = 0; batch && i < batch->n; i++) {
		if (batch->items[i] != item)
			continue;
		batch->items[i] = NULL;
		batch->left--;
		break;
	}
	item->embed_batch = NULL;
}

static void embedded(struct pipeline *p, struct item *item)
{
	take_batch_out(item);
	list_remove(&item->embed_link);
	item->embed = EMBED_READY;
	item->ticket->embedded++;
	write_add(p, item);
	while (!list_empty(&item->sharers)) {
		struct item *next =
			list_item(item->sharers.next, struct item, link);

		list_remove(&next->link);
		share(p, item, next);
	}
}

/* The page is stored all the same; a pending one has nothing to be stored. */
static void write_without_vector(struct pipeline *p, struct item *item,
				 const struct wr_error *err)
{
	item->embed = EMBED_FAILED;
	item->state = ITEM_LOOSE;
	counter_add(&p->counters.embed_failures, 1);
	if (item->kind == WRITE_VECTOR)
		item_fail(p, item, err);
	else
		write_add(p, item);
}

static void not_embedded(struct pipeline *p, struct item *item,
			 const struct wr_error *err)
{
	take_batch_out(item);
	list_remove(&item->embed_link);
	while (!list_empty(&item->sharers)) {
		struct item *next =
			list_item(item->sharers.next, struct item, link);

		list_remove(&next->link);
		write_without_vector(p, next, err);
	}
	embed_forget(p, item);
	write_without_vector(p, item, err);
}

/* ------------------------------------------------------ the way in, out -- */

static void embed_late(struct loop_timer *timer);

static void arm_deadline(struct pipeline *p, int64_t at_us)
{
	if (at_us >= p->embed_deadline_us)
		return;
	p->embed_deadline_us = at_us;
	p->embed_deadline.fired = embed_late;
	loop_timer_set(p->loop, &p->embed_deadline, at_us);
}

/*
 * Half of the time that its submission has: the other half is for storing the
 * page, which happens with a vector or without.
 */
static void set_deadline(struct pipeline *p, struct item *item)
{
	item->embed_by_us = item->ticket->call.deadline_us -
			    (int64_t)p->config.op_timeout_ms * 500;
	arm_deadline(p, item->embed_by_us);
}

void embed_add(struct pipeline *p, struct item *item)
{
	struct map_node *n =
		map_find(&p->contents, content_hash(item), content_key(item));
	struct item *first;

	item->embed = EMBED_DUE;
	if (n) {
		first = list_item(n, struct item, content_node);
		if (first->embed == EMBED_READY) {
			share(p, first, item);
			return;
		}
		item->state = ITEM_SHARING;
		list_append(&first->sharers, &item->link);
		return;
	}
	/* Without memory for the map it is embedded for itself. */
	item->shares_out = !map_add(&p->contents, &item->content_node,
				    content_hash(item), content_key(item));
	item->state = ITEM_EMBED;
	queue_push(&p->embeds_due, item);
	list_append(&p->embedding, &item->embed_link);
	set_deadline(p, item);
}

void embed_forget(struct pipeline *p, struct item *item)
{
	if (!item->shares_out)
		return;
	item->shares_out = false;
	map_remove(&p->contents, &item->content_node);
}

/* It was to be embedded for others too: the first of them stands in. */
static void pass_sharers_on(struct pipeline *p, struct item *item)
{
	struct item *heir, *next;

	embed_forget(p, item);
	if (list_empty(&item->sharers))
		return;
	heir = list_item(list_take(&item->sharers), struct item, link);
	embed_add(p, heir);
	while (!list_empty(&item->sharers)) {
		next = list_item(list_take(&item->sharers), struct item, link);
		embed_add(p, next);
	}
}

/* Nobody wants the batch any more. */
static void batch_abandon(struct pipeline *p, struct embed_batch *batch)
{
	if (batch->running) {
		p->config.embedder->cancel(p->config.embedder_self, &batch->op);
		return;
	}
	loop_timer_clear(p->loop, &batch->timer);
	list_remove(&batch->link);
	free_batch(batch);
	pipeline_unhold(p);
}

void embed_leave(struct pipeline *p, struct item *item)
{
	struct embed_batch *batch = item->embed_batch;

	list_remove(&item->embed_link);
	switch (item->state) {
	case ITEM_EMBED:
		queue_remove(&p->embeds_due, item);
		break;
	case ITEM_EMBEDDING:
		take_batch_out(item);
		if (!batch->left)
			batch_abandon(p, batch);
		break;
	default:
		list_remove(&item->link);
	}
	pass_sharers_on(p, item);
}

/* --------------------------------------------------- the end of a batch -- */

static void give_up_embedding(struct pipeline *p, struct item *item,
			      const struct wr_error *err)
{
	struct embed_batch *batch = item->embed_batch;

	if (item->state == ITEM_EMBED)
		queue_remove(&p->embeds_due, item);
	not_embedded(p, item, err);
	if (batch && !batch->left)
		batch_abandon(p, batch);
}

static void embed_late(struct loop_timer *timer)
{
	struct pipeline *p = list_item(timer, struct pipeline, embed_deadline);
	int64_t now = loop_now_us(p->loop), next = INT64_MAX;
	struct item *item;
	struct wr_error err;
	size_t n = 0;

	p->embed_deadline_us = INT64_MAX;
	error_set(&err, WR_ETIMEOUT, 0, "embed",
		  "not embedded in half of op_timeout_ms, which is %u",
		  p->config.op_timeout_ms);
	list_each (item, &p->embedding, struct item, embed_link) {
		if (item->embed_by_us <= now) {
			give_up_embedding(p, item, &err);
			n++;
		} else if (item->embed_by_us < next) {
			next = item->embed_by_us;
		}
	}
	if (next != INT64_MAX)
		arm_deadline(p, next);
	if (n)
		log_message(p->config.log, WR_LOG_WARN, err.where,
			    "%zu pages go on without their embedding and wait "
			    "for it: %s",
			    n, err.message);
	pipeline_pump(p);
}

static void batch_fail(struct pipeline *p, struct embed_batch *batch,
		       const struct wr_error *err)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i])
			not_embedded(p, batch->items[i], err);
}

static void ready(struct pipeline *p, struct embed_batch *batch)
{
	list_append(&p->embed_ready, &batch->link);
}

static void next_try(struct loop_timer *timer)
{
	struct embed_batch *batch = list_item(timer, struct embed_batch, timer);

	ready(batch->p, batch);
	embed_pump(batch->p);
}

/* The texts that are still wanted go into a new batch, to be tried later. */
static bool batch_retry(struct pipeline *p, struct embed_batch *batch,
			const struct wr_error *err)
{
	int64_t at = next_try_us(p, &batch->backoff, err);
	struct embed_batch *next;

	if (!error_passes(err->status) || at > batch->give_up_us)
		return false;
	next = new_batch(p, batch->left);
	if (!next)
		return false;
	next->backoff = batch->backoff;
	next->give_up_us = batch->give_up_us;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i])
			batch_put(next, batch->items[i]);
	batch->left = 0;
	next->timer.fired = next_try;
	loop_timer_set(p->loop, &next->timer, at);
	pipeline_hold(p);
	counter_add(&p->counters.embed_retries, 1);
	return true;
}

/* One of these texts is refused: find out which. */
static bool batch_halve(struct pipeline *p, struct embed_batch *batch)
{
	struct embed_batch *halves[2];
	size_t left = batch->left, k = 0;

	if (left < 2)
		return false;
	halves[0] = new_batch(p, left / 2);
	halves[1] = new_batch(p, left - left / 2);
	if (!halves[0] || !halves[1]) {
		free_batch(halves[0]);
		free_batch(halves[1]);
		return false;
	}
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i])
			batch_put(halves[k++ >= left / 2], batch->items[i]);
	batch->left = 0;
	for (size_t i = 0; i < 2; i++) {
		halves[i]->give_up_us = batch->give_up_us;
		pipeline_hold(p);
		ready(p, halves[i]);
	}
	return true;
}

/* A vector that cannot be: the text is tried again, but not for ever. */
static void unsound(struct pipeline *p, struct item *item)
{
	struct wr_error err;

	if (++item->embed_tries < EMBED_TRIES) {
		take_batch_out(item);
		item->state = ITEM_EMBED;
		queue_push(&p->embeds_due, item);
		return;
	}
	error_set(&err, WR_EREMOTE, 0, "embed",
		  "the embedder returned a vector with NaN, infinity or "
		  "nothing but zeros for %.*s",
		  (int)str_clip(item->rec.key, 100).len, item->rec.key.ptr);
	log_message(p->config.log, WR_LOG_WARN, err.where, "%s", err.message);
	not_embedded(p, item, &err);
}

static void batch_take_vectors(struct pipeline *p, struct embed_batch *batch)
{
	size_t dim = pipeline_dim(p);

	for (size_t i = 0; i < batch->n; i++) {
		struct item *item = batch->items[i];
		const float *vector = batch->vectors + i * dim;

		if (!item)
			continue;
		if (!vector_is_sound(vector, dim)) {
			unsound(p, item);
			continue;
		}
		memcpy(item->vector, vector, dim * sizeof(float));
		embedded(p, item);
	}
}

static void batch_settle(struct pipeline *p, struct embed_batch *batch,
			 const struct wr_error *err)
{
	if (!err->status) {
		batch_take_vectors(p, batch);
	} else if (batch->left) {
		if (err->status == WR_EDATA && batch_halve(p, batch))
			return;
		if (batch_retry(p, batch, err))
			return;
		log_message(p->config.log, WR_LOG_WARN, err->where,
			    "%zu texts were not embedded, their pages wait "
			    "for it: %s",
			    batch->left, err->message);
		batch_fail(p, batch, err);
	}
}

static void done(struct embed_op *op)
{
	struct embed_batch *batch = list_item(op, struct embed_batch, op);
	struct pipeline *p = batch->p;

	loop_timer_clear(p->loop, &batch->timer);
	batch->running = false;
	p->embed_hanging -= batch->hangs;
	for (size_t i = 0; i < batch->n; i++)
		input_unref(batch->inputs[i]);
	if (!batch->timed_out)
		batch_settle(p, batch, &op->error);
	free_batch(batch);
	p->embed_ops--;
	pipeline_unhold(p);
	pipeline_pump(p);
}

/* How long a cancelled call may take to end. */
static int64_t hanging_after_us(const struct pipeline *p)
{
	uint32_t ms = p->config.embed_timeout_ms;

	return (int64_t)(ms < EMBED_GRACE_MS ? ms : EMBED_GRACE_MS) * 1000;
}

/* Its place is lost until it ends, if it ever does. */
static void found_hanging(struct loop_timer *timer)
{
	struct embed_batch *batch = list_item(timer, struct embed_batch, timer);

	batch->hangs = true;
	batch->p->embed_hanging++;
	pipeline_pump(batch->p);
}

/* The call takes too long: its items go on without it. */
static void timed_out(struct loop_timer *timer)
{
	struct embed_batch *batch = list_item(timer, struct embed_batch, timer);
	struct pipeline *p = batch->p;
	struct wr_error err;

	batch->timed_out = true;
	error_set(&err, WR_ETIMEOUT, 0, "embed",
		  "no answer within %u ms; raise embed_timeout_ms if the "
		  "embedder is that slow",
		  p->config.embed_timeout_ms);
	batch_settle(p, batch, &err);
	batch->timer.fired = found_hanging;
	loop_timer_set(p->loop, &batch->timer,
		       loop_now_us(p->loop) + hanging_after_us(p));
	p->config.embedder->cancel(p->config.embedder_self, &batch->op);
	pipeline_pump(p);
}

/* ------------------------------------------------------------- the pump -- */

static void batch_run(struct pipeline *p, struct embed_batch *batch)
{
	size_t k = 0;

	/* Close the gaps that items left behind. */
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i])
			batch->items[k++] = batch->items[i];
	batch->n = k;
	for (size_t i = 0; i < k; i++) {
		batch->texts[i] = batch->items[i]->rec.content;
		batch->inputs[i] = batch->items[i]->ticket->input;
		batch->inputs[i]->refs++;
	}
	batch->op = (struct embed_op){
		.texts = batch->texts,
		.n = k,
		.vectors = batch->vectors,
		.dim = pipeline_dim(p),
		.done = done,
	};
	batch->running = true;
	batch->timer.fired = timed_out;
	loop_timer_set(p->loop, &batch->timer,
		       loop_now_us(p->loop) +
			       (int64_t)p->config.embed_timeout_ms * 1000);
	p->embed_ops++;
	counter_add(&p->counters.embed_calls, 1);
	counter_add(&p->counters.embed_texts, k);
	p->config.embedder->run(p->config.embedder_self, &batch->op);
}

static void run_ready(struct pipeline *p)
{
	while (p->embed_ops < p->config.embed_inflight &&
	       !list_empty(&p->embed_ready)) {
		struct embed_batch *batch = list_item(
			list_take(&p->embed_ready), struct embed_batch, link);

		batch_run(p, batch);
	}
}

static void linger_over(struct loop_timer *timer)
{
	struct pipeline *p = list_item(timer, struct pipeline, embed_linger);

	p->embed_now = true;
	pipeline_pump(p);
}

/* Wait for more texts while more are likely to come, but not for long. */
static bool worth_waiting(struct pipeline *p)
{
	if (p->embeds_due.n >= p->config.embed_batch ||
	    p->embeds_due.bytes >= EMBED_BYTES || p->embed_now ||
	    !upstream_of_embed(p))
		return false;
	if (p->embed_linger.fired)
		return true;
	p->embed_linger.fired = linger_over;
	loop_timer_set(p->loop, &p->embed_linger,
		       loop_now_us(p->loop) +
			       (int64_t)p->config.embed_linger_ms * 1000);
	return true;
}

static void fill_and_run(struct pipeline *p)
{
	size_t n = p->embeds_due.n < p->config.embed_batch
			   ? p->embeds_due.n
			   : p->config.embed_batch;
	struct embed_batch *batch = new_batch(p, n);
	struct wr_error err;
	uint64_t bytes = 0;

	if (!batch) {
		error_nomem(&err, "embed");
		not_embedded(p, queue_take(&p->embeds_due), &err);
		return;
	}
	while (batch->n < n && (!batch->n || bytes < EMBED_BYTES)) {
		struct item *item = queue_take(&p->embeds_due);

		bytes += item->rec.content.len;
		batch_put(batch, item);
	}
	pipeline_hold(p);
	batch_run(p, batch);
}

/*
 * Every place is taken by a call that hangs: nothing can be embedded, and the
 * pages shall not wait for it until their deadline.
 */
static void do_without(struct pipeline *p)
{
	struct wr_error err;

	error_set(&err, WR_ETIMEOUT, 0, "embed",
		  "%u calls to the embedder hang, and no more are made",
		  p->embed_hanging);
	if (p->embeds_due.n || !list_empty(&p->embed_ready))
		log_message(p->config.log, WR_LOG_WARN, err.where, "%s",
			    err.message);
	while (p->embeds_due.n)
		not_embedded(p, queue_take(&p->embeds_due), &err);
	while (!list_empty(&p->embed_ready)) {
		struct embed_batch *batch = list_item(
			list_take(&p->embed_ready), struct embed_batch, link);

		batch_fail(p, batch, &err);
		free_batch(batch);
		pipeline_unhold(p);
	}
}

void embed_pump(struct pipeline *p)
{
	if (p->embed_hanging >= p->config.embed_inflight)
		do_without(p);
	search_embed_queries(p);
	run_ready(p);
	while (p->embeds_due.n && p->embed_ops < p->config.embed_inflight &&
	       !worth_waiting(p))
		fill_and_run(p);
	if (!p->embeds_due.n || p->embed_now) {
		p->embed_now = false;
		p->embed_linger.fired = NULL;
		loop_timer_clear(p->loop, &p->embed_linger);
	}
}
