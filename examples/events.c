/*
 * events.c - many submissions on their way, one poll loop.
 *
 * This is the shape of a crawler: pages come in, wr_submit() takes them and
 * returns, and what became of them is an event.  The queue's descriptor stands
 * in the program's own poll() beside its sockets; here a timer descriptor plays
 * the network, and "fetches" a page each time it fires.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <windrow.h>

enum { PAGES = 200 };

struct crawl {
	wr_store *store;
	wr_queue *queue;
	int fetched;  /* pages that came from the network */
	int settled;  /* pages of which we know what became */
	bool waiting; /* full: the page in hand waits for room */
	bool closed;
	uint64_t inserted, failed;
};

/* Hand over page number c->fetched; false while the store is full. */
static bool submit_page(struct crawl *c)
{
	char url[64], content[256];
	struct wr_record rec = { .url = { url, 0 }, .content = { content, 0 } };
	struct wr_error err;
	int status;

	/* Both buffers are ours again as soon as the call returns. */
	rec.url.len = (size_t)snprintf(
		url, sizeof(url), "https://example.org/page/%d", c->fetched);
	rec.content.len =
		(size_t)snprintf(content, sizeof(content),
				 "This is page number %d.", c->fetched);
	status = wr_submit(c->store, &rec, 1, WR_UPDATE, c->queue,
			   (uint64_t)c->fetched, &err);
	c->waiting = status == WR_EFULL;
	if (c->waiting)
		return false; /* WR_EV_ROOM will come */
	if (status) {
		fprintf(stderr, "events: %s\n", err.message);
		c->failed++;
		c->settled++;
	}
	c->fetched++;
	return true;
}

static void handle(struct crawl *c, const struct wr_event *ev)
{
	const struct wr_error *why = NULL;

	switch (ev->kind) {
	case WR_EV_SUBMIT:
		c->settled++;
		c->inserted += wr_reply_count(ev->reply, WR_INSERTED);
		if (wr_reply_outcome(ev->reply, 0, &why) == WR_FAILED) {
			c->failed++;
			fprintf(stderr, "events: page %" PRIu64 ": %s\n",
				ev->tag, why->message);
		}
		break;
	case WR_EV_ROOM:
		submit_page(c);
		break;
	case WR_EV_OPEN:
		if (ev->status)
			fprintf(stderr, "events: %s\n",
				wr_reply_error(ev->reply)->message);
		break;
	case WR_EV_CLOSED:
		c->closed = true;
		break;
	default:
		break;
	}
	wr_reply_free(ev->reply);
}

static void drain_queue(struct crawl *c)
{
	struct wr_event events[16];
	int n;

	do {
		n = wr_queue_next(c->queue, events, 16, 0);
		for (int i = 0; i < n; i++)
			handle(c, &events[i]);
	} while (n == 16);
}

/* One round of the program's own loop. */
static void turn(struct crawl *c, int network)
{
	struct pollfd fds[] = {
		{ .fd = wr_queue_fd(c->queue), .events = POLLIN },
		{ .fd = network, .events = POLLIN },
	};
	/* While a page waits for room the network waits too. */
	nfds_t n = c->waiting || c->fetched == PAGES ? 1 : 2;
	uint64_t ticks;

	if (poll(fds, n, -1) < 0)
		return;
	if (fds[0].revents)
		drain_queue(c);
	if (n == 2 && fds[1].revents && !c->waiting &&
	    read(network, &ticks, sizeof(ticks)) == sizeof(ticks))
		submit_page(c);
}

int main(int argc, char **argv)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct crawl c = { 0 };
	struct wr_error err;
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
	int network = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	opts.store = argc > 1 ? argv[1] : "sqlite:///events.db";
	opts.embedder = "hash";
	/* Opening is a verb like the others: pages may be submitted already. */
	if (network < 0 || timerfd_settime(network, 0, &often, NULL) ||
	    wr_queue_new(&c.queue, &err) ||
	    wr_open(&c.store, &opts, c.queue, 0, &err)) {
		fprintf(stderr, "events: cannot start\n");
		return 1;
	}
	while (c.settled < PAGES)
		turn(&c, network);
	/* What was taken would be finished now, and its events come first. */
	if (wr_close(c.store, WR_CLOSE_DRAIN, c.queue, 0, &err))
		c.closed = true;
	while (!c.closed)
		turn(&c, network);
	printf("%d pages, %" PRIu64 " new, %" PRIu64 " failed\n", c.settled,
	       c.inserted, c.failed);
	wr_store_free(c.store);
	wr_queue_free(c.queue);
	close(network);
	return c.failed ? 1 : 0;
}
