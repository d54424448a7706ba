/* Many threads and two processes. */
#include "stand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 12, RECORDS = 7, KEYS = 23 };

struct writer {
	struct stand *st;
	pthread_t thread;
	unsigned number;
	/* Outcomes of its records. */
	uint64_t counts[WR_NOUTCOMES];
	atomic_bool *failed;
};

/* What every thread says of a key in a round: the same, or its own. */
static void make_text(char out[64], unsigned key, unsigned number, bool own)
{
	snprintf(out, 64, "text of key %u%s%.0u", key, own ? " by " : "",
		 own ? number + 1 : 0);
}

static void *submit_and_wait(void *arg)
{
	struct writer *w = arg;
	char texts[RECORDS][64], urls[RECORDS][40];
	struct wr_record recs[RECORDS];
	wr_reply *r;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t sum = 0;

		memset(recs, 0, sizeof(recs));
		for (unsigned i = 0; i < RECORDS; i++) {
			unsigned key = (w->number + round * 5 + i * 3) % KEYS;

			snprintf(urls[i], sizeof(urls[i]),
				 "https://a.example/%05u", key);
			make_text(texts[i], key, w->number, key & 1);
			recs[i].url = str(urls[i]);
			recs[i].content = str(texts[i]);
		}
		r = NULL;
		if (wr_submit_wait(w->st->store, recs, RECORDS, WR_UPDATE,
				   60000, &r, NULL) ||
		    wr_reply_count(r, WR_FAILED))
			atomic_store(w->failed, true);
		for (int k = 0; r && k < WR_NOUTCOMES; k++) {
			uint64_t n = wr_reply_count(r, (enum wr_outcome)k);

			w->counts[k] += n;
			sum += n;
		}
		if (sum != RECORDS)
			atomic_store(w->failed, true);
		wr_reply_free(r);
	}
	return NULL;
}

static void check_key(struct stand *st, unsigned key)
{
	char text[64];
	struct wr_document doc;
	bool right = false;
	wr_reply *r;

	assert_int_equal(get(st, url_of(key), WR_PART_CONTENT, &doc, &r), 1);
	assert_false(doc.pending);
	for (unsigned n = 0; n < THREADS && !right; n++) {
		make_text(text, key, n, key & 1);
		right = doc.content.len == strlen(text) &&
			!memcmp(doc.content.ptr, text, doc.content.len);
	}
	if (!right)
		fail_msg("key %u has \"%.*s\"", key, (int)doc.content.len,
			 doc.content.ptr);
	wr_reply_free(r);
}

static void eight_threads_save_the_same_pages(void **state)
{
	struct stand *st = *state;
	struct writer writers[THREADS];
	uint64_t counts[WR_NOUTCOMES] = { 0 };
	atomic_bool failed = false;

	/* So tight that they meet at the gate too. */
	st->opts.max_records = 3 * RECORDS;
	stand_open(st);
	for (unsigned i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){ .st = st,
					      .number = i,
					      .failed = &failed };
		pthread_create(&writers[i].thread, NULL, submit_and_wait,
			       &writers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(writers[i].thread, NULL);
		for (int k = 0; k < WR_NOUTCOMES; k++)
			counts[k] += writers[i].counts[k];
	}
	assert_false(failed);
	assert_int_equal(counts[WR_INSERTED], KEYS);
	assert_int_equal(counts[WR_FAILED] + counts[WR_SKIPPED], 0);
	assert_int_equal(counts[WR_INSERTED] + counts[WR_UPDATED] +
				 counts[WR_UNCHANGED],
			 THREADS * ROUNDS * RECORDS);
	assert_int_equal(stat_of(st, "documents"), KEYS);
	for (unsigned key = 0; key < KEYS; key++)
		check_key(st, key);
	assert_int_equal(metric_of(st->store, "windrow_inflight_records"), 0);
}

struct mixed {
	struct stand *st;
	pthread_t thread;
	atomic_bool *stop;
};

