/*
 * The blocking helpers: each has a queue of its own, and is written on
 * windrow.h alone.
 */
#include "windrow.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum { TAG = 1 };

struct wait {
	wr_queue *q;
	int64_t until_ms; /* -1: for ever */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The reply, if any, is NULL until there is one. */
static int wait_begin(struct wait *w, int timeout_ms, wr_reply **out,
		      struct wr_error *err)
{
	if (out)
		*out = NULL;
	w->until_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	return wr_queue_new(&w->q, err);
}

/* For wr_queue_next(): what is left of the time, -1 for ever. */
static int time_left(const struct wait *w)
{
	int64_t left;

	if (w->until_ms < 0)
		return -1;
	left = w->until_ms - now_ms();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Wait for an event of this kind, or of another in *ev; 1, 0 on timeout. */
static int await(struct wait *w, bool for_ever, struct wr_event *ev)
{
	int n, left;

	do {
		left = for_ever ? -1 : time_left(w);
		n = wr_queue_next(w->q, ev, 1, left);
	} while (n == 0 && left != 0);
	return n;
}

static int time_is_up(struct wr_error *err, const char *what)
{
	if (!err)
		return WR_ETIMEOUT;
	*err = (struct wr_error){ .status = WR_ETIMEOUT, .where = "engine" };
	snprintf(err->message, sizeof(err->message), "%s", what);
	return WR_ETIMEOUT;
}

/* The event's status and reply to the caller. */
static int hand_over(struct wr_event *ev, wr_reply **out, struct wr_error *err)
{
	if (err && ev->reply) {
		*err = *wr_reply_error(ev->reply);
		err->status = ev->status;
	}
	if (out)
		*out = ev->reply;
	else
		wr_reply_free(ev->reply);
	return ev->status;
}

/*
 * Wait for the verb's event.  When time is up the verb is cancelled and its
 * event still awaited, so that nothing of it is left behind.
 */
static int wait_end(struct wait *w, wr_store *s, int status, wr_reply **out,
		    struct wr_error *err)
{
	struct wr_event ev = { 0 };
	bool late = false;
	int n;

	if (!status) {
		n = await(w, false, &ev);
		if (n == 0) {
			late = true;
			status = wr_cancel(s, w->q, TAG, err);
			n = status ? 0 : await(w, true, &ev);
		}
		if (n == 1)
			status = hand_over(&ev, out, err);
		else if (n < 0)
			status = n;
		if (late && status == WR_ECANCELED)
			status = time_is_up(err, "the time that was given for "
						 "it is up: canceled");
	}
	wr_queue_free(w->q);
	return status;
}

int wr_open_wait(wr_store **out, const struct wr_options *opts, int timeout_ms,
		 struct wr_error *err)
{
	struct wait w;
	struct wr_event ev = { 0 };
	int n, status = wait_begin(&w, timeout_ms, NULL, err);

	if (out)
		*out = NULL;
	if (status)
		return status;
	status = wr_open(out, opts, w.q, TAG, err);
	if (!status) {
		n = await(&w, false, &ev);
		status = n == 1	  ? hand_over(&ev, NULL, err)
			 : n == 0 ? time_is_up(err, "the store did not open in "
						    "the time that was given")
				  : n;
		if (status) {
			wr_store_free(*out);
			*out = NULL;
		}
	}
	wr_queue_free(w.q);
	return status;
}

int wr_close_wait(wr_store *s, enum wr_close_mode how, int timeout_ms,
		  struct wr_error *err)
{
	struct wait w;
	struct wr_event ev = { 0 };
	int n, status = wait_begin(&w, timeout_ms, NULL, err);

	if (status)
		return status;
	status = wr_close(s, how, w.q, TAG, err);
	if (!status) {
		n = await(&w, false, &ev);
		if (n == 0) {
			/* Hurry the drain; what it leaves behind says so. */
			status = wr_close(s, WR_CLOSE_ABORT, w.q, TAG, err);
			n = await(&w, true, &ev);
			status = time_is_up(err, "the store did not drain in "
						 "the time that was given, and "
						 "was aborted");
		} else if (n < 0) {
			status = n;
		}
	}
	wr_queue_free(w.q);
	return status;
}

/* After WR_EFULL: 0 when it is time to try again, or why not. */
static int wait_for_room(struct wait *w)
{
	struct wr_event ev;
	int n = await(w, false, &ev);

	return n == 1 ? 0 : n == 0 ? WR_EFULL : n;
}

int wr_submit_wait(wr_store *s, const struct wr_record *recs, size_t n,
		   enum wr_policy policy, int timeout_ms, wr_reply **out,
		   struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	do {
		status = wr_submit(s, recs, n, policy, w.q, TAG, err);
	} while (status == WR_EFULL && (status = wait_for_room(&w)) == 0);
	return wait_end(&w, s, status, out, err);
}

int wr_known_wait(wr_store *s, const struct wr_str *urls, size_t n,
		  int64_t fetched_since, unsigned flags, int timeout_ms,
		  wr_reply **out, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_known(s, urls, n, fetched_since, flags, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_get_wait(wr_store *s, const struct wr_str *urls, size_t n,
		unsigned parts, int timeout_ms, wr_reply **out,
		struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_get(s, urls, n, parts, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_search_wait(wr_store *s, const struct wr_query *query, int timeout_ms,
		   wr_reply **out, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_search(s, query, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_scan_wait(wr_store *s, const struct wr_scan *scan, int timeout_ms,
		 wr_reply **out, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_scan(s, scan, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_delete_wait(wr_store *s, const struct wr_str *urls, size_t n,
		   unsigned flags, int timeout_ms, wr_reply **out,
		   struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	do {
		status = wr_delete(s, urls, n, flags, w.q, TAG, err);
	} while (status == WR_EFULL && (status = wait_for_room(&w)) == 0);
	return wait_end(&w, s, status, out, err);
}

int wr_prune_wait(wr_store *s, const struct wr_prune *what, int timeout_ms,
		  wr_reply **out, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_prune(s, what, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_embed_pending_wait(wr_store *s, uint64_t limit, int timeout_ms,
			  wr_reply **out, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_embed_pending(s, limit, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_stats_wait(wr_store *s, unsigned flags, int timeout_ms, wr_reply **out,
		  struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_stats(s, flags, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_check_wait(wr_store *s, unsigned flags, int timeout_ms, wr_reply **out,
		  struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_check(s, flags, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_migrate_wait(wr_store *s, int timeout_ms, wr_reply **out,
		    struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_migrate(s, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_index_wait(wr_store *s, const struct wr_index *index, int timeout_ms,
		  wr_reply **out, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_index(s, index, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_progress_wait(wr_store *s, int timeout_ms, wr_reply **out,
		     struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, out, err);

	if (status)
		return status;
	status = wr_progress(s, w.q, TAG, err);
	return wait_end(&w, s, status, out, err);
}

int wr_flush_wait(wr_store *s, int timeout_ms, struct wr_error *err)
{
	struct wait w;
	int status = wait_begin(&w, timeout_ms, NULL, err);

	if (status)
		return status;
	status = wr_flush(s, w.q, TAG, err);
	return wait_end(&w, s, status, NULL, err);
}
