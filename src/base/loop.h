/*
 * loop.h - the only view the rest of Windrow has of time, descriptors and
 * threads.
 *
 * Two implementations: loop_uv.h (production, on libuv) and loop_sim.h (tests:
 * virtual clock, seeded order).  Everything above this line is single-threaded:
 * all callbacks run on the thread inside the loop, one at a time, and never
 * inside the call that asked for them.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "heap.h"
#include "list.h"
#include <stdbool.h>
#include <stdint.h>

struct loop; /* starts with a const struct loop_ops * */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* A watched descriptor.  Embed it; zero before first use. */
struct loop_fd {
	void (*ready)(struct loop_fd *w, int events);
	int fd, events;
	void *impl;
};

/* Embed it; zero before first use. */
struct loop_timer {
	void (*fired)(struct loop_timer *t);
	struct heap_node turn;
};

/* Something to run on the loop's thread.  It may be posted again in run(). */
struct loop_task {
	void (*run)(struct loop_task *t);
	struct list_node link;
};

/* Blocking work, done on a worker.  Embed it; zero before first use. */
struct loop_job {
	void (*work)(struct loop_job *j); /* worker thread */
	void (*done)(struct loop_job *j); /* loop thread, exactly once */
	struct loop_task task;
	struct heap_node turn;
};

struct loop_ops {
	int64_t (*now_us)(struct loop *l);
	int (*watch)(struct loop *l, struct loop_fd *w, int events);
	void (*timer_set)(struct loop *l, struct loop_timer *t, int64_t due_us);
	void (*timer_clear)(struct loop *l, struct loop_timer *t);
	void (*post)(struct loop *l, struct loop_task *t);
	void (*offload)(struct loop *l, struct loop_job *j);
};

struct loop {
	const struct loop_ops *ops;
};

/* Monotonic; the same for the length of one callback is fine. */
static inline int64_t loop_now_us(struct loop *l)
{
	return l->ops->now_us(l);
}

/*
 * Watch w->fd for events; 0 stops.  Stop before the descriptor is closed.
 * Returns 0, WR_EINVAL for a descriptor that cannot be watched, WR_ENOMEM.
 */
static inline int loop_watch(struct loop *l, struct loop_fd *w, int events)
{
	return l->ops->watch(l, w, events);
}

/*
 * Fire once at due_us (at once, though not inside this call, if that is past);
 * setting it again moves it.  Never fails: no memory is needed.
 */
static inline void loop_timer_set(struct loop *l, struct loop_timer *t,
				  int64_t due_us)
{
	l->ops->timer_set(l, t, due_us);
}

/* It will not fire; clearing one that is not set does nothing. */
static inline void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	l->ops->timer_clear(l, t);
}

/* Run t on the loop's thread, in the order of posting.  Any thread. */
static inline void loop_post(struct loop *l, struct loop_task *t)
{
	l->ops->post(l, t);
}

/*
 * Do j on a worker.  Workers are few and taken in order: who can keep one
 * for long limits how many of its jobs run at a time.  Loop thread only.
 */
static inline void loop_offload(struct loop *l, struct loop_job *j)
{
	l->ops->offload(l, j);
}

#endif
