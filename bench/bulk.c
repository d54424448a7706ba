#include "bulk.h"
#include "bench.h"
#include <stdbool.h>
#include <stdio.h>

static void settle(struct bulk *b, const struct wr_event *ev)
{
	for (int i = 0; i < WR_NOUTCOMES; i++)
		b->counts[i] += wr_reply_count(ev->reply, (enum wr_outcome)i);
	bench_check(ev->status, wr_reply_error(ev->reply), "submit");
}

void bulk_submit(struct bulk *b, wr_store *store, const struct pages *pages)
{
	size_t sent = 0, pending = 0;
	bool full = false;
	wr_queue *queue;
	struct wr_error err;
	double start;

	bench_check(wr_queue_new(&queue, &err), &err, "queue");
	start = bench_now();
	b->cpu = -bench_cpu();
	while (sent < pages->n || pending) {
		struct wr_event events[32];
		int taken;

		while (sent < pages->n && !full) {
			size_t n = pages->n - sent;
			double before = bench_now();
			int status;

			if (n > b->per_call)
				n = b->per_call;
			status =
				wr_submit(store, pages->recs + sent, n,
					  WR_UPDATE, queue, b->calls + 1, &err);
			full = status == WR_EFULL;
			if (full)
				break;
			bench_check(status, &err, "submit");
			if (b->latencies)
				b->latencies[b->calls] = bench_now() - before;
			b->calls++;
			pending++;
			sent += n;
		}
		taken = wr_queue_next(queue, events, 32, -1);
		for (int i = 0; i < taken; i++) {
			if (events[i].kind == WR_EV_ROOM) {
				full = false;
			} else if (events[i].kind == WR_EV_SUBMIT) {
				settle(b, &events[i]);
				pending--;
			}
			wr_reply_free(events[i].reply);
		}
	}
	b->seconds = bench_now() - start;
	b->cpu += bench_cpu();
	wr_queue_free(queue);
	if (b->counts[WR_FAILED])
		bench_die("%llu records failed",
			  (unsigned long long)b->counts[WR_FAILED]);
}

wr_store *bulk_open(const char *file, enum wr_fulltext fulltext)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_error err = { 0 };
	wr_store *store = NULL;
	char url[1024];

	snprintf(url, sizeof(url), "sqlite:///%s", file);
	opts.store = url;
	opts.fulltext = fulltext;
	opts.embedder = "none";
	opts.model = "bench";
	opts.dim = PAGE_DIM;
	bench_check(wr_open_wait(&store, &opts, -1, &err), &err, file);
	return store;
}

void bulk_close(wr_store *store)
{
	struct wr_error err = { 0 };

	bench_check(wr_close_wait(store, WR_CLOSE_DRAIN, -1, &err), &err,
		    "close");
	wr_store_free(store);
}
