#include "pipeline/stages.h"

#include <assert.h>
#include <string.h>

/*
 * Order per key.
 *
 * Of all items with one key, one leads: it alone is in a stage, and its
 * key_node is in the map.  The others wait in its list, in order of arrival.
 * When the leader settles, the next one takes its place, its node and its list.
 *
 * Within one submission under WR_UPDATE the last record of a key wins: it takes
 * the place of the one before it, which from then on rides on it and settles
 * with it (superseded), or takes the place back if it fails.
 */

static struct item *leader_of(struct map_node *n)
{
	return list_item(n, struct item, key_node);
}

static bool supersedes(const struct item *later, const struct item *earlier)
{
	return later->ticket == earlier->ticket &&
	       later->ticket->policy == WR_UPDATE &&
	       later->kind == WRITE_UPSERT && earlier->kind == WRITE_UPSERT &&
	       later->rec.fetched_at >= earlier->rec.fetched_at;
}

void item_begin(struct pipeline *p, struct item *item)
{
	switch (item->kind) {
	case WRITE_UPSERT:
	case WRITE_DELETE:
		item->state = ITEM_LOOKUP;
		queue_push(&p->lookups, item);
		break;
	case WRITE_VECTOR:
		embed_add(p, item);
		break;
	}
}

/* to takes from's place in the map, and those who wait. */
static void hand_over(struct pipeline *p, struct item *from, struct item *to)
{
	int status;

	map_remove(&p->keys, &from->key_node);
	from->leads = false;
	list_splice(&to->waiting, &from->waiting);
	/* Never fails: there was room for the one that just left. */
	status =
		map_add(&p->keys, &to->key_node, to->rec.key_hash, to->rec.key);
	assert(!status);
	(void)status;
	to->leads = true;
}

/*
 * What later leaves out it has from earlier, as if both had been written one
 * after the other.
 */
static void inherit(struct item *later, const struct item *earlier)
{
	struct record *to = &later->rec;
	const struct record *from = &earlier->rec;

	if (!to->title.ptr && from->title.ptr) {
		to->title = from->title;
		memcpy(to->meta_hash, from->meta_hash, META_HALF);
	}
	if (!to->metadata.ptr && from->metadata.ptr) {
		to->metadata = from->metadata;
		memcpy(to->meta_hash + META_HALF, from->meta_hash + META_HALF,
		       META_SIZE - META_HALF);
	}
	if (!to->created_at)
		to->created_at = from->created_at;
	if (!to->embedding && from->embedding &&
	    !memcmp(to->content_hash, from->content_hash, DIGEST_SIZE)) {
		to->embedding = from->embedding;
		later->wants_vector = false;
	}
}

/* earlier leaves its place to later, and rides on it. */
static void ride(struct item *earlier, struct item *later)
{
	inherit(later, earlier);
	list_splice(&later->riders, &earlier->riders);
	earlier->state = ITEM_RIDING;
	list_append(&later->riders, &earlier->link);
}

void keys_admit(struct pipeline *p, struct item *item)
{
	struct map_node *n =
		map_find(&p->keys, item->rec.key_hash, item->rec.key);
	struct item *leader, *last, *before;
	struct wr_error err;

	if (!n) {
		if (map_add(&p->keys, &item->key_node, item->rec.key_hash,
			    item->rec.key)) {
			error_nomem(&err, "pipeline");
			item_fail(p, item, &err);
			return;
		}
		item->leads = true;
		item_begin(p, item);
		return;
	}
	leader = leader_of(n);
	item->state = ITEM_WAITING;
	if (list_empty(&leader->waiting)) {
		/* Of the same submission: so it has not begun yet. */
		if (supersedes(item, leader)) {
			queue_remove(&p->lookups, leader);
			hand_over(p, leader, item);
			ride(leader, item);
			item_begin(p, item);
			return;
		}
	} else {
		last = list_item(leader->waiting.prev, struct item, link);
		before =
			last->link.prev == &leader->waiting
				? leader
				: list_item(last->link.prev, struct item, link);
		/* One that waits behind its own submission may be stale. */
		if (before->ticket != last->ticket && supersedes(item, last)) {
			list_insert(&last->link, &item->link);
			list_remove(&last->link);
			ride(last, item);
			return;
		}
	}
	list_append(&leader->waiting, &item->link);
}

