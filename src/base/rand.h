/*
 * rand.h - seeded pseudo-random numbers: SplitMix64 (Steele et al. 2014).
 *
 * For jitter and for simulations, never for secrets.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stdint.h>

struct rand_state {
	uint64_t s;
};

static inline uint64_t rand_next(struct rand_state *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n - 1; n > 0. */
static inline uint64_t rand_below(struct rand_state *r, uint64_t n)
{
	return rand_next(r) % n;
}

#endif
