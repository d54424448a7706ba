#include "pipeline/gate.h"
#include "base/mem.h"

struct waiter {
	struct list_node link;
	void *owner;
};

void gate_init(struct gate *g, uint64_t max_records, uint64_t max_bytes)
{
	*g = (struct gate){ .max_records = max_records,
			    .max_bytes = max_bytes };
	pthread_mutex_init(&g->lock, NULL);
	list_init(&g->waiters);
}

/* Tell everybody on the list, and free it. */
static void tell_waiters(struct gate *g, struct list_node *waiters)
{
	struct list_node *n;

	while ((n = list_take(waiters))) {
		struct waiter *w = list_item(n, struct waiter, link);

		if (g->room)
			g->room(w->owner, g->arg);
		mem_free(w);
	}
}

void gate_release(struct gate *g)
{
	tell_waiters(g, &g->waiters);
	pthread_mutex_destroy(&g->lock);
}

static int remember(struct gate *g, void *owner, bool *waits,
		    struct list_node *gone)
{
	struct waiter *w;

	list_each (w, &g->waiters, struct waiter, link) {
		if (w->owner == owner)
			return WR_EFULL;
		if (g->gone && g->gone(w->owner)) {
			list_remove(&w->link);
			list_append(gone, &w->link);
		}
	}
	w = mem_alloc(sizeof(*w));
	if (!w)
		return WR_ENOMEM;
	w->owner = owner;
	list_append(&g->waiters, &w->link);
	*waits = true;
	return WR_EFULL;
}

int gate_enter(struct gate *g, uint64_t records, uint64_t bytes, void *owner,
	       bool *waits)
{
	struct list_node gone;
	int status = 0;

	list_init(&gone);
	*waits = false;
	pthread_mutex_lock(&g->lock);
	if (g->records && (g->records + records > g->max_records ||
			   g->bytes + bytes > g->max_bytes)) {
		g->refused++;
		status = remember(g, owner, waits, &gone);
	} else {
		g->records += records;
		g->bytes += bytes;
	}
	pthread_mutex_unlock(&g->lock);
	tell_waiters(g, &gone);
	return status;
}

/*
 * A quarter of the limit has to be free before anybody is told, so that a
 * caller gets more than one call's worth of room each time it wakes up.
 */
static bool has_room(const struct gate *g)
{
	return g->records <= g->max_records - g->max_records / 4 &&
	       g->bytes <= g->max_bytes - g->max_bytes / 4;
}

void gate_leave(struct gate *g, uint64_t records, uint64_t bytes)
{
	struct list_node waiters;

	list_init(&waiters);
	pthread_mutex_lock(&g->lock);
	g->records -= records;
	g->bytes -= bytes;
	if (has_room(g))
		list_splice(&waiters, &g->waiters);
	pthread_mutex_unlock(&g->lock);
	tell_waiters(g, &waiters);
}

void gate_usage(struct gate *g, uint64_t *records, uint64_t *bytes,
		uint64_t *refused)
{
	pthread_mutex_lock(&g->lock);
	*records = g->records;
	*bytes = g->bytes;
	*refused = g->refused;
	pthread_mutex_unlock(&g->lock);
}
