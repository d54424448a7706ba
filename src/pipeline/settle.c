#include "pipeline/stages.h"

#include "base/str.h"

#include <assert.h>

/*
 * How items and tickets end.  Every item passes through item_settle() exactly
 * once (or fails while its ticket is prepared, and never becomes one).
 */

void give_up_error(struct wr_error *err, int status)
{
	switch (status) {
	case WR_ETIMEOUT:
		error_set(err, status, 0, "pipeline",
			  "gave up at the deadline; raise op_timeout_ms, or "
			  "see what keeps the store or the embedder busy");
		break;
	case WR_ECLOSED:
		error_set(
			err, status, 0, "pipeline",
			"abandoned: the store was closed with WR_CLOSE_ABORT");
		break;
	default:
		error_set(err, status, 0, "pipeline", "canceled");
	}
}

/* Of a ticket: with the fault that was tried to be ridden out, if any. */
static void ticket_give_up_error(const struct ticket *t, struct wr_error *err)
{
	give_up_error(err, t->call.given_up);
	if (t->call.given_up == WR_ETIMEOUT && t->why.status) {
		*err = t->why;
		error_set(err, WR_ETIMEOUT, t->why.native, t->why.where,
			  "gave up at the deadline: %s", t->why.message);
	}
}

/* Where memory is out even for the error: it fails with this one. */
static struct wr_error no_memory = {
	.status = WR_ENOMEM,
	.where = "pipeline",
	.message = "out of memory",
};

void ticket_set_error(struct ticket *t, size_t i, const struct wr_error *err)
{
	struct wr_error *copy = arena_alloc(&t->outcome_arena, sizeof(*copy));

	if (copy)
		*copy = *err;
	t->outcomes[i].outcome = WR_FAILED;
	t->outcomes[i].error = copy ? copy : &no_memory;
}

void ticket_refuse(struct ticket *t, const struct wr_error *err)
{
	for (size_t i = 0; i < t->n; i++)
		ticket_set_error(t, i, err);
	t->counts[WR_FAILED] = t->n;
	t->call.error = *err;
	input_unref(t->input);
	t->input = NULL;
}

/* What the call as a whole says: that it was given up, or nothing. */
static void ticket_end(struct pipeline *p, struct ticket *t)
{
	input_unref(t->input);
	t->input = NULL;
	if (t->call.given_up && t->counts[WR_FAILED])
		ticket_give_up_error(t, &t->call.error);
	else if (t->prepare_status)
		error_nomem(&t->call.error, "pipeline");
	call_settle(p, &t->call);
}

void ticket_check_end(struct pipeline *p, struct ticket *t)
{
	if (!t->unsettled)
		ticket_end(p, t);
}

/* Out of the place that its state names. */
static void leave(struct pipeline *p, struct item *item)
{
	switch (item->state) {
	case ITEM_LOOKUP:
		assert(!item->lookup_batch);
		queue_remove(&p->lookups, item);
		break;
	case ITEM_EMBED:
	case ITEM_EMBEDDING:
	case ITEM_SHARING:
		embed_leave(p, item);
		break;
	case ITEM_WRITE:
		queue_remove(&p->writes, item);
		break;
	case ITEM_WRITING:
		write_leave(p, item);
		break;
	default:
		list_remove(&item->link);
	}
}

void item_settle(struct pipeline *p, struct item *item, enum wr_outcome outcome,
		 enum wr_skip skip, const struct wr_error *err)
{
	struct ticket *t = item->ticket;

	assert(item->state != ITEM_DONE);
	leave(p, item);
	embed_forget(p, item);
	item->state = ITEM_DONE;
	t->outcomes[item->index].outcome = (uint8_t)outcome;
	t->outcomes[item->index].skip = (uint8_t)skip;
	if (outcome == WR_FAILED)
		ticket_set_error(t, item->index, err);
	t->counts[outcome]++;
	/* What is embedded later was settled when it was stored. */
	if (item->kind != WRITE_VECTOR)
		counter_add(&p->counters.outcomes[outcome], 1);
	keys_pass_on(p, item, outcome);
	t->unsettled--;
	ticket_check_end(p, t);
}

void item_fail(struct pipeline *p, struct item *item,
	       const struct wr_error *err)
{
	item_settle(p, item, WR_FAILED, WR_SKIP_NONE, err);
}

void item_fail_exists(struct pipeline *p, struct item *item)
{
	struct wr_error err;

	error_set(&err, WR_EEXIST, 0, "pipeline",
		  "%.*s is stored already, and the policy is to fail",
		  (int)str_clip(item->rec.key, 150).len, item->rec.key.ptr);
	item_fail(p, item, &err);
}

bool item_is_given_up(struct pipeline *p, struct item *item)
{
	struct wr_error err = { 0 };

	if (!item->ticket->call.given_up)
		return false;
	ticket_give_up_error(item->ticket, &err);
	item_fail(p, item, &err);
	return true;
}

/*
 * Items inside a look-up or a running write settle when that is done: their
 * memory is in use, and a write may have happened.  Those that ride on another
 * settle with it.
 */
static bool settles_now(struct pipeline *p, struct item *item)
{
	if (item->state == ITEM_DONE || item->state == ITEM_RIDING)
		return false;
	if (item->lookup_batch)
		return lookup_leave(p, item);
	return item->state != ITEM_WRITING || write_leave(p, item);
}

void ticket_give_up(struct pipeline *p, struct ticket *t)
{
	struct wr_error err = { 0 };

	/* While it is prepared, or waits to be admitted: see admit_item(). */
	if (!list_empty(&t->prep_link))
		return;
	ticket_give_up_error(t, &err);
	t->unsettled++;
	for (size_t i = 0; i < t->n; i++) {
		struct item *item = &t->input->items[i];

		if (settles_now(p, item))
			item_fail(p, item, &err);
	}
	t->unsettled--;
	ticket_check_end(p, t);
}
