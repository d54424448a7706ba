/*
 * sim - run the pipeline through thousands of simulated lives.
 *
 *   sim COUNT [FIRST]       seeds FIRST .. FIRST + COUNT - 1
 *   sim --replay SEED       one, with everything that happens
 *
 * A seed that fails is printed, and replays exactly.
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int replay(const char *seed)
{
	static struct world w;

	if (world_run(&w, strtoull(seed, NULL, 0), true)) {
		printf("seed %s: all promises hold\n", seed);
		return 0;
	}
	printf("seed %s: %s\n", seed, w.problem);
	return 1;
}

/* What came up in all lives together. */
struct totals {
	uint64_t calls, records, refused, aborted;
	uint64_t outcomes[WR_NOUTCOMES], reused, bisected, retried, embedded;
};

static void add_up(struct totals *t, const struct world *w)
{
	t->calls += w->ncalls;
	t->refused += w->refused;
	t->aborted += w->aborted;
	t->reused += w->reused;
	t->bisected += w->bisected;
	t->retried += w->retried;
	t->embedded += w->embedder.texts;
	for (unsigned i = 0; i < w->ncalls; i++) {
		t->records += w->asked[i].n;
		for (size_t k = 0; k < w->asked[i].n; k++)
			t->outcomes[w->asked[i].step[k].outcome]++;
	}
}

/*
 * Lives in which nothing ever works keep every promise too: each thing that can
 * happen must have happened often.
 */
static bool is_lively(const struct totals *t, uint64_t seeds)
{
	bool lively = t->refused > seeds / 4 && t->aborted > seeds / 20 &&
		      t->reused > seeds / 4 && t->bisected > seeds / 4 &&
		      t->retried > seeds && t->embedded > seeds;

	for (int k = 0; k < WR_NOUTCOMES; k++)
		lively = lively && t->outcomes[k] > seeds;
	return lively;
}

int main(int argc, char **argv)
{
	static struct world w;
	struct totals t = { 0 };
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	if (argc == 3 && !strcmp(argv[1], "--replay"))
		return replay(argv[2]);
	for (uint64_t seed = first; seed < first + count; seed++) {
		if (!world_run(&w, seed, false)) {
			printf("seed %llu: %s\nreplay: %s --replay %llu\n",
			       (unsigned long long)seed, w.problem, argv[0],
			       (unsigned long long)seed);
			return 1;
		}
		add_up(&t, &w);
	}
	printf("%" PRIu64 " seeds: %" PRIu64 " calls (%" PRIu64 " refused as "
	       "full, %" PRIu64 " lives aborted), %" PRIu64 " records: %" PRIu64
	       " inserted, %" PRIu64 " updated, %" PRIu64 " unchanged, %" PRIu64
	       " skipped, %" PRIu64 " failed; %" PRIu64
	       " texts embedded, %" PRIu64 " vectors reused, %" PRIu64
	       " batches retried, %" PRIu64 " halved\n",
	       count, t.calls, t.refused, t.aborted, t.records,
	       t.outcomes[WR_INSERTED], t.outcomes[WR_UPDATED],
	       t.outcomes[WR_UNCHANGED], t.outcomes[WR_SKIPPED],
	       t.outcomes[WR_FAILED], t.embedded, t.reused, t.retried,
	       t.bisected);
	if (count >= 100 && !is_lively(&t, count)) {
		printf("too little happens in these lives to prove anything\n");
		return 1;
	}
	printf("all promises hold\n");
	return 0;
}
