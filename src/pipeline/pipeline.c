#include "pipeline/pipeline.h"
#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/stages.h"

#include <assert.h>

static void deliver(struct loop_task *task);
static void deadline_passed(struct loop_timer *timer);

static void set_defaults(struct pipeline_config *c)
{
#define DEFAULT(field, value) c->field = c->field ? c->field : (value)
	DEFAULT(embed_batch, 64);
	DEFAULT(embed_linger_ms, 2);
	DEFAULT(embed_inflight, 4);
	DEFAULT(embed_timeout_ms, 60000);
	DEFAULT(write_batch,
		c->settings.write_batch > 500 ? c->settings.write_batch : 500);
	DEFAULT(write_linger_ms, 2);
	DEFAULT(max_content_bytes, (uint64_t)64 << 20);
	DEFAULT(op_timeout_ms, 120000);
	DEFAULT(touch_after_s, 86400);
	DEFAULT(known_walk, KNOWN_WALK);
	DEFAULT(blind_after, BLIND_AFTER);
#undef DEFAULT
	if (c->embedder && c->embedder->max_batch &&
	    c->embed_batch > c->embedder->max_batch)
		c->embed_batch = c->embedder->max_batch;
}

int pipeline_new(struct pipeline **out, const struct pipeline_config *config)
{
	struct pipeline *p = mem_zalloc(1, sizeof(*p));

	if (!p)
		return WR_ENOMEM;
	p->config = *config;
	set_defaults(&p->config);
	p->loop = config->loop;
	p->embeds = config->embedder && config->embedder != &none_embedder;
	atomic_store(&p->dim, config->settings.dim);
	p->rnd.s = config->seed;
	list_init(&p->calls);
	list_init(&p->settled);
	p->settle_task.run = deliver;
	p->deadline.fired = deadline_passed;
	p->deadline_us = INT64_MAX;
	map_init(&p->keys);
	map_init(&p->contents);
	list_init(&p->arrived);
	list_init(&p->order);
	list_init(&p->lookups.items);
	list_init(&p->embeds_due.items);
	list_init(&p->queries);
	list_init(&p->embedding);
	p->embed_deadline_us = INT64_MAX;
	list_init(&p->embed_ready);
	list_init(&p->writes.items);
	list_init(&p->write_ready);
	*out = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	assert(list_empty(&p->calls) && !p->ops);
	loop_timer_clear(p->loop, &p->deadline);
	loop_timer_clear(p->loop, &p->embed_deadline);
	loop_timer_clear(p->loop, &p->embed_linger);
	loop_timer_clear(p->loop, &p->write_linger);
	map_release(&p->keys);
	map_release(&p->contents);
	mem_free(p);
}

struct counters *pipeline_counters(struct pipeline *p)
{
	return &p->counters;
}

uint32_t pipeline_dim(struct pipeline *p)
{
	return atomic_load(&p->dim);
}

int64_t wall_now_us(struct pipeline *p)
{
	return p->config.wall_us ? p->config.wall_us(p->config.wall_arg)
				 : clock_now_us();
}

int64_t next_try_us(struct pipeline *p, struct backoff *backoff,
		    const struct wr_error *err)
{
	return loop_now_us(p->loop) +
	       backoff_next_us(backoff, &p->rnd,
			       (int64_t)err->retry_after_ms * 1000);
}

/* ------------------------------------------------------------- queues -- */

void queue_push(struct queue *q, struct item *item)
{
	list_append(&q->items, &item->link);
	q->n++;
	q->bytes += item->rec.content.len;
}

void queue_remove(struct queue *q, struct item *item)
{
	list_remove(&item->link);
	q->n--;
	q->bytes -= item->rec.content.len;
}

struct item *queue_take(struct queue *q)
{
	struct item *item;

	if (!q->n)
		return NULL;
	item = list_item(q->items.next, struct item, link);
	queue_remove(q, item);
	return item;
}

void pipeline_pump(struct pipeline *p)
{
	prepare_pump(p);
	lookup_pump(p);
	embed_pump(p);
	write_pump(p);
}

/* --------------------------------------------------- calls and their end -- */

/* Idleness is told from the task, so that settled() came for all before. */
static void post_settle_task(struct pipeline *p)
{
	if (p->settle_posted)
		return;
	p->settle_posted = true;
	loop_post(p->loop, &p->settle_task);
}

void pipeline_hold(struct pipeline *p)
{
	p->ops++;
}

void pipeline_unhold(struct pipeline *p)
{
	p->ops--;
	if (!p->ops && p->idle)
		post_settle_task(p);
}

/*
 * A flush is over when no submission that came before it is left.  p->calls is
 * in the order of seq, so it is one of those before the first submission.
 * (Done here and not where a call settles: there, somebody may be walking over
 * the calls.)
 */
static void settle_flushes(struct pipeline *p)
{
	struct call *call;

	list_each (call, &p->calls, struct call, link) {
		if (call->kind == CALL_SUBMIT || call->kind == CALL_DELETE)
			return;
		if (call->kind != CALL_FLUSH)
			continue;
		list_remove(&call->link);
		list_append(&p->settled, &call->link);
	}
}

