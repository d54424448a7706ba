/*
 * group_commit.c - many callers who each save one page and wait for it.
 *
 * Without group commit each would pay for a transaction of its own.  Held
 * against one such caller, and against a bulk load of the same pages.
 */
#include "bench.h"
#include "bulk.h"
#include <pthread.h>
#include <stdlib.h>

enum { CALLERS = 200 };

struct caller {
	pthread_t thread;
	wr_store *store;
	const struct pages *pages;
	size_t first, step; /* saves every step-th page */
};

static void *save_and_wait(void *arg)
{
	struct caller *c = arg;
	struct wr_error err = { 0 };

	for (size_t i = c->first; i < c->pages->n; i += c->step)
		bench_check(wr_submit_wait(c->store, c->pages->recs + i, 1,
					   WR_UPDATE, -1, NULL, &err),
			    &err, "submit");
	return NULL;
}

/* Pages a second with so many callers. */
static double run_callers(const struct pages *pages, size_t n)
{
	const char *file = bench_file("callers.db");
	wr_store *store = bulk_open(file, WR_FULLTEXT_OFF);
	struct caller *callers = bench_alloc(n, sizeof(*callers));
	double start = bench_now(), seconds;

	for (size_t i = 0; i < n; i++) {
		callers[i] = (struct caller){
			.store = store, .pages = pages, .first = i, .step = n
		};
		if (pthread_create(&callers[i].thread, NULL, save_and_wait,
				   &callers[i]))
			bench_die("cannot start thread %zu", i);
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(callers[i].thread, NULL);
	seconds = bench_now() - start;
	free(callers);
	bulk_close(store);
	bench_remove(file);
	return (double)pages->n / seconds;
}

static double run_bulk(const struct pages *pages)
{
	const char *file = bench_file("bulk.db");
	wr_store *store = bulk_open(file, WR_FULLTEXT_OFF);
	struct bulk b = { .per_call = 50 };

	bulk_submit(&b, store, pages);
	bulk_close(store);
	bench_remove(file);
	return (double)pages->n / b.seconds;
}

int main(void)
{
	size_t repeats = bench_repeats();
	double *rates = bench_alloc(repeats, sizeof(double));
	double *peers = bench_alloc(repeats, sizeof(double));
	double *ratios = bench_alloc(repeats, sizeof(double));
	struct pages pages, few;

	pages_init(&pages, bench_scaled(40000), 4096, 4);
	few = pages;
	few.n = few.n / 20 ? few.n / 20 : 1; /* one caller is slow */
	for (size_t i = 0; i < repeats; i++) {
		double bulk = run_bulk(&pages), one = run_callers(&few, 1);

		rates[i] = run_callers(&pages, CALLERS);
		peers[i] = bulk / 2 < one * 4 ? bulk / 2 : one * 4;
		ratios[i] = rates[i] / peers[i];
		bench_say("group_commit: %.0f/s in bulk, %.0f/s with one "
			  "caller, %.0f/s with %d",
			  bulk, one, rates[i], CALLERS);
	}
	bench_row_at_least("200 callers (peer: min(bulk/2, 4 x one))", "/s",
			   bench_median(peers, repeats),
			   bench_median(rates, repeats),
			   bench_median(ratios, repeats), 1);
	pages_release(&pages);
	free(rates);
	free(peers);
	free(ratios);
	return 0;
}
