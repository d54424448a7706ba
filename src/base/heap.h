/*
 * heap.h - what comes next: a pairing heap whose nodes live in what they order
 * (Fredman et al. 1986).
 *
 * No memory is needed, so nothing here can fail.  Adding takes constant time,
 * removing the logarithm of the count, amortised.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero before first use; due_us and order are set before heap_add(). */
struct heap_node {
	struct heap_node *child, *next, *prev; /* prev: or the parent */
	int64_t due_us;
	uint64_t order; /* among those that are due at the same time */
	bool in;	/* is it in a heap? */
};

/* Zero before first use. */
struct heap {
	struct heap_node *first;
};

void heap_add(struct heap *h, struct heap_node *n);
/* One that is in no heap is left alone. */
void heap_remove(struct heap *h, struct heap_node *n);

#endif
