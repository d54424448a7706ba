/*
 * topk.h - the k best of many rows: a bounded heap.
 *
 * Greater scores are better; of equal ones the smaller key.  Keys are asked for
 * only when a row gets in.
 */
#ifndef BACKEND_TOPK_H
#define BACKEND_TOPK_H

#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topk_row {
	int64_t id;
	double score;
	char *key; /* a copy, the heap's */
	size_t key_len;
};

struct topk {
	struct topk_row *rows; /* the worst one first, until topk_sort() */
	size_t n, room, limit;
};

void topk_init(struct topk *t, size_t limit);
void topk_release(struct topk *t);

/* Could a row with this score get in? */
static inline bool topk_wants(const struct topk *t, double score)
{
	return t->n < t->limit || (t->n && score >= t->rows[0].score);
}

/* Put a row in if it is among the best so far: 0 or WR_ENOMEM. */
int topk_add(struct topk *t, int64_t id, double score, struct wr_str key);
/* Best first; nothing is added afterwards. */
void topk_sort(struct topk *t);

#endif