/*
 * Did the leader, which is committed, say all that follower has to say?  Then
 * the follower need not go through the stages itself.
 */
static bool repeats(struct pipeline *p, const struct item *follower,
		    const struct item *leader, enum wr_outcome outcome)
{
	int64_t touch_after = (int64_t)p->config.touch_after_s * 1000000;
	/* An unchanged leader may have left the stored time as it was. */
	int64_t stored = outcome == WR_UNCHANGED ? leader->lookup.fetched_at
						 : leader->rec.fetched_at;

	return leader->embed != EMBED_FAILED && !follower->rec.embedding &&
	       follower->rec.fetched_at >= stored &&
	       !record_newer_by_more(follower->rec.fetched_at, stored,
				     touch_after) &&
	       !memcmp(follower->rec.content_hash, leader->rec.content_hash,
		       DIGEST_SIZE) &&
	       record_meta_same(&follower->rec, leader->rec.meta_hash);
}

/* Settle a follower on the strength of its leader's outcome; or don't. */
static bool settle_with(struct pipeline *p, struct item *follower,
			const struct item *leader, enum wr_outcome outcome)
{
	if (leader->kind != WRITE_UPSERT || follower->kind != WRITE_UPSERT ||
	    outcome > WR_UNCHANGED)
		return false;
	switch (follower->ticket->policy) {
	case WR_SKIP:
		item_settle(p, follower, WR_SKIPPED, WR_SKIP_STORED, NULL);
		return true;
	case WR_FAIL:
		item_fail_exists(p, follower);
		return true;
	default:
		if (!repeats(p, follower, leader, outcome))
			return false;
		item_settle(p, follower, WR_UNCHANGED, WR_SKIP_NONE, NULL);
		return true;
	}
}

/* The riders' winner stands: they were superseded. */
static void settle_riders(struct pipeline *p, struct item *item)
{
	while (!list_empty(&item->riders))
		item_settle(p, list_item(item->riders.next, struct item, link),
			    WR_SKIPPED, WR_SKIP_SUPERSEDED, NULL);
}

/* The submission was given up, and with the winner the riders are. */
static void give_up_riders(struct pipeline *p, struct item *item)
{
	while (!list_empty(&item->riders))
		item_is_given_up(
			p, list_item(item->riders.next, struct item, link));
}

/* The riders' winner failed: the last of them has the place, if any. */
static struct item *take_heir(struct item *item)
{
	struct item *heir;

	if (list_empty(&item->riders))
		return NULL;
	heir = list_item(item->riders.prev, struct item, link);
	list_remove(&heir->link);
	list_splice(&heir->riders, &item->riders);
	return heir;
}

static void crown(struct pipeline *p, struct item *old, struct item *heir)
{
	hand_over(p, old, heir);
	item_begin(p, heir);
}

void keys_pass_on(struct pipeline *p, struct item *item,
		  enum wr_outcome outcome)
{
	struct item *heir = NULL;

	if (outcome != WR_FAILED)
		settle_riders(p, item);
	else if (item->ticket->call.given_up)
		give_up_riders(p, item);
	else
		heir = take_heir(item);
	/* One that still waits fails only when its submission is given up. */
	assert(item->leads || !heir);
	if (!item->leads)
		return;
	if (heir) {
		crown(p, item, heir);
		return;
	}
	while (!list_empty(&item->waiting)) {
		struct item *next =
			list_item(item->waiting.next, struct item, link);

		if (settle_with(p, next, item, outcome))
			continue;
		list_remove(&next->link);
		crown(p, item, next);
		return;
	}
	map_remove(&p->keys, &item->key_node);
	item->leads = false;
}
