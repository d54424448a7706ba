/*
 * pool.h - the connections of a store: as many as are needed, up to a limit.
 *
 * Connecting is done on a worker.  Links that are given back are kept, up to
 * size; more, up to overflow, are closed when nobody waits for one; one that is
 * older than recycle is replaced.  One that the server closes while it is idle
 * is noticed and dropped.  Loop thread only.
 */
#ifndef BACKEND_POSTGRES_POOL_H
#define BACKEND_POSTGRES_POOL_H

#include "backend/postgres/link.h"
#include "base/heap.h"
#include "base/log.h"

struct pool;

struct pool_config {
	struct loop *loop;
	const struct log *log;
	const struct conninfo *info;
	uint32_t size, overflow;
	uint32_t recycle_s, timeout_ms, connect_timeout_ms;
};

/* Who waits for a link; embed it, zero before first use. */
struct pool_wait {
	/*
	 * Exactly once, never from inside pool_take(): a link, or NULL and why
	 * not (WR_ETIMEOUT: all were busy for too long; or what connecting
	 * said, when there is no link at all to wait for).
	 */
	void (*ready)(struct pool_wait *w, struct link *l,
		      const struct wr_error *err);
	bool fresh; /* a new connection, please: the old ones may be stale */
	struct list_node link;
	int64_t deadline_us;
};

/* Touches nothing of the loop yet: any thread.  0 or WR_ENOMEM. */
int pool_new(struct pool **out, const struct pool_config *config);

/* One that is idle, at once; NULL: there is none, so wait. */
struct link *pool_try(struct pool *p);
void pool_take(struct pool *p, struct pool_wait *w);
/* Stop waiting: ready() will not come. */
void pool_leave(struct pool *p, struct pool_wait *w);
/* Back, idle or broken. */
void pool_give(struct pool *p, struct link *l);

struct pool_counts {
	unsigned idle, busy, connecting, waiting;
	uint64_t opened, lost;
};
void pool_count(const struct pool *p, struct pool_counts *out);

/* All links are back, nobody waits.  closed() comes later, from the loop. */
void pool_close(struct pool *p, void (*closed)(void *arg), void *arg);

#endif
