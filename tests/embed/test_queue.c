#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loop_sim.h"
#include "base/loop_uv.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "embed/embedder.h"
#include "embed/queue.h"
#include <pthread.h>
#include <string.h>

enum { OPS = 200, TEXTS = 2, DIM = 3, ANSWERERS = 3 };

struct item {
	struct embed_op op;
	struct wr_str texts[TEXTS];
	char words[TEXTS][16];
	float vectors[TEXTS * DIM];
	int done;
};

/* The embedder, its ops, and the requests that the program has not answered. */
static struct {
	struct loop *loop;
	void *self;
	struct embedder_identity id;
	struct embed_asker asker;
	struct embedder_config config;
	struct item items[OPS];
	int ended;
	int refuse; /* what ask() returns */
	uint64_t number;

	pthread_mutex_t lock;
	pthread_cond_t more;
	struct embed_request *asked[OPS]; /* lock */
	int nasked;			  /* lock */
	bool closing;			  /* lock */
} f;

static int ask(struct embed_request *req, uint64_t number, void *arg)
{
	assert_ptr_equal(arg, &f);
	if (f.refuse)
		return f.refuse;
	pthread_mutex_lock(&f.lock);
	assert_true(number > f.number);
	f.number = number;
	f.asked[f.nasked++] = req;
	pthread_cond_signal(&f.more);
	pthread_mutex_unlock(&f.lock);
	return 0;
}

static void on_done(struct embed_op *op)
{
	struct item *item = list_item(op, struct item, op);

	item->done++;
	f.ended++;
	if (f.ended == OPS && f.id.dim == 99)
		loop_uv_stop(f.loop);
}

static void start(int i, uint32_t dim)
{
	struct item *item = &f.items[i];

	memset(item, 0, sizeof(*item));
	for (int k = 0; k < TEXTS; k++) {
		memset(item->words[k], 'x', (size_t)k + 1);
		item->texts[k] = str_of(item->words[k]);
	}
	item->op = (struct embed_op){ .texts = item->texts,
				      .n = TEXTS,
				      .vectors = dim ? item->vectors : NULL,
				      .dim = dim,
				      .done = on_done };
	queue_embedder.run(f.self, &item->op);
	assert_int_equal(item->done, 0);
}

static void open_on(struct loop *loop)
{
	struct wr_error err;

	f.loop = loop;
	f.config.loop = loop;
	f.config.asker = &f.asker;
	f.asker.ask = ask;
	f.asker.arg = &f;
	assert_int_equal(queue_embedder.open(&f.self, &f.config, &f.id, &err),
			 0);
}

