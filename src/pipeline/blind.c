#include "pipeline/stages.h"

/*
 * Looking up what is new costs as much as a good part of its insertion, and
 * saves nothing.  While nearly all that is looked up turns out to be new, or to
 * have changed, what comes next is written without being looked up, unless it
 * would have to be embedded.  What is inserted blindly leaves a stored row
 * untouched: it is looked up then, and a few of these end the blindness.
 */

static bool nearly_all(size_t part, size_t n)
{
	return part >= n - n / BLIND_PART;
}

static void forget(struct blind *b)
{
	b->n = b->absent = b->written = b->missed = 0;
}

static bool may_go(const struct pipeline *p, const struct item *item)
{
	return item->kind == WRITE_UPSERT && item->blind == BLIND_NO &&
	       !(item->wants_vector && p->embeds);
}

void blind_pump(struct pipeline *p)
{
	struct item *item;

	if (p->blind.way == BLIND_NO)
		return;
	list_each (item, &p->lookups.items, struct item, link) {
		if (!may_go(p, item))
			continue;
		queue_remove(&p->lookups, item);
		item->blind = p->blind.way;
		item->predicted =
			item->blind == BLIND_INSERT ? WR_INSERTED : WR_UPDATED;
		write_add(p, item);
	}
}

void blind_looked_up(struct pipeline *p, size_t n, size_t absent,
		     size_t written)
{
	struct blind *b = &p->blind;

	if (!(p->config.backend->caps & BACKEND_WRITES_BLIND) ||
	    b->way != BLIND_NO)
		return;
	b->n += n;
	b->absent += absent;
	b->written += written;
	if (b->n < p->config.blind_after)
		return;
	if (nearly_all(b->absent, b->n))
		b->way = BLIND_INSERT;
	else if (nearly_all(b->written, b->n))
		b->way = BLIND_UPSERT;
	forget(b);
}

static void count(struct pipeline *p, bool missed)
{
	struct blind *b = &p->blind;

	if (b->way == BLIND_NO)
		return;
	b->n++;
	b->missed += missed;
	if (b->missed * BLIND_PART > p->config.blind_after) {
		b->way = BLIND_NO;
		forget(b);
	} else if (b->n >= p->config.blind_after) {
		forget(b);
	}
}

bool item_is_blind(const struct item *item)
{
	return item->blind == BLIND_INSERT || item->blind == BLIND_UPSERT;
}

void blind_lost(struct pipeline *p, struct item *item)
{
	item->blind = BLIND_LOST;
	item_begin(p, item);
}

bool blind_written(struct pipeline *p, struct item *item, const struct write *w)
{
	bool was_stored = w->outcome == WR_SKIPPED && w->skip == WR_SKIP_STORED;

	if (item->blind == BLIND_UPSERT) {
		count(p, w->outcome != WR_INSERTED && w->outcome != WR_UPDATED);
		return true;
	}
	count(p, was_stored);
	item->blind = BLIND_TRIED;
	if (!was_stored || item->ticket->policy == WR_SKIP)
		return true;
	if (item->ticket->policy == WR_FAIL)
		item_fail_exists(p, item);
	else if (!item_is_given_up(p, item))
		item_begin(p, item);
	return false;
}