void call_settle(struct pipeline *p, struct call *call)
{
	list_remove(&call->link);
	list_append(&p->settled, &call->link);
	post_settle_task(p);
}

static void deliver(struct loop_task *task)
{
	struct pipeline *p = list_item(task, struct pipeline, settle_task);
	struct list_node *n, batch;

	p->settle_posted = false;
	settle_flushes(p);
	list_init(&batch);
	list_splice(&batch, &p->settled);
	while ((n = list_take(&batch))) {
		struct call *call = list_item(n, struct call, link);

		call->settled(call);
	}
	if (p->idle && !p->ops && list_empty(&p->calls) &&
	    list_empty(&p->settled)) {
		void (*idle)(void *arg) = p->idle;

		p->idle = NULL;
		idle(p->idle_arg);
	}
}

void pipeline_when_idle(struct pipeline *p, void (*idle)(void *arg), void *arg)
{
	p->idle = idle;
	p->idle_arg = arg;
	post_settle_task(p);
}

static void call_give_up(struct pipeline *p, struct call *call, int status)
{
	if (call->given_up)
		return;
	call->given_up = status;
	switch (call->kind) {
	case CALL_SUBMIT:
	case CALL_DELETE:
		ticket_give_up(p, ticket_of(call));
		break;
	case CALL_FLUSH:
		give_up_error(&call->error, status);
		call_settle(p, call);
		break;
	default:
		request_give_up(p, (struct request *)call, status);
	}
}

/* Giving one up settles no other call at once: walking on is safe. */
static void give_up_matching(struct pipeline *p, int status,
			     bool (*match)(const struct call *call,
					   const void *arg),
			     const void *arg)
{
	struct call *call;

	list_each (call, &p->calls, struct call, link) {
		if (!call->given_up && match(call, arg))
			call_give_up(p, call, status);
	}
}

static bool is_due(const struct call *call, const void *now)
{
	return call->deadline_us <= *(const int64_t *)now;
}

static void deadline_passed(struct loop_timer *timer)
{
	struct pipeline *p = list_item(timer, struct pipeline, deadline);
	int64_t now = loop_now_us(p->loop);
	struct call *call;

	p->deadline_us = INT64_MAX;
	give_up_matching(p, WR_ETIMEOUT, is_due, &now);
	list_each (call, &p->calls, struct call, link) {
		if (!call->given_up && call->deadline_us < p->deadline_us)
			p->deadline_us = call->deadline_us;
	}
	if (p->deadline_us != INT64_MAX)
		loop_timer_set(p->loop, &p->deadline, p->deadline_us);
	pipeline_pump(p);
}

/* These go over as much as there is, and take as long as that takes. */
static bool is_open_ended(const struct call *call)
{
	return call->kind == CALL_PRUNE || call->kind == CALL_EMBED_PENDING ||
	       call->kind == CALL_CHECK || call->kind == CALL_MIGRATE ||
	       call->kind == CALL_INDEX || call->kind == CALL_FLUSH;
}

static int64_t deadline_of(struct pipeline *p, const struct call *call)
{
	uint32_t ms = p->config.op_timeout_ms;

	if (is_open_ended(call))
		return INT64_MAX;
	if (call->kind == CALL_SEARCH &&
	    ((const struct request *)call)->timeout_ms)
		ms = ((const struct request *)call)->timeout_ms;
	return loop_now_us(p->loop) + (int64_t)ms * 1000;
}

void pipeline_start(struct pipeline *p, struct call *call)
{
	call->seq = p->next_seq++;
	call->given_up = 0;
	call->deadline_us = deadline_of(p, call);
	list_append(&p->calls, &call->link);
	if (call->deadline_us < p->deadline_us) {
		p->deadline_us = call->deadline_us;
		loop_timer_set(p->loop, &p->deadline, p->deadline_us);
	}
	switch (call->kind) {
	case CALL_SUBMIT:
	case CALL_DELETE:
		prepare_add(p, ticket_of(call));
		pipeline_pump(p);
		break;
	case CALL_FLUSH:
		post_settle_task(p);
		break;
	default:
		counter_add(&p->counters.requests, 1);
		request_start(p, (struct request *)call);
	}
}

struct owner_tag {
	void *owner;
	uint64_t tag;
};

static bool has_tag(const struct call *call, const void *arg)
{
	const struct owner_tag *which = arg;

	return call->owner == which->owner && call->tag == which->tag;
}

static bool is_any(const struct call *call, const void *arg)
{
	(void)call;
	(void)arg;
	return true;
}

void pipeline_cancel(struct pipeline *p, void *owner, uint64_t tag)
{
	struct owner_tag which = { owner, tag };

	give_up_matching(p, WR_ECANCELED, has_tag, &which);
	pipeline_pump(p);
}

void pipeline_abort(struct pipeline *p, int status)
{
	give_up_matching(p, status, is_any, NULL);
	pipeline_pump(p);
}
