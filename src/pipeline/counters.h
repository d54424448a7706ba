/*
 * counters.h - what a pipeline has done so far.
 *
 * Written by the loop's thread, read by any.
 */
#ifndef PIPELINE_COUNTERS_H
#define PIPELINE_COUNTERS_H

#include "windrow.h"
#include <stdatomic.h>
#include <stdint.h>

/* X(field, help): each is a counter of the metrics page too. */
#define COUNTERS(X)                                                     \
	X(submissions, "Submissions accepted")                          \
	X(records, "Records accepted")                                  \
	X(utf8_repairs, "Broken UTF-8 sequences replaced")              \
	X(nul_repairs, "NUL characters removed")                        \
	X(lookups, "Look-up operations on the backend")                 \
	X(write_batches, "Write transactions committed")                \
	X(rows_written, "Rows handed to committed write transactions")  \
	X(write_retries, "Write batches tried again")                   \
	X(write_bisections, "Write batches split because of a bad row") \
	X(embed_calls, "Calls to the embedder")                         \
	X(embed_texts, "Texts embedded")                                \
	X(embed_failures, "Documents stored without their embedding")   \
	X(embed_retries, "Calls to the embedder tried again")           \
	X(vectors_reused, "Embeddings reused from equal content")       \
	X(requests, "Reading requests")                                 \
	X(request_retries, "Reading requests tried again")

struct counters {
#define COUNTER_FIELD(field, help) _Atomic uint64_t field;
	COUNTERS(COUNTER_FIELD)
#undef COUNTER_FIELD
	_Atomic uint64_t outcomes[WR_NOUTCOMES];
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
