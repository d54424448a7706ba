/*
 * gate.h - admission: how much may be in flight.
 *
 * Records and bytes are counted in when a call is accepted, on whatever thread
 * that is, and out when the memory that they stand for is free again.  Any
 * thread.
 */
#ifndef PIPELINE_GATE_H
#define PIPELINE_GATE_H

#include "base/list.h"
#include "windrow.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct gate {
	/* immutable */
	uint64_t max_records, max_bytes;
	/* Called without the lock, once for each owner that was refused. */
	void (*room)(void *owner, void *arg);
	/* Is it of no use any more to tell owner?  NULL: it always is of use.
	 */
	bool (*gone)(void *owner);
	void *arg;

	pthread_mutex_t lock;
	/* guarded by lock */
	uint64_t records, bytes;
	uint64_t refused;	  /* how often, in all */
	struct list_node waiters; /* who was refused since there was room */
};

void gate_init(struct gate *g, uint64_t max_records, uint64_t max_bytes);
/* Waiting owners are told that there is room. */
void gate_release(struct gate *g);

/*
 * Take records and bytes in.  WR_EFULL if that is over a limit, unless nothing
 * else is inside; the owner is then told once, through room(), when it makes
 * sense to try again.  *waits: it will be told, and was not to be told before.
 * WR_ENOMEM.
 */
int gate_enter(struct gate *g, uint64_t records, uint64_t bytes, void *owner,
	       bool *waits);
void gate_leave(struct gate *g, uint64_t records, uint64_t bytes);

void gate_usage(struct gate *g, uint64_t *records, uint64_t *bytes,
		uint64_t *refused);

#endif
