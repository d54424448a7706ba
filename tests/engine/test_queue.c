/* Queues and what comes through them: events, room, cancelling, flush, logs. */
#include "stand.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void the_descriptor_is_readable_exactly_while_events_wait(void **state)
{
	struct stand *st = *state;
	struct pollfd p = { .fd = wr_queue_fd(st->q), .events = POLLIN };
	struct wr_event ev[2];

	assert_true(p.fd >= 0);
	assert_int_equal(wr_queue_fd(NULL), -1);
	stand_open(st);
	assert_false(is_readable(st->q));
	must(wr_flush(st->store, st->q, 1, &st->err), &st->err);
	must(wr_flush(st->store, st->q, 2, &st->err), &st->err);
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(wr_queue_next(st->q, ev, 1, 0), 1);
	wr_reply_free(ev[0].reply);
	/* Both may be there, or the second comes later. */
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_true(is_readable(st->q));
	assert_int_equal(wr_queue_next(st->q, ev, 2, -1), 1);
	wr_reply_free(ev[0].reply);
	assert_false(is_readable(st->q));
	no_event(st->q);
	assert_false(is_readable(st->q));
}

static void *wake(void *arg)
{
	wr_queue_wake(arg);
	return NULL;
}

static void a_wake_ends_a_wait(void **state)
{
	struct stand *st = *state;
	struct wr_event ev;
	pthread_t thread;

	pthread_create(&thread, NULL, wake, st->q);
	assert_int_equal(wr_queue_next(st->q, &ev, 1, -1), 0);
	pthread_join(thread, NULL);
	assert_false(is_readable(st->q));
	/* One that came before the wait counts, once. */
	wr_queue_wake(st->q);
	wr_queue_wake(st->q);
	assert_true(is_readable(st->q));
	assert_int_equal(wr_queue_next(st->q, &ev, 1, -1), 0);
	assert_int_equal(wr_queue_next(st->q, &ev, 1, 20), 0);
	wr_queue_wake(NULL);
}

static void wrong_arguments_of_a_wait_are_refused(void **state)
{
	struct stand *st = *state;
	struct wr_event ev;

	assert_int_equal(wr_queue_next(NULL, &ev, 1, 0), WR_EINVAL);
	assert_int_equal(wr_queue_next(st->q, NULL, 1, 0), WR_EINVAL);
	assert_int_equal(wr_queue_next(st->q, &ev, 0, 0), WR_EINVAL);
	assert_int_equal(wr_queue_new(NULL, &st->err), WR_EINVAL);
}

static void events_come_many_at_a_time(void **state)
{
	struct stand *st = *state;
	struct wr_event ev[8];
	int n = 0;

	stand_open(st);
	for (unsigned i = 0; i < 8; i++)
		must(wr_flush(st->store, st->q, i, &st->err), &st->err);
	while (n < 8) {
		int got = wr_queue_next(st->q, ev + n, 8 - n, 30000);

		assert_true(got > 0);
		n += got;
	}
	for (int i = 0; i < n; i++) {
		assert_int_equal(ev[i].tag, i);
		wr_reply_free(ev[i].reply);
	}
}