static void *search_and_look(void *arg)
{
	struct mixed *m = arg;
	struct wr_str urls[] = { str("https://a.example/00001") };
	struct wr_query query = WR_QUERY_INIT;
	char *text;

	query.text = str("text of key");
	while (!atomic_load(m->stop)) {
		wr_reply *r = NULL;

		if (wr_search_wait(m->st->store, &query, 60000, &r, NULL) ||
		    wr_reply_documents(r) > 10)
			atomic_store(m->stop, true);
		wr_reply_free(r);
		if (wr_known_wait(m->st->store, urls, 1, 0, 0, 60000, &r, NULL))
			atomic_store(m->stop, true);
		wr_reply_free(r);
		if (wr_metrics(m->st->store, &text))
			atomic_store(m->stop, true);
		else
			wr_free(text);
		if (!wr_store_dim(m->st->store))
			atomic_store(m->stop, true);
	}
	return NULL;
}

static void readers_and_writers_do_not_disturb_each_other(void **state)
{
	struct stand *st = *state;
	atomic_bool failed = false, stop = false;
	struct writer w = { .st = st, .failed = &failed };
	struct mixed readers[2];

	stand_open(st);
	for (int i = 0; i < 2; i++) {
		readers[i] = (struct mixed){ .st = st, .stop = &stop };
		pthread_create(&readers[i].thread, NULL, search_and_look,
			       &readers[i]);
	}
	submit_and_wait(&w);
	assert_false(stop);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i].thread, NULL);
	assert_false(failed);
}

/* Exit status of the child: the number of the first thing that was wrong. */
static int use_in_child(struct stand *st)
{
	struct wr_record rec = page(url_of(7), NULL, "text");
	struct wr_query query = WR_QUERY_INIT;
	struct wr_error err = { 0 };
	struct wr_event ev;
	wr_queue *q;
	char *text;

	if (wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &err) !=
		    WR_EFORKED ||
	    err.status != WR_EFORKED || !*err.message)
		return 1;
	query.text = str("x");
	if (wr_search(st->store, &query, st->q, 1, NULL) != WR_EFORKED)
		return 2;
	if (wr_get(st->store, &rec.url, 1, 0, st->q, 1, NULL) != WR_EFORKED)
		return 3;
	if (wr_close(st->store, WR_CLOSE_ABORT, st->q, 1, NULL) != WR_EFORKED)
		return 4;
	if (wr_cancel(st->store, st->q, 1, NULL) != WR_EFORKED)
		return 5;
	if (wr_metrics(st->store, &text) != WR_EFORKED)
		return 6;
	if (wr_queue_next(st->q, &ev, 1, 0) != WR_EFORKED)
		return 7;
	if (wr_store_dim(st->store) != 0)
		return 8;
	if (wr_flush_wait(st->store, 1000, &err) != WR_EFORKED)
		return 9;
	wr_store_free(st->store);
	wr_queue_free(st->q);
	/* A queue of its own works. */
	if (wr_queue_new(&q, NULL) || wr_queue_next(q, &ev, 1, 0))
		return 10;
	wr_queue_free(q);
	return 0;
}

static void a_child_is_told_that_the_store_is_its_parents(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	int status = -1;
	pid_t pid;

	stand_open(st);
	/* Something is under way, and something to be read. */
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	pid = fork();
	if (!pid)
		_exit(use_in_child(st));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* The parent goes on. */
	wr_reply_free(next_event(st->q, WR_EV_SUBMIT).reply);
	assert_int_equal(put(st, url_of(2), "more"), WR_INSERTED);
}

static void two_stores_share_one_queue(void **state)
{
	struct stand *st = *state;
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_record rec = page(url_of(1), NULL, "text");
	struct wr_event ev;
	wr_store *other;

	opts.store = "mem:";
	stand_open(st);
	must(wr_open_wait(&other, &opts, -1, &st->err), &st->err);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	must(wr_submit(other, &rec, 1, WR_UPDATE, st->q, 2, &st->err),
	     &st->err);
	for (int tags = 0; tags != 3; tags |= (int)ev.tag) {
		ev = next_event(st->q, WR_EV_SUBMIT);
		assert_int_equal(wr_reply_count(ev.reply, WR_INSERTED), 1);
		wr_reply_free(ev.reply);
	}
	wr_store_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(eight_threads_save_the_same_pages),
		BOTH(readers_and_writers_do_not_disturb_each_other),
		BOTH(a_child_is_told_that_the_store_is_its_parents),
		BOTH(two_stores_share_one_queue),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
