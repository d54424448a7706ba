/* Cancelling, with real threads: what waits, and what runs. */
#include "stand.h"

#include "base/loop_uv.h"
#include "base/rand.h"
#include "base/str.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 150, ROWS = 64 };

static struct loop *uv;
static int running;

/* The stand's loop carries out ops alone; here there are workers. */
static void with_workers(struct stand *st)
{
	struct wr_error err;

	stand_make(st);
	stand_close(st);
	assert_int_equal(loop_uv_new(&uv, 3, &err), 0);
	struct backend_config config = { .location = st->url,
					 .loop = uv,
					 .busy_timeout_ms = 20000 };

	assert_int_equal(sqlite_backend.open(&st->self, &config, &st->settings,
					     &st->err),
			 0);
	running = 0;
}

static void on_closed(void *arg)
{
	(void)arg;
	loop_uv_stop(uv);
}

static void without_workers(struct stand *st)
{
	sqlite_backend.close(st->self, on_closed, NULL);
	loop_uv_run(uv);
	loop_uv_free(uv);
	st->self = NULL;
}

static void on_done(struct backend_op *op)
{
	op->done = NULL;
	running--;
	loop_uv_stop(uv);
}

static void start(struct stand *st, struct backend_op *op)
{
	op->done = on_done;
	running++;
	sqlite_backend.run(st->self, op);
}

static void await(struct backend_op *op)
{
	while (op->done)
		loop_uv_run(uv);
}

/* A batch of rows with their memory. */
struct batch {
	struct backend_op op;
	struct write items[ROWS];
	struct record recs[ROWS];
	char keys[ROWS][32];
};

static void batch_make(struct batch *b, const char *prefix)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < ROWS; i++) {
		snprintf(b->keys[i], sizeof(b->keys[i]), "%s%04d", prefix, i);
		b->recs[i] = (struct record){ .key = str_of(b->keys[i]),
					      .content = str_of("some words"),
					      .fetched_at = 1 };
		b->items[i] = (struct write){ .rec = &b->recs[i] };
	}
	b->op.kind = BACKEND_WRITE;
	b->op.u.write.items = b->items;
	b->op.u.write.n = ROWS;
}

static struct batch first, second;
static bool first_still_waited;

/* The loop's turn ends with its last job: what follows is done from here. */
static void on_second(struct backend_op *op)
{
	first_still_waited = first.op.done != NULL;
	on_done(op);
	sqlite_backend.cancel(first.op.wrapper_data, &first.op);
}

static void an_op_that_waits_is_cancelled_at_once(void **state)
{
	struct stand *st = *state;
	int fd;

	with_workers(st);
	fd = open(stand_beside(st, "-lock"), O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	batch_make(&first, "a");
	batch_make(&second, "b");
	first.op.wrapper_data = st->self;
	start(st, &first.op);
	start(st, &second.op);
	second.op.done = on_second;
	/* It waits for the first one, and that one for the lock. */
	sqlite_backend.cancel(st->self, &second.op);
	sqlite_backend.cancel(st->self, &second.op);
	await(&second.op);
	assert_true(first_still_waited);
	assert_int_equal(second.op.error.status, WR_ECANCELED);
	await(&first.op);
	assert_int_equal(first.op.error.status, WR_ECANCELED);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	close(fd);
	start(st, &first.op);
	await(&first.op);
	assert_int_equal(first.op.error.status, 0);
	without_workers(st);
}

static uint64_t count(struct stand *st)
{
	struct result result;
	struct backend_op op = { .kind = BACKEND_STATS,
				 .u.stats.result = &result };
	uint64_t value = 0;

	result_init(&result);
	start(st, &op);
	await(&op);
	assert_int_equal(op.error.status, 0);
	for (size_t i = 0; i < result.nstats; i++)
		if (!strcmp(result.stats[i].name, "documents"))
			value = result.stats[i].value;
	result_release(&result);
	return value;
}

/* At any moment: an op is done or undone as a whole, and the next one works. */
static void cancelling_at_any_moment_leaves_all_or_nothing(void **state)
{
	struct stand *st = *state;
	struct rand_state rand = { (uint64_t)time(NULL) };
	static struct batch b;
	uint64_t stored = 0;
	int canceled = 0;

	print_message("seed %llu\n", (unsigned long long)rand.s);
	with_workers(st);
	for (int i = 0; i < ROUNDS; i++) {
		struct timespec wait = { 0, (long)rand_below(&rand, 3000000) };
		char prefix[16];

		snprintf(prefix, sizeof(prefix), "%04d-", i);
		batch_make(&b, prefix);
		start(st, &b.op);
		nanosleep(&wait, NULL);
		sqlite_backend.cancel(st->self, &b.op);
		await(&b.op);
		if (b.op.error.status == WR_ECANCELED)
			canceled++;
		else if (b.op.error.status)
			fail_msg("%s", b.op.error.message);
		else
			stored += ROWS;
		if (i % 16 == 0)
			assert_int_equal(count(st), stored);
	}
	assert_int_equal(count(st), stored);
	print_message("%d of %d cancelled\n", canceled, ROUNDS);
	without_workers(st);
	assert_int_equal(running, 0);
}

/* Readers and the writer at a time, with no state between them. */
static void readers_run_beside_the_writer(void **state)
{
	struct stand *st = *state;
	struct result results[6];
	struct backend_op reads[6];
	static struct batch b;

	with_workers(st);
	for (int round = 0; round < 40; round++) {
		char prefix[16];

		snprintf(prefix, sizeof(prefix), "%04d-", round);
		batch_make(&b, prefix);
		start(st, &b.op);
		for (int i = 0; i < 6; i++) {
			result_init(&results[i]);
			memset(&reads[i], 0, sizeof(reads[i]));
			reads[i].kind = BACKEND_SCAN;
			reads[i].u.scan.limit = 100;
			reads[i].u.scan.parts = WR_PART_CONTENT;
			reads[i].u.scan.result = &results[i];
			start(st, &reads[i]);
		}
		await(&b.op);
		assert_int_equal(b.op.error.status, 0);
		for (int i = 0; i < 6; i++) {
			await(&reads[i]);
			assert_int_equal(reads[i].error.status, 0);
			/* One state of the store: whole batches. */
			if (results[i].ndocs < 100)
				assert_int_equal(results[i].ndocs % ROWS, 0);
			result_release(&results[i]);
		}
		assert_int_equal(count(st), (round + 1) * ROWS);
	}
	without_workers(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAND_TEST(an_op_that_waits_is_cancelled_at_once),
		STAND_TEST(cancelling_at_any_moment_leaves_all_or_nothing),
		STAND_TEST(readers_run_beside_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
