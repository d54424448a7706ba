/* Failing and canceling: all or nothing, and every op ends exactly once. */
#include "conformance.h"

#include "backend/faulty.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static const float east[DIM] = { 1, 0, 0, 0 };
static const float north[DIM] = { 0, 1, 0, 0 };
static const struct faults none;

/* ------------------------------------------------------ ops at one time -- */

static void ops_that_overlap_all_end(void **state)
{
	enum { N = 40 };
	struct fixture *fx = *state;
	struct write writes[N];
	struct backend_op ops[2 * N] = { 0 };
	struct wr_str keys[N];
	size_t stored = 0;

	store_set_faults(fx, &none);
	for (int i = 0; i < N; i++) {
		const char *key = text_make(fx, "%02d", i);

		keys[i] = str_of(key);
		writes[i] = write_make(
			fx, &(struct page){ .key = key, .content = key });
		ops[2 * i].kind = BACKEND_WRITE;
		ops[2 * i].u.write.items = &writes[i];
		ops[2 * i].u.write.n = 1;
		ops[2 * i + 1].kind = BACKEND_GET;
		ops[2 * i + 1].u.get.keys = &keys[i];
		ops[2 * i + 1].u.get.n = 1;
		ops[2 * i + 1].u.get.result = result_make(fx);
		start_op(fx, &ops[2 * i]);
		start_op(fx, &ops[2 * i + 1]);
	}
	for (int i = 2 * N - 1; i >= 0; i--)
		assert_int_equal(await(fx, &ops[i]), 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(writes[i].outcome, WR_INSERTED);
		stored += get(fx, keys[i].ptr)->found;
	}
	assert_int_equal(stored, N);
}

