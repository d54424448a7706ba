/*
 * arena.h - memory that is freed as a whole.
 *
 * One arena per unit of work.  Blocks are never moved.  An arena belongs to one
 * thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "windrow.h"
#include <stddef.h>

struct arena_block;

/* Zero before first use. */
struct arena {
	struct arena_block *blocks; /* the newest first */
	char *next;		    /* free space of the newest block */
	size_t left;
	size_t total; /* bytes taken from mem_alloc() so far */
};

void arena_init(struct arena *a);
/* All that is from's is to's from now on; from is empty. */
void arena_take(struct arena *to, struct arena *from);
/* Frees everything; the arena can be used again. */
void arena_release(struct arena *a);

/* Aligned for any type; NULL where memory is out.  Not zeroed. */
void *arena_alloc(struct arena *a, size_t size);
/* n * size zeroed bytes; NULL also where the product overflows. */
void *arena_zalloc(struct arena *a, size_t n, size_t size);
/* A copy with a NUL behind it; *to keeps NULL for NULL.  0 or WR_ENOMEM. */
int arena_dup(struct arena *a, struct wr_str *to, struct wr_str from);

#endif
