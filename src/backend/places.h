/*
 * places.h - keys in byte order, and where each came from.
 *
 * URLs begin alike: they are sorted by eight bytes as a number, and those that
 * agree in them by the eight bytes behind what they have in common.  Any
 * thread.
 */
#ifndef BACKEND_PLACES_H
#define BACKEND_PLACES_H

#include "windrow.h"
#include <stdint.h>

struct place {
	uint64_t head; /* places.c's */
	struct wr_str key;
	size_t i; /* the caller's: where it came from */
};

/* key and i are set. */
void places_sort(struct place *places, size_t n);

/*
 * The first place from *at on that has this key, n where there is none: *at
 * goes along, so that keys that are asked for in order are found at once; any
 * other is searched for.
 */
size_t places_find(const struct place *places, size_t n, struct wr_str key,
		   size_t *at);

#endif
