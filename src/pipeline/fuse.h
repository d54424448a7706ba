/*
 * fuse.h - one ranking out of two.
 *
 * Reciprocal rank fusion, after Cormack, Clarke, Buettcher: Reciprocal Rank
 * Fusion outperforms Condorcet and individual Rank Learning Methods, SIGIR
 * 2009: a document scores the sum of 1 / (60 + its rank) over the rankings it
 * is in.
 */
#ifndef PIPELINE_FUSE_H
#define PIPELINE_FUSE_H

#include "backend/result.h"

enum { FUSE_K = 60 };

/* How many of each ranking to ask for, so that limit of the fused are right. */
static inline uint32_t fuse_depth(uint32_t limit)
{
	return limit < 20 ? 60 : limit > 3000 ? limit : limit * 3;
}

/*
 * The best limit documents of both, by fused score, then key, into text;
 * vector keeps what memory the moved documents point to.  0 or WR_ENOMEM.
 */
int fuse(struct result *text, struct result *vector, uint32_t limit);

#endif