static void a_queue_is_given_up_with_events_unread_and_to_come(void **state)
{
	struct stand *st = *state;
	struct wr_record rec;
	struct wr_event ev;
	wr_queue *q;

	must(wr_queue_new(&q, &st->err), &st->err);
	stand_open(st);
	must(wr_flush(st->store, q, 1, &st->err), &st->err);
	must(wr_flush(st->store, st->q, 2, &st->err), &st->err);
	wr_reply_free(next_event(st->q, WR_EV_FLUSH).reply);
	for (unsigned i = 0; i < 20; i++) {
		rec = page(url_of(i), NULL, "text");
		must(wr_submit(st->store, &rec, 1, WR_UPDATE, q, i, &st->err),
		     &st->err);
	}
	wr_queue_free(q);
	/* That work itself goes on. */
	must(wr_flush(st->store, st->q, 3, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_FLUSH);
	wr_reply_free(ev.reply);
	assert_int_equal(stat_of(st, "documents"), 20);
	wr_queue_free(NULL);
}

/* ------------------------------------------------------------ admission -- */

/* A store whose embedder waits for the test. */
static wr_queue *open_held(struct stand *st)
{
	wr_queue *asked;

	must(wr_queue_new(&asked, &st->err), &st->err);
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = 2;
	stand_open(st);
	return asked;
}

static void answer(struct wr_event ev)
{
	const struct wr_str *texts;
	float vectors[256];
	size_t n = wr_embed_texts(ev.reply, &texts);

	assert_true(n && n <= 128);
	for (size_t i = 0; i < 2 * n; i++)
		vectors[i] = 1 + (float)(i & 1);
	must(wr_embed_finish(ev.reply, vectors, n, 2), NULL);
}

static void a_full_store_refuses_and_says_once_when_there_is_room(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[4];
	struct wr_event ev;
	wr_queue *asked, *other;

	st->opts.max_records = 4;
	asked = open_held(st);
	must(wr_queue_new(&other, &st->err), &st->err);
	for (unsigned i = 0; i < 4; i++)
		recs[i] = page(url_of(i), NULL, url_of(i));
	must(wr_submit(st->store, recs, 4, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	ev = next_event(asked, WR_EV_EMBED);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wr_submit(st->store, recs, 1, WR_UPDATE, st->q,
					   2, &st->err),
				 WR_EFULL);
		assert_int_equal(wr_delete(st->store, &recs[0].url, 1, 0, other,
					   2, &st->err),
				 WR_EFULL);
	}
	no_event(st->q);
	no_event(other);
	assert_int_equal(metric_of(st->store, "windrow_refused_total"), 6);
	assert_int_equal(metric_of(st->store, "windrow_inflight_records"), 4);
	/* What reads is let in all the same. */
	assert_false(is_stored(st, url_of(0)));
	answer(ev);
	for (int kinds = 0; kinds != 3;) {
		assert_int_equal(wr_queue_next(st->q, &ev, 1, 30000), 1);
		if (ev.kind == WR_EV_ROOM) {
			assert_int_equal(ev.tag, 0);
			assert_int_equal(ev.status, 0);
			assert_null(ev.reply);
		}
		assert_false(kinds & (ev.kind == WR_EV_ROOM ? 1 : 2));
		kinds |= ev.kind == WR_EV_ROOM ? 1 : 2;
		wr_reply_free(ev.reply);
	}
	next_event(other, WR_EV_ROOM);
	no_event(other);
	assert_int_equal(metric_of(st->store, "windrow_inflight_records"), 0);
	must(wr_submit(st->store, recs, 1, WR_UPDATE, st->q, 3, &st->err),
	     &st->err);
	wr_reply_free(next_event(st->q, WR_EV_SUBMIT).reply);
	no_event(st->q);
	wr_queue_free(other);
	wr_queue_free(asked);
}

static void a_call_over_the_limits_is_taken_when_it_is_alone(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[9];
	wr_reply *r;

	st->opts.max_records = 2;
	st->opts.max_bytes = 1;
	stand_open(st);
	for (unsigned i = 0; i < 9; i++)
		recs[i] = page(url_of(i & 7), NULL, "text");
	r = save(st, recs, 8, WR_UPDATE);
	assert_int_equal(wr_reply_count(r, WR_INSERTED), 8);
	wr_reply_free(r);
	/* Not one more beside it. */
	must(wr_submit(st->store, recs, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	r = save(st, recs, 8, WR_UPDATE);
	assert_int_equal(wr_reply_count(r, WR_UNCHANGED), 8);
	wr_reply_free(r);
	wr_reply_free(next_event(st->q, WR_EV_SUBMIT).reply);
}

static void a_queue_freed_while_it_waits_for_room_is_forgotten(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	wr_queue *asked, *other;

	st->opts.max_records = 1;
	asked = open_held(st);
	must(wr_queue_new(&other, &st->err), &st->err);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	assert_int_equal(
		wr_submit(st->store, &rec, 1, WR_UPDATE, other, 2, NULL),
		WR_EFULL);
	wr_queue_free(other);
	answer(next_event(asked, WR_EV_EMBED));
	wr_reply_free(next_event(st->q, WR_EV_SUBMIT).reply);
	wr_queue_free(asked);
}

/* ----------------------------------------------------- cancelling, flushing --
 */

static void a_cancelled_submission_fails_what_is_not_written(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[2] = { page(url_of(1), NULL, "one"),
				     page(url_of(2), NULL, "two") };
	const struct wr_error *err;
	struct wr_event ev, embed;
	wr_queue *asked = open_held(st);

	must(wr_submit(st->store, recs, 2, WR_UPDATE, st->q, 5, &st->err),
	     &st->err);
	embed = next_event(asked, WR_EV_EMBED);
	/* Another tag, and nobody's: nothing happens. */
	must(wr_cancel(st->store, st->q, 6, &st->err), &st->err);
	must(wr_cancel(st->store, asked, 5, &st->err), &st->err);
	assert_false(is_stored(st, url_of(1)));
	no_event(st->q);
	must(wr_cancel(st->store, st->q, 5, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_SUBMIT);
	assert_int_equal(ev.status, WR_ECANCELED);
	assert_int_equal(wr_reply_count(ev.reply, WR_FAILED), 2);
	assert_int_equal(wr_reply_outcome(ev.reply, 1, &err), WR_FAILED);
	assert_int_equal(err->status, WR_ECANCELED);
	wr_reply_free(ev.reply);
	wr_reply_free(embed.reply);
	assert_false(is_stored(st, url_of(1)));
	wr_queue_free(asked);
}

static void what_waits_for_the_store_to_open_can_be_cancelled(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "one");
	struct wr_event ev, embed;
	wr_queue *asked;
	float vector[2] = { 1, 2 };

	must(wr_queue_new(&asked, &st->err), &st->err);
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = 0;
	must(wr_open(&st->store, &st->opts, st->q, 1, &st->err), &st->err);
	embed = next_event(asked, WR_EV_EMBED);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 2, &st->err),
	     &st->err);
	must(wr_stats(st->store, 0, st->q, 3, &st->err), &st->err);
	must(wr_cancel(st->store, st->q, 2, &st->err), &st->err);
	must(wr_cancel(st->store, st->q, 3, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_SUBMIT);
	assert_int_equal(ev.status, WR_ECANCELED);
	assert_int_equal(wr_reply_outcome(ev.reply, 0, NULL), WR_FAILED);
	assert_int_equal(wr_reply_count(ev.reply, WR_FAILED), 1);
	wr_reply_free(ev.reply);
	ev = next_event(st->q, WR_EV_STATS);
	assert_int_equal(ev.status, WR_ECANCELED);
	wr_reply_free(ev.reply);
	must(wr_embed_finish(embed.reply, vector, 1, 2), NULL);
	wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
	assert_int_equal(metric_of(st->store, "windrow_inflight_records"), 0);
	wr_queue_free(asked);
}

static void a_search_that_waits_for_its_vector_can_be_cancelled(void **state)
{
	struct stand *st = *state;
	struct wr_query query = WR_QUERY_INIT;
	struct wr_event ev, embed;
	wr_queue *asked = open_held(st);

	query.text = str("words");
	must(wr_search(st->store, &query, st->q, 9, &st->err), &st->err);
	embed = next_event(asked, WR_EV_EMBED);
	must(wr_cancel(st->store, st->q, 9, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_SEARCH);
	assert_int_equal(ev.tag, 9);
	assert_int_equal(ev.status, WR_ECANCELED);
	assert_int_equal(wr_reply_documents(ev.reply), 0);
	wr_reply_free(ev.reply);
	answer(embed); /* nobody waits for it any more */

	query.timeout_ms = 40;
	must(wr_search(st->store, &query, st->q, 10, &st->err), &st->err);
	embed = next_event(asked, WR_EV_EMBED);
	ev = next_event(st->q, WR_EV_SEARCH);
	assert_int_equal(ev.status, WR_ETIMEOUT);
	wr_reply_free(ev.reply);
	wr_reply_free(embed.reply);
	wr_queue_free(asked);
}

static void a_cancelled_known_ends_in_one_event(void **state)
{
	enum { N = 200000 };
	struct stand *st = *state;
	struct wr_str *urls = test_malloc(N * sizeof(*urls));
	struct wr_event ev;

	for (size_t i = 0; i < N; i++)
		urls[i] = str("https://a.example/x?y=z");
	stand_open(st);
	must(wr_known(st->store, urls, N, 0, 0, st->q, 1, &st->err), &st->err);
	must(wr_cancel(st->store, st->q, 1, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_KNOWN);
	if (ev.status != 0)
		assert_int_equal(ev.status, WR_ECANCELED);
	wr_reply_free(ev.reply);
	no_event(st->q);
	test_free(urls);
}

static void a_flush_ends_after_what_came_before_it(void **state)
{
	struct stand *st = *state;
	struct wr_record a = page(url_of(1), NULL, "one"),
			 b = page(url_of(2), NULL, "two");
	struct wr_event ev, first, second;
	wr_queue *asked = open_held(st);

	must(wr_submit(st->store, &a, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	first = next_event(asked, WR_EV_EMBED);
	must(wr_flush(st->store, st->q, 2, &st->err), &st->err);
	must(wr_submit(st->store, &b, 1, WR_UPDATE, st->q, 3, &st->err),
	     &st->err);
	second = next_event(asked, WR_EV_EMBED);
	assert_false(is_stored(st, url_of(1)));
	no_event(st->q);
	answer(first);
	assert_int_equal((ev = next_event(st->q, WR_EV_SUBMIT)).tag, 1);
	wr_reply_free(ev.reply);
	assert_int_equal((ev = next_event(st->q, WR_EV_FLUSH)).tag, 2);
	wr_reply_free(ev.reply);
	assert_false(is_stored(st, url_of(2)));
	answer(second);
	assert_int_equal((ev = next_event(st->q, WR_EV_SUBMIT)).tag, 3);
	wr_reply_free(ev.reply);
	must(wr_flush_wait(st->store, 30000, &st->err), &st->err);
	wr_queue_free(asked);
}

/* ---------------------------------------------------------- metrics, logs --
 */

/* One line of Prometheus' text format. */
static void check_line(const char *line)
{
	char name[128], rest[256];
	double value;

	if (!strncmp(line, "# HELP ", 7) || !strncmp(line, "# TYPE ", 7)) {
		assert_int_equal(
			sscanf(line + 7, "%127s %255[^\n]", name, rest), 2);
		assert_int_equal(strncmp(name, "windrow_", 8), 0);
		return;
	}
	if (sscanf(line, "%127[a-z_]%*[^ ] %lf", name, &value) != 2 &&
	    sscanf(line, "%127[a-z_] %lf", name, &value) != 2)
		fail_msg("not a metric: %s", line);
	assert_int_equal(strncmp(name, "windrow_", 8), 0);
	assert_true(value >= 0);
}

static uint64_t outcomes(wr_store *s, const char *which)
{
	char name[80];

	snprintf(name, sizeof(name), "windrow_outcomes_total{outcome=\"%s\"}",
		 which);
	return metric_of(s, name);
}

static void metrics_can_be_parsed_and_add_up(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[] = {
		page(url_of(1), NULL, "one"),	  page(url_of(1), NULL, "eins"),
		page(url_of(2), NULL, "two"),	  page("", NULL, "no url"),
		page(url_of(3), NULL, "t\xffwo"),
	};
	char *text, *rest, *line;

	stand_open(st);
	recs[2].content.len = 3;
	wr_reply_free(save(st, recs, 5, WR_UPDATE));
	wr_reply_free(save(st, recs, 5, WR_UPDATE));
	must(wr_metrics(st->store, &text), NULL);
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		check_line(line);
	wr_free(text);
	assert_int_equal(metric_of(st->store, "windrow_submissions_total"), 2);
	assert_int_equal(metric_of(st->store, "windrow_records_total"), 10);
	assert_int_equal(outcomes(st->store, "inserted"), 3);
	assert_int_equal(outcomes(st->store, "updated"), 0);
	assert_int_equal(outcomes(st->store, "unchanged"), 3);
	assert_int_equal(outcomes(st->store, "skipped"), 2);
	assert_int_equal(outcomes(st->store, "failed"), 2);
	assert_int_equal(metric_of(st->store, "windrow_utf8_repairs_total"), 2);
	assert_int_equal(metric_of(st->store, "windrow_rows_written_total"), 3);
	assert_int_equal(metric_of(st->store, "windrow_embed_texts_total"), 3);
	assert_int_equal(wr_metrics(NULL, &text), WR_EINVAL);
	assert_int_equal(wr_metrics(st->store, NULL), WR_EINVAL);
}

static int refuse_all(const struct wr_str *texts, size_t n, float *vectors,
		      size_t dim, void *arg)
{
	(void)texts;
	(void)n;
	(void)vectors;
	(void)dim;
	(void)arg;
	return WR_EDATA;
}

struct heard {
	pthread_mutex_t lock;
	unsigned messages, warnings;
};

static void hear(enum wr_log_level level, const char *where,
		 const char *message, void *arg)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->lock);
	h->messages++;
	h->warnings += level == WR_LOG_WARN && *where && *message;
	pthread_mutex_unlock(&h->lock);
}

static void warnings_come_to_the_log_function(void **state)
{
	struct stand *st = *state;
	struct heard h = { PTHREAD_MUTEX_INITIALIZER, 0, 0 };

	st->opts.embedder = "fn";
	st->opts.embed_fn = refuse_all;
	st->opts.dim = 4;
	st->opts.log = hear;
	st->opts.log_arg = &h;
	stand_open(st);
	assert_int_equal(put(st, url_of(1), "text"), WR_INSERTED);
	stand_close(st);
	assert_true(h.warnings > 0);
	assert_int_equal(h.messages, h.warnings);
	/* Errors only. */
	if (st->sqlite)
		return;
	h.messages = 0;
	st->opts.log_level = WR_LOG_ERROR;
	stand_open(st);
	assert_int_equal(put(st, url_of(1), "text"), WR_INSERTED);
	stand_close(st);
	assert_int_equal(h.messages, 0);
}

static void warnings_come_to_the_log_queue(void **state)
{
	struct stand *st = *state;
	enum wr_log_level level = WR_LOG_DEBUG;
	const char *where = NULL, *message;
	struct wr_event ev;
	wr_queue *q;

	must(wr_queue_new(&q, NULL), NULL);
	st->opts.embedder = "fn";
	st->opts.embed_fn = refuse_all;
	st->opts.dim = 4;
	st->opts.log_queue = q;
	stand_open(st);
	assert_int_equal(put(st, url_of(1), "text"), WR_INSERTED);
	ev = next_event(q, WR_EV_LOG);
	message = wr_reply_log(ev.reply, &level, &where);
	assert_int_equal(level, WR_LOG_WARN);
	assert_non_null(message);
	assert_true(*message && where && *where);
	assert_null(strchr(message, '\n'));
	wr_reply_free(ev.reply);
	/* The program may give it up; the store goes on. */
	wr_queue_free(q);
	assert_int_equal(put(st, url_of(2), "text too"), WR_INSERTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(the_descriptor_is_readable_exactly_while_events_wait),
		OVER_MEM(a_wake_ends_a_wait),
		OVER_MEM(wrong_arguments_of_a_wait_are_refused),
		OVER_MEM(events_come_many_at_a_time),
		BOTH(a_queue_is_given_up_with_events_unread_and_to_come),
		BOTH(a_full_store_refuses_and_says_once_when_there_is_room),
		BOTH(a_call_over_the_limits_is_taken_when_it_is_alone),
		OVER_MEM(a_queue_freed_while_it_waits_for_room_is_forgotten),
		BOTH(a_cancelled_submission_fails_what_is_not_written),
		BOTH(what_waits_for_the_store_to_open_can_be_cancelled),
		BOTH(a_search_that_waits_for_its_vector_can_be_cancelled),
		BOTH(a_cancelled_known_ends_in_one_event),
		BOTH(a_flush_ends_after_what_came_before_it),
		BOTH(metrics_can_be_parsed_and_add_up),
		BOTH(warnings_come_to_the_log_function),
		BOTH(warnings_come_to_the_log_queue),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
