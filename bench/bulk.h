/*
 * bulk.h - hand all pages over as fast as they are taken, and wait for the end.
 */
#ifndef BENCH_BULK_H
#define BENCH_BULK_H

#include "pages.h"

struct bulk {
	size_t per_call;
	/* Room for as many as there are calls, or NULL: the length of each
	   accepted wr_submit(), in seconds. */
	double *latencies;

	/* Result. */
	double seconds; /* from the first call to the last acknowledgement */
	double cpu;	/* meanwhile */
	size_t calls;
	uint64_t counts[WR_NOUTCOMES];
};

/* Dies where a record fails. */
void bulk_submit(struct bulk *b, wr_store *store, const struct pages *pages);

/* A store for pages: their vectors, or none; dies. */
wr_store *bulk_open(const char *file, enum wr_fulltext fulltext);
void bulk_close(wr_store *store);

#endif
