/* Opening and closing, in all orders. */
#include "stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void start_opening(struct stand *st, uint64_t tag)
{
	must(wr_open(&st->store, &st->opts, st->q, tag, &st->err), &st->err);
}

static void a_store_opens_saves_and_closes(void **state)
{
	struct stand *st = *state;
	struct wr_event ev;

	start_opening(st, 7);
	ev = next_event(st->q, WR_EV_OPEN);
	assert_int_equal(ev.tag, 7);
	assert_int_equal(ev.status, 0);
	wr_reply_free(ev.reply);
	assert_int_equal(wr_store_dim(st->store), 32);
	assert_int_equal(put(st, url_of(1), "one"), WR_INSERTED);
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 8, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_CLOSED);
	assert_int_equal(ev.tag, 8);
	assert_int_equal(ev.status, 0);
	assert_null(ev.reply);
	assert_int_equal(wr_store_dim(st->store), 0);
	no_event(st->q);
}

static void closing_before_it_is_open_comes_after_opening(void **state)
{
	struct stand *st = *state;
	enum wr_close_mode how[] = { WR_CLOSE_DRAIN, WR_CLOSE_ABORT };

	for (size_t i = 0; i < 2; i++) {
		start_opening(st, 1);
		must(wr_close(st->store, how[i], st->q, 2, &st->err), &st->err);
		wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
		assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, 2);
		no_event(st->q);
		wr_store_free(st->store);
		st->store = NULL;
	}
}

static void a_store_is_freed_without_being_closed(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");

	stand_open(st);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	wr_store_free(st->store);
	st->store = NULL;
	/* Every accepted call ends in exactly one event, aborted or not. */
	wr_reply_free(next_event(st->q, WR_EV_SUBMIT).reply);
	no_event(st->q);

	start_opening(st, 2);
	wr_store_free(st->store);
	st->store = NULL;
	wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
	no_event(st->q);
	wr_store_free(NULL);
}

static void what_cannot_be_is_refused_at_once(void **state)
{
	struct stand *st = *state;
	wr_store *s = (wr_store *)st;

	assert_int_equal(wr_open(NULL, &st->opts, st->q, 0, NULL), WR_EINVAL);
	assert_int_equal(wr_open(&s, &st->opts, NULL, 0, NULL), WR_EINVAL);
	assert_int_equal(wr_open(&s, NULL, st->q, 0, &st->err), WR_EINVAL);
	assert_null(s);
	st->opts.store = NULL;
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	st->opts.store = "";
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	st->opts.store = "mongo://x";
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	assert_non_null(strstr(st->err.message, "sqlite"));
	st->opts.store = st->url;
	st->opts.size = 0;
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	st->opts.size = sizeof(st->opts);
	st->opts.embedder = "word2vec";
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	assert_non_null(strstr(st->err.message, "hash"));
	st->opts.embedder = "fn";
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	st->opts.embedder = "queue";
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	st->opts.embedder = "hash";
	st->opts.dim = 1000000;
	assert_int_equal(stand_open_fails(st), WR_EINVAL);
	no_event(st->q);
}

static void opening_what_is_not_there_fails_with_its_event(void **state)
{
	struct stand *st = *state;
	char url[160];
	struct wr_event ev;

	st->opts.create = WR_CREATE_NEVER;
	assert_int_equal(stand_open_fails(st), WR_ENOENT);
	snprintf(url, sizeof(url), "sqlite:///%s/no/folder/x.db", st->folder);
	st->opts.store = url;
	st->opts.create = WR_CREATE_IF_MISSING;
	start_opening(st, 5);
	ev = next_event(st->q, WR_EV_OPEN);
	assert_int_equal(ev.tag, 5);
	assert_int_equal(ev.status, WR_ENOENT);
	assert_int_equal(wr_reply_error(ev.reply)->status, WR_ENOENT);
	wr_reply_free(ev.reply);
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 6, &st->err), &st->err);
	assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, 6);
}

