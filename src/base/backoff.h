/*
 * backoff.h - how long to wait before the next try.
 *
 * Exponential with full jitter: each wait is drawn from the upper half of a
 * window that doubles from first_us to most_us.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include "rand.h"
#include <stdint.h>

struct backoff {
	uint32_t tries; /* so far; zero before first use */
};

#define BACKOFF_FIRST_US 20000
#define BACKOFF_MOST_US 5000000

/* The next wait in µs, at least at_least_us (a server's Retry-After). */
int64_t backoff_next_us(struct backoff *b, struct rand_state *rnd,
			int64_t at_least_us);

#endif