static void a_canceled_op_ends_and_has_happened_or_not(void **state)
{
	enum { N = 20 };
	struct fixture *fx = *state;
	struct write writes[N];
	struct backend_op ops[N] = { 0 };

	store_set_faults(fx, &none);
	for (int i = 0; i < N; i++) {
		const char *key = text_make(fx, "%02d", i);

		writes[i] = write_make(
			fx, &(struct page){ .key = key, .content = key });
		ops[i].kind = BACKEND_WRITE;
		ops[i].u.write.items = &writes[i];
		ops[i].u.write.n = 1;
		start_op(fx, &ops[i]);
	}
	/* Where there are no threads, none of them can have begun. */
	for (int i = 0; i < N; i += 2)
		fx->ops->cancel(fx->self, &ops[i]);
	for (int i = 0; i < N; i++) {
		int status = await(fx, &ops[i]);

		if (i % 2)
			assert_int_equal(status, 0);
		else if (status || !fx->driver->threads)
			assert_int_equal(status, WR_ECANCELED);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(get(fx, writes[i].rec->key.ptr)->found,
				 !ops[i].error.status);
}

/* ------------------------------------------------------------ faulty.c -- */

static int write_one(struct fixture *fx, struct write *w)
{
	struct backend_op op = {
		.kind = BACKEND_WRITE,
		.u.write = { w, 1, 0 },
	};

	return run_once(fx, &op);
}

static void a_refused_write_leaves_nothing(void **state)
{
	struct fixture *fx = *state;
	struct write w =
		write_make(fx, &(struct page){ .key = "a", .content = "x" });

	store_set_faults(fx, &(struct faults){ .refuse = 1000 });
	assert_int_equal(write_one(fx, &w), WR_EIO);
	store_set_faults(fx, &(struct faults){ .busy = 1000 });
	assert_int_equal(write_one(fx, &w), WR_EBUSY);
	store_set_faults(fx, &none);
	assert_false(get(fx, "a")->found);
	assert_int_equal(write_one(fx, &w), 0);
	assert_true(get(fx, "a")->found);
}

static void a_forgotten_write_has_happened(void **state)
{
	struct fixture *fx = *state;
	struct write w = write_make(fx, &(struct page){ .key = "a",
							.content = "x",
							.fetched_at = AT(1) });

	store_set_faults(fx, &(struct faults){ .forget = 1000 });
	assert_int_equal(write_one(fx, &w), WR_EIO);
	/* What is no write is not forgotten. */
	assert_true(get(fx, "a")->found);
	store_set_faults(fx, &none);
	w.retried = true;
	w.predicted = WR_INSERTED;
	assert_int_equal(write_one(fx, &w), 0);
	assert_int_equal(w.outcome, WR_INSERTED);
}

static void poison_fails_the_batch_that_holds_it(void **state)
{
	struct fixture *fx = *state;
	struct write items[3];
	struct backend_op op = {
		.kind = BACKEND_WRITE,
		.u.write = { items, 3, 0 },
	};

	store_set_faults(fx, &(struct faults){ .poison = str_of("bad") });
	for (int i = 0; i < 3; i++)
		items[i] = write_make(
			fx, &(struct page){ .key = i == 1 ? "b/bad/key"
						   : i	  ? "c"
							  : "a",
					    .content = "x" });
	assert_int_equal(run_once(fx, &op), WR_EDATA);
	assert_string_equal(scan_keys(fx, NULL, 10), "");
	items[1] = items[2];
	op.u.write.n = 2;
	assert_int_equal(run_once(fx, &op), 0);
	assert_string_equal(scan_keys(fx, NULL, 10), "a c");
}

static void a_delayed_op_can_be_canceled(void **state)
{
	struct fixture *fx = *state;
	struct write w =
		write_make(fx, &(struct page){ .key = "a", .content = "x" });
	struct backend_op op = {
		.kind = BACKEND_WRITE,
		.u.write = { &w, 1, 0 },
	};

	store_set_faults(fx, &(struct faults){ .slow = 1000,
					       .slow_us = INT64_C(1) << 50 });
	start_op(fx, &op);
	fx->ops->cancel(fx->self, &op);
	assert_int_equal(await(fx, &op), WR_ECANCELED);
	store_set_faults(fx, &none);
	assert_false(get(fx, "a")->found);
}

/* The statuses of a hundred ops under faults that come from this seed. */
static void draw_statuses(struct fixture *fx, int statuses[100])
{
	struct wr_str key = str_of("a");

	for (int i = 0; i < 100; i++) {
		uint8_t stored;
		struct backend_op op = {
			.kind = BACKEND_KNOWN,
			.u.known = { &key, 1, false, 0, &stored, NULL },
		};

		statuses[i] = run_once(fx, &op);
	}
}

static void faults_come_from_the_seed_alone(void **state)
{
	struct fixture *fx = *state;
	const struct faults some = { .refuse = 300, .busy = 300 };
	int first[100], second[100];
	void *under = fx->inner ? fx->inner : fx->self;
	void *one, *two;

	assert_int_equal(faulty_new(&one, fx->driver->backend, under, fx->loop,
				    &some, 42),
			 0);
	assert_int_equal(faulty_new(&two, fx->driver->backend, under, fx->loop,
				    &some, 42),
			 0);
	struct fixture a = *fx, b = *fx;

	a.ops = b.ops = &faulty_backend;
	a.self = one;
	b.self = two;
	draw_statuses(&a, first);
	draw_statuses(&b, second);
	assert_memory_equal(first, second, sizeof(first));
	mem_free(one);
	mem_free(two);
}

/* ------------------------------------------------------- memory runs out -- */

struct ration {
	unsigned left;
	bool refused;
};

static bool allow(void *arg)
{
	struct ration *ration = arg;

	if (ration->left) {
		ration->left--;
		return true;
	}
	ration->refused = true;
	return false;
}

/* Run op with the n-th allocation and all after it refused. */
static int run_rationed(struct fixture *fx, struct backend_op *op, unsigned n,
			bool *refused)
{
	struct ration ration = { .left = n };
	int status;

	mem_set_gate(allow, &ration);
	status = run_once(fx, op);
	mem_set_gate(NULL, NULL);
	*refused = ration.refused;
	return status;
}

static void fill_batch(struct fixture *fx, struct write items[4])
{
	items[0] = write_make(fx, &(struct page){ .key = "a",
						  .title = "new",
						  .content = "new",
						  .metadata = "{}",
						  .fetched_at = AT(2),
						  .vector = north });
	items[1] = write_make(fx, &(struct page){ .key = "b" });
	items[1].kind = WRITE_DELETE;
	items[2] = write_make(fx, &(struct page){ .key = "c",
						  .content = "waits",
						  .vector = north });
	items[2].kind = WRITE_VECTOR;
	items[3] = write_make(fx, &(struct page){ .key = "d",
						  .title = "fresh",
						  .content = "new",
						  .own = north });
}

static void a_batch_without_memory_leaves_the_store_as_it_was(void **state)
{
	struct fixture *fx = *state;
	struct write items[4];
	struct backend_op op = {
		.kind = BACKEND_WRITE,
		.u.write = { items, 4, 0 },
	};
	bool refused = true;

	if (fx->driver->threads)
		skip();
	store_set_faults(fx, &none);
	save(fx, .key = "a", .title = "old", .content = "old",
	     .fetched_at = AT(1), .vector = east);
	save(fx, .key = "b", .content = "b", .vector = east);
	save(fx, .key = "c", .content = "waits", .wants_vector = true);
	for (unsigned n = 0; refused; n++) {
		fill_batch(fx, items);
		if (!run_rationed(fx, &op, n, &refused))
			continue;
		assert_true(refused);
		assert_int_equal(fx->err.status, WR_ENOMEM);
		assert_string_equal(scan_keys(fx, NULL, 10), "a b c");
		assert_text(get(fx, "a")->title, "old");
		assert_text(get(fx, "a")->content, "old");
		assert_vector(get(fx, "a"), east);
		assert_vector(get(fx, "c"), NULL);
		assert_true(get(fx, "c")->pending);
	}
	assert_string_equal(scan_keys(fx, NULL, 10), "a c d");
	assert_text(get(fx, "a")->title, "new");
	assert_vector(get(fx, "c"), north);
	assert_vector(get(fx, "d"), north);
}

static void reading_without_memory_says_so(void **state)
{
	struct fixture *fx = *state;
	struct wr_str keys[] = { str_of("a"), str_of("x") };
	struct text_query query;
	bool refused;

	if (fx->driver->threads)
		skip();
	store_set_faults(fx, &none);
	save(fx, .key = "a", .title = "old", .content = "some text",
	     .metadata = "{}", .vector = east, .wants_vector = true);
	assert_int_equal(
		query_parse(&query, str_of("text -\"no text\""), &fx->arena),
		0);
	for (int kind = BACKEND_LOOKUP; kind < BACKEND_NKINDS; kind++) {
		if (kind == BACKEND_WRITE || kind == BACKEND_LOOKUP ||
		    kind == BACKEND_KNOWN || kind == BACKEND_PRUNE ||
		    kind == BACKEND_SETTINGS)
			continue;
		refused = true;
		for (unsigned n = 0; refused; n++) {
			struct result *result = result_make(fx);
			struct backend_op op = { .kind = kind };
			int status;

			if (kind == BACKEND_KEYS) {
				op.u.keys.after = str_of("");
				op.u.keys.limit = 10;
				op.u.keys.result = result;
			} else if (kind == BACKEND_GET) {
				op.u.get.keys = keys;
				op.u.get.n = 2;
				op.u.get.parts =
					WR_PART_CONTENT | WR_PART_EMBEDDING;
				op.u.get.result = result;
			} else if (kind == BACKEND_SCAN) {
				op.u.scan.limit = 10;
				op.u.scan.parts = WR_PART_CONTENT;
				op.u.scan.result = result;
			} else if (kind == BACKEND_SEARCH) {
				op.u.search.mode = WR_SEARCH_TEXT;
				op.u.search.text = &query;
				op.u.search.limit = 10;
				op.u.search.result = result;
			} else if (kind == BACKEND_PENDING) {
				op.u.pending.limit = 10;
				op.u.pending.result = result;
			} else {
				op.u.stats.result = result;
			}
			if (kind == BACKEND_CHECK) {
				op.u.check.flags = 0;
				op.u.check.result = result;
			}
			status = run_rationed(fx, &op, n, &refused);
			/* What memory makes faster only may be refused. */
			if (status)
				assert_int_equal(status, WR_ENOMEM);
		}
	}
}

int test_faults(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(ops_that_overlap_all_end),
		CONFORMANCE_TEST(a_canceled_op_ends_and_has_happened_or_not),
		CONFORMANCE_TEST(a_refused_write_leaves_nothing),
		CONFORMANCE_TEST(a_forgotten_write_has_happened),
		CONFORMANCE_TEST(poison_fails_the_batch_that_holds_it),
		CONFORMANCE_TEST(a_delayed_op_can_be_canceled),
		CONFORMANCE_TEST(faults_come_from_the_seed_alone),
		CONFORMANCE_TEST(
			a_batch_without_memory_leaves_the_store_as_it_was),
		CONFORMANCE_TEST(reading_without_memory_says_so),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