static void verbs_called_before_it_is_open_wait_for_it(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), "Title", "some text");

	start_opening(st, 1);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 2, &st->err),
	     &st->err);
	must(wr_stats(st->store, 0, st->q, 3, &st->err), &st->err);
	wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
	for (int i = 0; i < 2; i++) {
		struct wr_event ev;

		assert_int_equal(wr_queue_next(st->q, &ev, 1, 30000), 1);
		assert_int_equal(ev.status, 0);
		assert_int_equal(ev.kind == WR_EV_SUBMIT ? 2 : 3, ev.tag);
		wr_reply_free(ev.reply);
	}
	assert_true(is_stored(st, url_of(1)));
}

/* Every record has one outcome: that of a store which never opened. */
static void check_failed_submission(struct wr_event ev, size_t n, int status)
{
	const struct wr_error *err;

	assert_int_equal(ev.status, status);
	assert_int_equal(wr_reply_count(ev.reply, WR_FAILED), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(wr_reply_outcome(ev.reply, i, &err),
				 WR_FAILED);
		assert_non_null(err);
		assert_int_equal(err->status, status);
		assert_true(*err->message);
	}
	wr_reply_free(ev.reply);
}

static void verbs_of_a_store_that_failed_to_open_say_why(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[] = { page(url_of(1), NULL, "a"),
				    page(url_of(2), NULL, "b") };
	char url[160];
	struct wr_event ev;

	snprintf(url, sizeof(url), "sqlite:///%s/no/folder/x.db", st->folder);
	st->opts.store = url;
	start_opening(st, 1);
	must(wr_submit(st->store, recs, 2, WR_UPDATE, st->q, 2, &st->err),
	     &st->err);
	must(wr_flush(st->store, st->q, 3, &st->err), &st->err);
	wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
	check_failed_submission(next_event(st->q, WR_EV_SUBMIT), 2, WR_ENOENT);
	ev = next_event(st->q, WR_EV_FLUSH);
	assert_int_equal(ev.status, WR_ENOENT);
	wr_reply_free(ev.reply);
	/* And those that are called afterwards. */
	must(wr_submit(st->store, recs, 1, WR_UPDATE, st->q, 4, &st->err),
	     &st->err);
	check_failed_submission(next_event(st->q, WR_EV_SUBMIT), 1, WR_ENOENT);
	must(wr_delete(st->store, &recs[0].url, 1, 0, st->q, 5, &st->err),
	     &st->err);
	check_failed_submission(next_event(st->q, WR_EV_DELETE), 1, WR_ENOENT);
	assert_int_equal(metric_of(st->store, "windrow_inflight_records"), 0);
	assert_int_equal(metric_of(st->store, "windrow_inflight_bytes"), 0);
}

static void a_reply_may_outlive_its_store(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "a");
	char url[160];
	struct wr_event ev;

	snprintf(url, sizeof(url), "sqlite:///%s/no/folder/x.db", st->folder);
	st->opts.store = url;
	start_opening(st, 1);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 2, &st->err),
	     &st->err);
	wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
	ev = next_event(st->q, WR_EV_SUBMIT);
	wr_store_free(st->store);
	st->store = NULL;
	check_failed_submission(ev, 1, WR_ENOENT);
}

static void every_close_gets_its_event(void **state)
{
	struct stand *st = *state;

	stand_open(st);
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 1, &st->err), &st->err);
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 2, &st->err), &st->err);
	must(wr_close(st->store, WR_CLOSE_ABORT, st->q, 3, &st->err), &st->err);
	for (uint64_t tag = 1; tag <= 3; tag++)
		assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, tag);
	no_event(st->q);
	assert_int_equal(
		wr_close_wait(st->store, WR_CLOSE_ABORT, 1000, &st->err),
		WR_ECLOSED);
}

