/* Embedding by the program: a function on a worker, or answers to messages. */
#include "stand.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIM = 4 };

/* What the function is to do next; asked for by any worker. */
struct teller {
	atomic_int failures; /* calls that still fail, with status */
	int status;
	atomic_int nans;  /* calls that still answer with a NaN */
	atomic_bool hang; /* sleep until released */
	atomic_uint calls, texts, largest;
	pthread_mutex_t lock;
	pthread_cond_t released;
};

static void vector_of(struct wr_str text, float out[DIM])
{
	for (int i = 0; i < DIM; i++)
		out[i] = 1 + (float)((text.len >> i) & 1) * (float)(i + 1);
}

static int tell(const struct wr_str *texts, size_t n, float *vectors,
		size_t dim, void *arg)
{
	struct teller *t = arg;

	atomic_fetch_add(&t->calls, 1);
	atomic_fetch_add(&t->texts, (unsigned)n);
	if (n > atomic_load(&t->largest))
		atomic_store(&t->largest, (unsigned)n);
	if (dim != DIM)
		return WR_EINVAL;
	pthread_mutex_lock(&t->lock);
	while (atomic_load(&t->hang))
		pthread_cond_wait(&t->released, &t->lock);
	pthread_mutex_unlock(&t->lock);
	if (atomic_fetch_sub(&t->failures, 1) > 0)
		return t->status;
	for (size_t i = 0; i < n; i++) {
		if (memmem(texts[i].ptr, texts[i].len, "refuse", 6))
			return WR_EDATA;
		vector_of(texts[i], vectors + i * DIM);
	}
	if (atomic_fetch_sub(&t->nans, 1) > 0)
		vectors[0] = NAN;
	return 0;
}

static void release(struct teller *t)
{
	pthread_mutex_lock(&t->lock);
	atomic_store(&t->hang, false);
	pthread_cond_broadcast(&t->released);
	pthread_mutex_unlock(&t->lock);
}

static void open_fn(struct stand *st, struct teller *t)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->released, NULL);
	t->status = WR_EIO;
	st->opts.embedder = "fn";
	st->opts.model = "telling-1";
	st->opts.dim = DIM;
	st->opts.embed_fn = tell;
	st->opts.embed_arg = t;
	stand_open(st);
}

static void check_vector(struct stand *st, const char *url, const char *text)
{
	struct wr_document doc;
	float expected[DIM];
	wr_reply *r;

	vector_of(str(text), expected);
	assert_int_equal(get(st, url, WR_PART_EMBEDDING, &doc, &r), 1);
	assert_int_equal(doc.embedding_dim, DIM);
	assert_memory_equal(doc.embedding, expected, sizeof(expected));
	assert_false(doc.pending);
	wr_reply_free(r);
}

static void a_function_embeds_in_batches(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[8];
	struct teller t;
	wr_reply *r;

	open_fn(st, &t);
	for (unsigned i = 0; i < 8; i++)
		recs[i] = page(url_of(i), NULL, url_of(i));
	r = save(st, recs, 8, WR_UPDATE);
	assert_int_equal(wr_reply_embedded(r), 8);
	wr_reply_free(r);
	assert_int_equal(t.texts, 8);
	assert_int_equal(t.calls, 1);
	check_vector(st, url_of(3), url_of(3));
	/* Unchanged content is not embedded again, nor is a new title. */
	wr_reply_free(save(st, recs, 8, WR_UPDATE));
	recs[0].title = str("A title");
	wr_reply_free(save(st, recs, 1, WR_UPDATE));
	assert_int_equal(t.texts, 8);
	stand_close(st);
}

static void only_the_text_that_is_refused_waits(void **state)
{
	struct stand *st = *state;
	struct wr_record recs[8];
	struct teller t;
	wr_reply *r;

	open_fn(st, &t);
	for (unsigned i = 0; i < 8; i++)
		recs[i] = page(url_of(i), NULL,
			       i == 5 ? "refuse this one" : url_of(i));
	r = save(st, recs, 8, WR_UPDATE);
	assert_int_equal(wr_reply_count(r, WR_INSERTED), 8);
	assert_int_equal(wr_reply_embedded(r), 7);
	wr_reply_free(r);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(is_pending(st, url_of(i)), i == 5);
	stand_close(st);
}

