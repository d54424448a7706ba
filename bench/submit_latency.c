/*
 * submit_latency.c - for how long does wr_submit() hold its caller?
 *
 * Submissions of 50 pages of 4 KB while the engine is busy with those before;
 * calls that are refused because it is full do not count.
 */
#include "bench.h"
#include "bulk.h"
#include <stdlib.h>

enum { PER_CALL = 50 };

int main(void)
{
	size_t repeats = bench_repeats();
	double *medians = bench_alloc(repeats, sizeof(double));
	double *tails = bench_alloc(repeats, sizeof(double));
	struct pages pages;

	pages_init(&pages, bench_scaled(100000), 4096, 3);
	for (size_t i = 0; i < repeats; i++) {
		const char *file = bench_file("latency.db");
		wr_store *store = bulk_open(file, WR_FULLTEXT_OFF);
		struct bulk b = { .per_call = PER_CALL };

		b.latencies =
			bench_alloc(pages.n / PER_CALL + 1, sizeof(double));
		bulk_submit(&b, store, &pages);
		medians[i] = 1e3 * bench_median(b.latencies, b.calls);
		tails[i] = 1e3 * bench_quantile(b.latencies, b.calls, 0.99);
		bench_say("submit_latency: %zu calls, median %.3f ms, "
			  "99th percentile %.3f ms",
			  b.calls, medians[i], tails[i]);
		free(b.latencies);
		bulk_close(store);
		bench_remove(file);
	}
	bench_row_limit("submit 50 x 4 KB, median", "ms",
			bench_median(medians, repeats), 0.1);
	bench_row_limit("submit 50 x 4 KB, 99th percentile", "ms",
			bench_median(tails, repeats), 0.3);
	pages_release(&pages);
	free(medians);
	free(tails);
	return 0;
}