static void a_closing_store_takes_no_more_work(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "a");
	struct wr_str url = rec.url;
	struct wr_query query = WR_QUERY_INIT;

	stand_open(st);
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 1, &st->err), &st->err);
	assert_int_equal(
		wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 2, &st->err),
		WR_ECLOSED);
	assert_int_equal(wr_delete(st->store, &url, 1, 0, st->q, 2, NULL),
			 WR_ECLOSED);
	assert_int_equal(wr_get(st->store, &url, 1, 0, st->q, 2, NULL),
			 WR_ECLOSED);
	query.text = str("a");
	assert_int_equal(wr_search(st->store, &query, st->q, 2, NULL),
			 WR_ECLOSED);
	assert_int_equal(wr_flush(st->store, st->q, 2, NULL), WR_ECLOSED);
	assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, 1);
	assert_int_equal(wr_cancel(st->store, st->q, 2, NULL), WR_ECLOSED);
	assert_int_equal(metric_of(st->store, "windrow_inflight_records"), 0);
	no_event(st->q);
}

/* ------------------------------------------------------ draining, aborting --
 */

static void draining_finishes_what_was_taken(void **state)
{
	struct stand *st = *state;
	struct wr_record rec;

	stand_open(st);
	for (unsigned i = 0; i < 20; i++) {
		rec = page(url_of(i), NULL, "text of a page");
		must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, i,
			       &st->err),
		     &st->err);
	}
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 99, &st->err),
	     &st->err);
	for (unsigned i = 0; i < 20; i++) {
		struct wr_event ev = next_event(st->q, WR_EV_SUBMIT);

		assert_int_equal(ev.status, 0);
		assert_int_equal(wr_reply_count(ev.reply, WR_INSERTED), 1);
		wr_reply_free(ev.reply);
	}
	assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, 99);
	wr_store_free(st->store);
	st->store = NULL;
	if (!st->sqlite)
		return;
	stand_open(st);
	assert_int_equal(stat_of(st, "documents"), 20);
}

/* Asks the program to embed; nobody ever answers. */
static void open_unanswered(struct stand *st, wr_queue *asked)
{
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = 4;
	stand_open(st);
}

