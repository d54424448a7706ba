/* Each allocation refused in turn, Windrow's own and SQLite's. */
#include "stand.h"

#include "base/mem.h"
#include <sqlite3.h>
#include <stdio.h>

/* The n-th from now fails, and all that come after it. */
static int left = -1;
static bool refused;
static sqlite3_mem_methods real;

static bool is_allowed(void)
{
	if (left < 0)
		return true;
	if (left > 0) {
		left--;
		return true;
	}
	refused = true;
	return false;
}

static bool gate(void *arg)
{
	(void)arg;
	return is_allowed();
}

static void *sqlite_alloc(int size)
{
	return is_allowed() ? real.xMalloc(size) : NULL;
}

static void *sqlite_resize(void *p, int size)
{
	return is_allowed() ? real.xRealloc(p, size) : NULL;
}

static void configure_sqlite(void)
{
	sqlite3_mem_methods ours;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
	ours = real;
	ours.xMalloc = sqlite_alloc;
	ours.xRealloc = sqlite_resize;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
}

static void refuse_after(int n)
{
	refused = false;
	left = n;
	mem_set_gate(gate, NULL);
}

static void refuse_no_more(void)
{
	left = -1;
	mem_set_gate(NULL, NULL);
}

static void opening_without_memory_says_so_and_works_later(void **state)
{
	struct stand *st = *state;
	int status, n;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	stand_forget(st);
	for (n = 0;; n += 1 + n / 40) {
		refuse_after(n);
		status = stand_open(st, WR_CREATE_IF_MISSING);
		refuse_no_more();
		if (!refused)
			break;
		if (status && status != WR_ENOMEM)
			fail_msg("allocation %d: %s", n, st->err.message);
		stand_forget(st);
	}
	print_message("%d allocations\n", n);
	assert_int_equal(status, 0);
	assert_true(stand_has(st, "a"));
}

static void making_a_store_without_memory_leaves_none_or_a_whole_one(
	void **state)
{
	struct stand *st = *state;
	int status, n;

	for (n = 0;; n += 1 + n / 40) {
		refuse_after(n);
		status = stand_open(st, WR_CREATE_IF_MISSING);
		refuse_no_more();
		if (status && status != WR_ENOMEM)
			fail_msg("allocation %d: %s", n, st->err.message);
		stand_forget(st);
		stand_make(st);
		assert_int_equal(stand_put(st, "a", "text"), 0);
		stand_forget(st);
		remove(st->path);
		if (!refused)
			break;
	}
	print_message("%d allocations\n", n);
}

/* All ops in a row: what fails, fails with WR_ENOMEM; nothing is half done. */
static void working_without_memory_fails_whole_ops(void **state)
{
	static const float vector[STAND_DIM] = { 1, 2, 3, 4 };
	struct stand *st = *state;
	int n, stored = 0;

	stand_make(st);
	for (n = 0;; n += 1 + n / 20) {
		struct result result;
		struct backend_op scan = { .kind = BACKEND_SCAN };
		struct backend_op search = { .kind = BACKEND_SEARCH };
		int first, second, status;
		char prefix[16];

		/* As after an error: new connections, statements and all. */
		stand_close(st);
		stand_make(st);
		snprintf(prefix, sizeof(prefix), "n%d-", n);
		result_init(&result);
		scan.u.scan.limit = 5;
		scan.u.scan.parts = WR_PART_CONTENT | WR_PART_EMBEDDING;
		scan.u.scan.result = &result;
		search.u.search.mode = WR_SEARCH_VECTOR;
		search.u.search.vector = vector;
		search.u.search.limit = 5;
		search.u.search.result = &result;
		refuse_after(n);
		status = stand_put(st, prefix, "some text");
		first = stand_run(st, &scan);
		second = stand_run(st, &search);
		refuse_no_more();
		result_release(&result);
		if ((status && status != WR_ENOMEM) ||
		    (first && first != WR_ENOMEM) ||
		    (second && second != WR_ENOMEM))
			fail_msg("allocation %d: %d %d %d %s", n, status, first,
				 second, st->err.message);
		stored += !status;
		assert_int_equal(stand_has(st, prefix), !status);
		assert_int_equal(stand_stat(st, "documents"), stored);
		if (!refused)
			break;
	}
	print_message("%d allocations\n", n);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "damaged"));
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAND_TEST(opening_without_memory_says_so_and_works_later),
		STAND_TEST(
			making_a_store_without_memory_leaves_none_or_a_whole_one),
		STAND_TEST(working_without_memory_fails_whole_ops),
	};

	configure_sqlite();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
