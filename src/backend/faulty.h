/*
 * faulty.h - a backend around another one, that fails and dawdles on purpose.
 *
 * For tests: everything random comes from the seed.
 */
#ifndef BACKEND_FAULTY_H
#define BACKEND_FAULTY_H

#include "backend/backend.h"
#include "base/rand.h"

/* Chances in a thousand, drawn for each op. */
struct faults {
	unsigned refuse; /* fails before it reached the store (WR_EIO) */
	unsigned forget; /* a write that happened, but fails with WR_EIO */
	unsigned busy;	 /* fails with WR_EBUSY */
	unsigned slow;	 /* takes up to slow_us longer */
	int64_t slow_us;
	/* A write fails with WR_EDATA while it holds a key with this in it. */
	struct wr_str poison; /* empty: none */
};

/* Wraps an open backend; both are closed by the wrapper's close(). */
int faulty_new(void **self, const struct backend_ops *inner, void *inner_self,
	       struct loop *loop, const struct faults *faults, uint64_t seed);

/* Change the faults; all zero makes it reliable again. */
void faulty_set(void *self, const struct faults *faults);

extern const struct backend_ops faulty_backend; /* open() is WR_ENOTSUP */

#endif