static void aborting_a_drain_settles_the_rest(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[3];
	struct wr_event ev;
	wr_queue *asked;

	must(wr_queue_new(&asked, NULL), NULL);
	open_unanswered(st, asked);
	for (unsigned i = 0; i < 3; i++)
		recs[i] = page(url_of(i), NULL, url_of(i));
	must(wr_submit(st->store, recs, 3, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	ev = next_event(asked, WR_EV_EMBED);
	must(wr_close(st->store, WR_CLOSE_DRAIN, st->q, 2, &st->err), &st->err);
	no_event(st->q);
	must(wr_close(st->store, WR_CLOSE_ABORT, st->q, 3, &st->err), &st->err);
	check_failed_submission(next_event(st->q, WR_EV_SUBMIT), 3, WR_ECLOSED);
	assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, 2);
	wr_store_free(st->store);
	st->store = NULL;
	/* An answer that comes after its store is gone is dropped. */
	wr_embed_fail(ev.reply, WR_EIO, 0, "too late");
	wr_queue_free(asked);
}

static void aborting_does_not_wait_for_an_embedder_that_is_silent(void **state)
{
	struct stand *st = *state;
	int64_t began = now_ms();
	wr_queue *asked;
	struct wr_event ev;

	must(wr_queue_new(&asked, NULL), NULL);
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = 0; /* to be learned */
	start_opening(st, 1);
	wr_reply_free(next_event(asked, WR_EV_EMBED).reply);
	ev = next_event(st->q, WR_EV_OPEN);
	assert_int_equal(ev.status, WR_ETIMEOUT);
	wr_reply_free(ev.reply);
	wr_store_free(st->store);

	start_opening(st, 2);
	ev = next_event(asked, WR_EV_EMBED);
	must(wr_close(st->store, WR_CLOSE_ABORT, st->q, 3, &st->err), &st->err);
	wr_reply_free(next_event(st->q, WR_EV_OPEN).reply);
	assert_int_equal(next_event(st->q, WR_EV_CLOSED).tag, 3);
	wr_reply_free(ev.reply);
	if (now_ms() - began > 30000)
		fail_msg("it took %d ms", (int)(now_ms() - began));
	wr_queue_free(asked);
}

/* -------------------------------------------------------- blocking helpers --
 */

static void closing_in_time_aborts_when_time_is_up(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	wr_queue *asked;

	must(wr_queue_new(&asked, NULL), NULL);
	open_unanswered(st, asked);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	assert_int_equal(wr_close_wait(st->store, WR_CLOSE_DRAIN, 50, &st->err),
			 WR_ETIMEOUT);
	assert_int_equal(st->err.status, WR_ETIMEOUT);
	assert_true(*st->err.message);
	check_failed_submission(next_event(st->q, WR_EV_SUBMIT), 1, WR_ECLOSED);
	wr_queue_free(asked);
}

static void opening_in_time_gives_up_when_time_is_up(void **state)
{
	struct stand *st = *state;
	wr_queue *asked;

	must(wr_queue_new(&asked, NULL), NULL);
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = 0;
	assert_int_equal(wr_open_wait(&st->store, &st->opts, 50, &st->err),
			 WR_ETIMEOUT);
	assert_null(st->store);
	assert_int_equal(st->err.status, WR_ETIMEOUT);
	assert_true(*st->err.message);
	wr_queue_free(asked);
}

static void saving_in_time_says_that_time_was_up(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	wr_queue *asked;
	wr_reply *r = NULL;

	must(wr_queue_new(&asked, NULL), NULL);
	open_unanswered(st, asked);
	assert_int_equal(
		wr_submit_wait(st->store, &rec, 1, WR_UPDATE, 50, &r, &st->err),
		WR_ETIMEOUT);
	assert_int_equal(st->err.status, WR_ETIMEOUT);
	assert_non_null(strstr(st->err.message, "time"));
	assert_non_null(r);
	assert_int_equal(wr_reply_count(r, WR_FAILED), 1);
	wr_reply_free(r);
	/* Where nothing was started there is no reply. */
	r = (wr_reply *)st;
	assert_int_equal(
		wr_submit_wait(st->store, NULL, 1, WR_UPDATE, 50, &r, &st->err),
		WR_EINVAL);
	assert_null(r);
	wr_queue_free(asked);
}

static void waiting_for_room_has_an_end(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	wr_queue *asked;
	wr_reply *r = NULL;

	must(wr_queue_new(&asked, NULL), NULL);
	st->opts.max_records = 1;
	open_unanswered(st, asked);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	assert_int_equal(
		wr_submit_wait(st->store, &rec, 1, WR_UPDATE, 50, &r, &st->err),
		WR_EFULL);
	assert_int_equal(st->err.status, WR_EFULL);
	assert_null(r);
	wr_queue_free(asked);
}

static void freeing_needs_no_descriptors(void **state)
{
	struct stand *st = *state;
	struct rlimit old, none;

	stand_open(st);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	wr_store_free(st->store);
	st->store = NULL;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void without_descriptors_opening_fails(void **state)
{
	struct stand *st = *state;
	struct rlimit old, none;
	wr_store *s = (wr_store *)st;
	int status;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	status = wr_open_wait(&s, &st->opts, -1, &st->err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(status, WR_EIO);
	assert_null(s);
}

/* ------------------------------------------------------ the shape of the API
 * --
 */

static void the_version_is_that_of_the_header(void **state)
{
	(void)state;
	assert_int_equal(wr_version(), WR_VERSION);
}

static void every_status_has_a_name(void **state)
{
	(void)state;
	for (int status = 0; status >= WR_ENOENT; status--) {
		const char *name = wr_status_name(status);

		assert_int_equal(strncmp(name, "WR_", 3), 0);
		for (int other = status + 1; other <= 0; other++)
			assert_string_not_equal(name, wr_status_name(other));
	}
	assert_string_equal(wr_status_name(0), "WR_OK");
	assert_string_equal(wr_status_name(WR_EIO), "WR_EIO");
	assert_string_equal(wr_status_name(WR_ENOENT), "WR_ENOENT");
	assert_non_null(wr_status_name(17));
	assert_non_null(wr_status_name(-1000));
}

static void programs_of_other_ages_bring_structs_of_other_sizes(void **state)
{
	struct stand *st = *state;
	struct {
		struct wr_options known;
		char unknown[64];
	} newer = { .known = st->opts };
	struct {
		struct wr_document known;
		char unknown[64];
	} newer_doc;
	struct wr_document doc = WR_DOCUMENT_INIT;
	struct wr_query query = WR_QUERY_INIT;
	struct wr_str url;
	wr_reply *r;

	/* An old program knows no more than embedder and store. */
	st->opts.size = offsetof(struct wr_options, model);
	memset((char *)&st->opts + st->opts.size, 0xee,
	       sizeof(st->opts) - st->opts.size);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), 384);
	stand_close(st);
	if (st->sqlite)
		unlink(st->url + strlen("sqlite:///"));

	memset(newer.unknown, 0xee, sizeof(newer.unknown));
	newer.known.size = sizeof(newer);
	must(wr_open_wait(&st->store, &newer.known, -1, &st->err), &st->err);
	assert_int_equal(put(st, url_of(1), "an old text"), WR_INSERTED);
	url = str(url_of(1));
	must(wr_get_wait(st->store, &url, 1, 0, -1, &r, &st->err), &st->err);
	doc.size = offsetof(struct wr_document, content);
	memset((char *)&doc + doc.size, 0x5a, sizeof(doc) - doc.size);
	assert_int_equal(wr_reply_document(r, 0, &doc), 1);
	assert_true(str_is(doc.url, url_of(1)));
	assert_int_equal(doc.size, offsetof(struct wr_document, content));
	assert_int_equal(*((char *)&doc + doc.size), 0x5a);
	memset(&newer_doc, 0x5a, sizeof(newer_doc));
	newer_doc.known.size = sizeof(newer_doc);
	assert_int_equal(wr_reply_document(r, 0, &newer_doc.known), 1);
	assert_int_equal(newer_doc.known.size, sizeof(newer_doc));
	assert_int_equal(newer_doc.unknown[0], 0x5a);
	doc.size = 0;
	assert_int_equal(wr_reply_document(r, 0, &doc), WR_EINVAL);
	wr_reply_free(r);

	query.text = str("text");
	query.size = offsetof(struct wr_query, vector);
	memset((char *)&query + query.size, 0xee, sizeof(query) - query.size);
	must(wr_search_wait(st->store, &query, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_documents(r), 1);
	wr_reply_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_store_opens_saves_and_closes),
		BOTH(closing_before_it_is_open_comes_after_opening),
		BOTH(a_store_is_freed_without_being_closed),
		BOTH(what_cannot_be_is_refused_at_once),
		OVER_SQLITE(opening_what_is_not_there_fails_with_its_event),
		BOTH(verbs_called_before_it_is_open_wait_for_it),
		OVER_SQLITE(verbs_of_a_store_that_failed_to_open_say_why),
		OVER_SQLITE(a_reply_may_outlive_its_store),
		BOTH(every_close_gets_its_event),
		BOTH(a_closing_store_takes_no_more_work),
		BOTH(draining_finishes_what_was_taken),
		BOTH(aborting_a_drain_settles_the_rest),
		BOTH(aborting_does_not_wait_for_an_embedder_that_is_silent),
		BOTH(closing_in_time_aborts_when_time_is_up),
		BOTH(opening_in_time_gives_up_when_time_is_up),
		BOTH(saving_in_time_says_that_time_was_up),
		BOTH(waiting_for_room_has_an_end),
		BOTH(freeing_needs_no_descriptors),
		BOTH(without_descriptors_opening_fails),
		OVER_MEM(the_version_is_that_of_the_header),
		OVER_MEM(every_status_has_a_name),
		BOTH(programs_of_other_ages_bring_structs_of_other_sizes),
	};

	return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
