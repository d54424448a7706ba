/*
 * blocks.h - the blocks that submissions are copied into, kept for the next.
 *
 * A submission is copied on the caller's thread and let go on the engine's.
 * With the general allocator the two meet in its locks, and large blocks come
 * fresh from the system each time: both show in the time that wr_submit() holds
 * its caller.  Any thread.
 */
#ifndef PIPELINE_BLOCKS_H
#define PIPELINE_BLOCKS_H

#include <pthread.h>
#include <stddef.h>

enum { BLOCKS_CLASSES = 6, BLOCKS_LEAST = 32 * 1024 };

struct blocks {
	size_t most; /* bytes that are kept at the most; immutable */
	pthread_mutex_t lock;
	/* guarded by lock: free blocks of 32 KiB << class, linked */
	void *free[BLOCKS_CLASSES];
	size_t kept; /* bytes */
};

void blocks_init(struct blocks *b, size_t most);
/* All blocks have been given back. */
void blocks_release(struct blocks *b);

/* At least size bytes, or NULL where memory is out; b may be NULL. */
void *blocks_take(struct blocks *b, size_t size);
/* p was taken with the same size; p and b may be NULL. */
void blocks_give(struct blocks *b, void *p, size_t size);

#endif