static int setup(void **state)
{
	struct loop *loop;

	(void)state;
	memset(&f, 0, sizeof(f));
	pthread_mutex_init(&f.lock, NULL);
	pthread_cond_init(&f.more, NULL);
	assert_int_equal(loop_sim_new(&loop, 1), 0);
	open_on(loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (f.self)
		queue_embedder.close(f.self);
	loop_sim_free(f.loop);
	pthread_mutex_destroy(&f.lock);
	pthread_cond_destroy(&f.more);
	return 0;
}

static struct embed_request *take(void)
{
	assert_true(f.nasked > 0);
	return f.asked[--f.nasked];
}

static int answer(struct embed_request *req, size_t dim)
{
	float vectors[TEXTS * DIM] = { 1, 2, 3, 4, 5, 6 };

	return embed_request_finish(req, vectors, TEXTS, dim);
}

/* Runs the loop; the status that op i ended with, once. */
static int end_of(int i)
{
	loop_sim_run(f.loop, INT64_MAX);
	assert_int_equal(f.items[i].done, 1);
	return f.items[i].op.error.status;
}

static void the_program_is_asked_with_copies_of_the_texts(void **state)
{
	const struct wr_str *texts;
	struct embed_request *req;

	(void)state;
	assert_string_equal(f.id.name, "host");
	assert_string_equal(f.id.model, "default");
	assert_int_equal(f.id.dim, 0);
	start(0, DIM);
	req = take();
	memset(f.items[0].words, '?', sizeof(f.items[0].words));
	assert_int_equal(embed_request_texts(req, &texts), TEXTS);
	assert_true(str_eq(texts[0], str_of("x")));
	assert_true(str_eq(texts[1], str_of("xx")));
	assert_int_equal(answer(req, DIM), 0);
	assert_int_equal(f.items[0].done, 0);
	assert_int_equal(end_of(0), 0);
	assert_true(f.items[0].vectors[5] == 6);
}

static void the_dimension_is_learned_from_the_first_answer(void **state)
{
	(void)state;
	start(0, 0);
	assert_int_equal(answer(take(), DIM), 0);
	assert_int_equal(end_of(0), 0);
	assert_int_equal(f.items[0].op.dim, DIM);
	start(0, 0);
	assert_int_equal(answer(take(), 0), 0);
	assert_int_equal(end_of(0), WR_ESCHEMA);
	start(0, 0);
	assert_int_equal(answer(take(), SIZE_MAX / 2), 0);
	assert_int_equal(end_of(0), WR_EINVAL);
}

static void a_wrong_answer_fails_the_op(void **state)
{
	float vectors[TEXTS * DIM] = { 0 };

	(void)state;
	start(0, DIM);
	assert_int_equal(answer(take(), DIM - 1), 0);
	assert_int_equal(end_of(0), WR_ESCHEMA);
	assert_non_null(strstr(f.items[0].op.error.message,
			       "2 dimensions, the store has 3"));
	start(0, DIM);
	assert_int_equal(embed_request_finish(take(), vectors, 1, DIM),
			 WR_EINVAL);
	assert_int_equal(end_of(0), WR_EREMOTE);
	start(0, DIM);
	assert_int_equal(embed_request_finish(take(), NULL, TEXTS, DIM),
			 WR_EINVAL);
	assert_int_equal(end_of(0), WR_EREMOTE);
}

static void the_program_may_fail_a_request(void **state)
{
	(void)state;
	start(0, DIM);
	embed_request_fail(take(), WR_ELIMIT, 1500, "slow down");
	assert_int_equal(end_of(0), WR_ELIMIT);
	assert_int_equal(f.items[0].op.error.retry_after_ms, 1500);
	assert_string_equal(f.items[0].op.error.message, "slow down");
	start(0, DIM);
	embed_request_fail(take(), 5, 0, NULL);
	assert_int_equal(end_of(0), WR_EREMOTE);
}

static void nobody_there_is_an_error_of_the_op(void **state)
{
	(void)state;
	f.refuse = WR_ECLOSED;
	start(0, DIM);
	assert_int_equal(end_of(0), WR_ECLOSED);
}

static void a_cancelled_op_ends_at_once_and_its_answer_is_dropped(void **state)
{
	(void)state;
	start(0, DIM);
	start(1, DIM);
	queue_embedder.cancel(f.self, &f.items[1].op);
	assert_int_equal(f.items[1].done, 0);
	queue_embedder.cancel(f.self, &f.items[1].op);
	assert_int_equal(end_of(1), WR_ECANCELED);
	assert_int_equal(answer(take(), DIM), 0);
	loop_sim_run(f.loop, INT64_MAX);
	assert_int_equal(f.items[1].done, 1);
	assert_true(f.items[1].vectors[0] == 0);
	/* The other one is not touched by that. */
	assert_int_equal(f.items[0].done, 0);
	assert_int_equal(answer(take(), DIM), 0);
	/* Too late to cancel. */
	queue_embedder.cancel(f.self, &f.items[0].op);
	assert_int_equal(end_of(0), 0);
}

static void a_request_outlives_its_embedder(void **state)
{
	struct embed_request *one, *two;
	const struct wr_str *texts;

	(void)state;
	start(0, DIM);
	start(1, DIM);
	one = take();
	two = take();
	queue_embedder.cancel(f.self, &f.items[0].op);
	queue_embedder.cancel(f.self, &f.items[1].op);
	loop_sim_run(f.loop, INT64_MAX);
	assert_int_equal(f.ended, 2);
	queue_embedder.close(f.self);
	f.self = NULL;
	assert_int_equal(embed_request_texts(one, &texts), TEXTS);
	assert_int_equal(answer(one, DIM), 0);
	embed_request_fail(two, WR_EIO, 0, "late");
}

static bool allow_some(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void every_allocation_may_fail(void **state)
{
	int status = WR_ENOMEM, n, left;

	(void)state;
	for (n = 0; status == WR_ENOMEM; n++) {
		left = n;
		mem_set_gate(allow_some, &left);
		start(0, DIM);
		mem_set_gate(NULL, NULL);
		if (f.nasked)
			answer(take(), DIM);
		status = end_of(0);
	}
	assert_int_equal(status, 0);
	assert_true(n > 2);
}

/* ------------------------------------------------------- several threads -- */

static struct embed_request *wait_for_request(struct rand_state *rnd)
{
	struct embed_request *req = NULL;

	pthread_mutex_lock(&f.lock);
	while (!f.nasked && !f.closing)
		pthread_cond_wait(&f.more, &f.lock);
	if (f.nasked) {
		size_t at = rand_below(rnd, (uint64_t)f.nasked);

		req = f.asked[at];
		f.asked[at] = f.asked[--f.nasked];
	}
	pthread_mutex_unlock(&f.lock);
	return req;
}

static void *answer_all(void *arg)
{
	struct rand_state rnd = { (uintptr_t)arg };
	struct embed_request *req;

	while ((req = wait_for_request(&rnd)))
		switch (rand_below(&rnd, 3)) {
		case 0:
			embed_request_fail(req, WR_EIO, 0, "not now");
			break;
		default:
			(void)answer(req, DIM);
		}
	return NULL;
}

static struct loop_task begin;

static void run_all(struct loop_task *task)
{
	struct rand_state rnd = { 77 };

	(void)task;
	for (int i = 0; i < OPS; i++) {
		start(i, DIM);
		if (!rand_below(&rnd, 4))
			queue_embedder.cancel(
				f.self,
				&f.items[rand_below(&rnd, (uint64_t)i + 1)].op);
	}
}

static void answers_come_from_any_thread(void **state)
{
	pthread_t threads[ANSWERERS];
	struct wr_error err;
	struct loop *loop;

	(void)state;
	memset(&f, 0, sizeof(f));
	pthread_mutex_init(&f.lock, NULL);
	pthread_cond_init(&f.more, NULL);
	if (loop_uv_new(&loop, 1, &err))
		fail_msg("%s", err.message);
	open_on(loop);
	f.id.dim = 99; /* the last op stops the loop */
	for (uintptr_t i = 0; i < ANSWERERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, answer_all,
						(void *)(i + 1)),
				 0);
	begin.run = run_all;
	loop_post(loop, &begin);
	loop_uv_run(loop);
	assert_int_equal(f.ended, OPS);
	for (int i = 0; i < OPS; i++) {
		const struct item *item = &f.items[i];

		assert_int_equal(item->done, 1);
		if (!item->op.error.status)
			assert_true(item->vectors[5] == 6);
		else
			assert_true(item->op.error.status == WR_EIO ||
				    item->op.error.status == WR_ECANCELED);
	}
	/* Requests whose ops were cancelled are answered to the end. */
	queue_embedder.close(f.self);
	loop_uv_free(loop);
	pthread_mutex_lock(&f.lock);
	f.closing = true;
	pthread_cond_broadcast(&f.more);
	pthread_mutex_unlock(&f.lock);
	for (int i = 0; i < ANSWERERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(f.nasked, 0);
	pthread_mutex_destroy(&f.lock);
	pthread_cond_destroy(&f.more);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_program_is_asked_with_copies_of_the_texts),
		TEST(the_dimension_is_learned_from_the_first_answer),
		TEST(a_wrong_answer_fails_the_op),
		TEST(the_program_may_fail_a_request),
		TEST(nobody_there_is_an_error_of_the_op),
		TEST(a_cancelled_op_ends_at_once_and_its_answer_is_dropped),
		TEST(a_request_outlives_its_embedder),
		TEST(every_allocation_may_fail),
		cmocka_unit_test(answers_come_from_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