static void failures_that_pass_are_ridden_out(void **state)
{
	struct stand *st = *state;
	struct teller t;

	open_fn(st, &t);
	t.failures = 2;
	assert_int_equal(put(st, url_of(1), "some text"), WR_INSERTED);
	assert_int_equal(t.calls, 3);
	check_vector(st, url_of(1), "some text");
	stand_close(st);
}

static void a_vector_with_nan_is_asked_for_again(void **state)
{
	struct stand *st = *state;
	struct teller t;

	open_fn(st, &t);
	t.nans = 1;
	assert_int_equal(put(st, url_of(1), "some text"), WR_INSERTED);
	check_vector(st, url_of(1), "some text");
	/* And where it always is NaN, the page waits. */
	t.nans = 1000;
	assert_int_equal(put(st, url_of(2), "other text"), WR_INSERTED);
	assert_true(is_pending(st, url_of(2)));
	stand_close(st);
}

static void a_failure_keeps_the_vector_that_there_is(void **state)
{
	struct stand *st = *state;
	struct wr_document doc;
	struct teller t;
	wr_reply *r;

	st->opts.op_timeout_ms = 400;
	open_fn(st, &t);
	assert_int_equal(put(st, url_of(1), "good text"), WR_INSERTED);
	t.failures = 100000;
	assert_int_equal(put(st, url_of(1), "better text, not embedded"),
			 WR_UPDATED);
	assert_int_equal(get(st, url_of(1), WR_PART_EMBEDDING | WR_PART_CONTENT,
			     &doc, &r),
			 1);
	assert_true(str_is(doc.content, "better text, not embedded"));
	assert_true(doc.pending);
	assert_int_equal(doc.embedding_dim, DIM);
	wr_reply_free(r);
	/* Nothing works: the request says why. */
	assert_int_equal(wr_embed_pending_wait(st->store, 0, -1, &r, &st->err),
			 WR_EIO);
	assert_int_equal(wr_reply_total(r), 0);
	assert_int_equal(wr_reply_remaining(r), 1);
	wr_reply_free(r);
	t.failures = 0;
	must(wr_embed_pending_wait(st->store, 0, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 1);
	assert_int_equal(wr_reply_remaining(r), 0);
	wr_reply_free(r);
	check_vector(st, url_of(1), "better text, not embedded");
	stand_close(st);
}

static void pages_of_a_silent_function_wait_and_are_caught_up_with(void **state)
{
	struct stand *st = *state;
	struct teller t;
	wr_reply *r;

	st->opts.embed_timeout_ms = 50;
	st->opts.op_timeout_ms = 6000;
	open_fn(st, &t);
	atomic_store(&t.hang, true);
	assert_int_equal(put(st, url_of(1), "one text"), WR_INSERTED);
	assert_int_equal(put(st, url_of(2), "one text more"), WR_INSERTED);
	assert_true(is_pending(st, url_of(1)));
	release(&t);
	must(wr_embed_pending_wait(st->store, 1, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 1);
	assert_int_equal(wr_reply_remaining(r), 1);
	wr_reply_free(r);
	must(wr_embed_pending_wait(st->store, 0, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_total(r), 1);
	assert_int_equal(wr_reply_remaining(r), 0);
	wr_reply_free(r);
	check_vector(st, url_of(1), "one text");
	check_vector(st, url_of(2), "one text more");
	/* What was caught up with was settled before. */
	assert_int_equal(metric_of(st->store, "windrow_records_total"), 2);
	assert_int_equal(
		metric_of(st->store,
			  "windrow_outcomes_total{outcome=\"updated\"}"),
		0);
	stand_close(st);
}

/* -------------------------------------------------- answers to messages -- */

/* How a thread answers what the queue asks. */
struct answerer {
	wr_queue *q;
	pthread_t thread;
	atomic_uint fail, drop, wrong_n; /* so many, then well */
	atomic_uint dim;
	atomic_uint texts;
};

static void answer(struct answerer *a, wr_reply *job)
{
	const struct wr_str *texts;
	size_t n = wr_embed_texts(job, &texts), dim = atomic_load(&a->dim);
	float *vectors = test_calloc(n * dim + DIM, sizeof(float));

	for (size_t i = 0; i < n; i++) {
		float v[DIM];

		vector_of(texts[i], v);
		for (size_t k = 0; k < dim; k++)
			vectors[i * dim + k] = v[k % DIM];
	}
	atomic_fetch_add(&a->texts, (unsigned)n);
	if (atomic_load(&a->fail)) {
		atomic_fetch_sub(&a->fail, 1);
		wr_embed_fail(job, WR_ELIMIT, 10, "slow down");
	} else if (atomic_load(&a->drop)) {
		atomic_fetch_sub(&a->drop, 1);
		wr_reply_free(job);
	} else if (atomic_load(&a->wrong_n)) {
		atomic_fetch_sub(&a->wrong_n, 1);
		assert_int_equal(wr_embed_finish(job, vectors, n + 1, dim),
				 WR_EINVAL);
	} else {
		must(wr_embed_finish(job, vectors, n, dim), NULL);
	}
	test_free(vectors);
}

static void *answers(void *arg)
{
	struct answerer *a = arg;
	struct wr_event ev;

	while (wr_queue_next(a->q, &ev, 1, -1) == 1)
		answer(a, ev.reply);
	return NULL;
}

static void begin_answers(struct stand *st, struct answerer *a)
{
	memset(a, 0, sizeof(*a));
	atomic_store(&a->dim, DIM);
	must(wr_queue_new(&a->q, &st->err), &st->err);
	pthread_create(&a->thread, NULL, answers, a);
	st->opts.embedder = "queue";
	st->opts.embed_queue = a->q;
	st->opts.model = "answers-1";
	st->opts.dim = 0;
}

static void end_answers(struct answerer *a)
{
	wr_queue_wake(a->q);
	pthread_join(a->thread, NULL);
	wr_queue_free(a->q);
}

static void another_thread_answers_and_teaches_the_dimension(void **state)
{
	struct stand *st = *state;
	struct wr_query query = WR_QUERY_INIT;
	struct answerer a;
	wr_reply *r;

	begin_answers(st, &a);
	stand_open(st);
	assert_int_equal(wr_store_dim(st->store), DIM);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put(st, url_of(i), url_of(i)), WR_INSERTED);
	check_vector(st, url_of(7), url_of(7));
	query.text = str(url_of(7));
	query.mode = WR_SEARCH_VECTOR;
	must(wr_search_wait(st->store, &query, -1, &r, &st->err), &st->err);
	assert_int_equal(wr_reply_documents(r), 10);
	wr_reply_free(r);
	stand_close(st);
	end_answers(&a);
}

static void answers_that_fail_are_asked_for_again(void **state)
{
	struct stand *st = *state;
	struct answerer a;

	begin_answers(st, &a);
	stand_open(st);
	atomic_store(&a.fail, 2);
	assert_int_equal(put(st, url_of(1), "text one"), WR_INSERTED);
	check_vector(st, url_of(1), "text one");
	assert_int_equal(metric_of(st->store, "windrow_embed_retries_total"),
			 2);
	/* One that is dropped is not: its page waits. */
	atomic_store(&a.drop, 1);
	assert_int_equal(put(st, url_of(2), "text two"), WR_INSERTED);
	assert_true(is_pending(st, url_of(2)));
	atomic_store(&a.wrong_n, 1);
	assert_int_equal(put(st, url_of(3), "text three"), WR_INSERTED);
	assert_true(is_pending(st, url_of(3)));
	atomic_store(&a.dim, DIM + 1);
	assert_int_equal(put(st, url_of(4), "text four"), WR_INSERTED);
	assert_true(is_pending(st, url_of(4)));
	atomic_store(&a.dim, DIM);
	must(wr_embed_pending_wait(st->store, 0, -1, NULL, &st->err), &st->err);
	check_vector(st, url_of(4), "text four");
	assert_int_equal(stat_of(st, "documents_pending"), 0);
	stand_close(st);
	end_answers(&a);
}

static void a_first_answer_that_fails_fails_the_opening(void **state)
{
	struct stand *st = *state;
	struct answerer a;

	begin_answers(st, &a);
	atomic_store(&a.fail, 1);
	assert_int_equal(stand_open_fails(st), WR_ELIMIT);
	atomic_store(&a.wrong_n, 1);
	assert_int_equal(stand_open_fails(st), WR_EREMOTE);
	atomic_store(&a.dim, 0);
	stand_open_fails(st);
	atomic_store(&a.dim, DIM);
	stand_open(st);
	stand_close(st);
	end_answers(&a);
}

static void pages_wait_when_nobody_answers_in_time(void **state)
{
	struct stand *st = *state;
	struct wr_record rec = page(url_of(1), NULL, "text");
	struct wr_event first, ev;
	const struct wr_str *texts;
	float vector[DIM] = { 1, 1, 1, 1 };
	wr_queue *asked;

	must(wr_queue_new(&asked, &st->err), &st->err);
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = DIM;
	st->opts.embed_timeout_ms = 50;
	st->opts.op_timeout_ms = 400;
	stand_open(st);
	must(wr_submit(st->store, &rec, 1, WR_UPDATE, st->q, 1, &st->err),
	     &st->err);
	first = next_event(asked, WR_EV_EMBED);
	assert_int_equal(wr_embed_texts(first.reply, &texts), 1);
	ev = next_event(st->q, WR_EV_SUBMIT);
	assert_int_equal(wr_reply_count(ev.reply, WR_INSERTED), 1);
	wr_reply_free(ev.reply);
	/* The texts are the reply's own: it may still be read, and answered. */
	assert_true(str_is(texts[0], "text"));
	must(wr_embed_finish(first.reply, vector, 1, DIM), NULL);
	assert_true(is_pending(st, url_of(1)));
	stand_close(st);
	wr_queue_free(asked);
}

static void pages_wait_when_the_program_gave_its_queue_up(void **state)
{
	struct stand *st = *state;
	wr_queue *asked;

	must(wr_queue_new(&asked, &st->err), &st->err);
	st->opts.embedder = "queue";
	st->opts.embed_queue = asked;
	st->opts.dim = DIM;
	stand_open(st);
	wr_queue_free(asked);
	assert_int_equal(put(st, url_of(1), "text"), WR_INSERTED);
	assert_true(is_pending(st, url_of(1)));
}

static void a_reply_that_asks_nothing_cannot_be_answered(void **state)
{
	struct stand *st = *state;
	const struct wr_str *texts;
	float vector[1] = { 1 };
	struct wr_event ev;

	stand_open(st);
	must(wr_flush(st->store, st->q, 1, &st->err), &st->err);
	ev = next_event(st->q, WR_EV_FLUSH);
	assert_int_equal(wr_embed_texts(ev.reply, &texts), 0);
	assert_int_equal(wr_embed_finish(ev.reply, vector, 1, 1), WR_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_function_embeds_in_batches),
		BOTH(only_the_text_that_is_refused_waits),
		BOTH(failures_that_pass_are_ridden_out),
		BOTH(a_vector_with_nan_is_asked_for_again),
		BOTH(a_failure_keeps_the_vector_that_there_is),
		BOTH(pages_of_a_silent_function_wait_and_are_caught_up_with),
		BOTH(another_thread_answers_and_teaches_the_dimension),
		BOTH(answers_that_fail_are_asked_for_again),
		BOTH(a_first_answer_that_fails_fails_the_opening),
		BOTH(pages_wait_when_nobody_answers_in_time),
		BOTH(pages_wait_when_the_program_gave_its_queue_up),
		OVER_MEM(a_reply_that_asks_nothing_cannot_be_answered),
	};

	return cmocka_run_group_tests_name("embedders", tests, NULL, NULL);
}
