#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "record/filter.h"
#include <string.h>

static struct arena arena;
static struct filter f;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	memset(&f, 0, sizeof(f));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	filter_release(&f);
	arena_release(&arena);
	return 0;
}

static void init(const struct wr_filter *from)
{
	struct wr_error err = { 0 };

	filter_release(&f);
	if (filter_init(&f, from, &arena, &err))
		fail_msg("%s", err.message);
}

static void refuse(const struct wr_filter *from, const char *words)
{
	struct wr_error err = { 0 };

	assert_int_equal(filter_init(&f, from, &arena, &err), WR_EINVAL);
	if (!strstr(err.message, words))
		fail_msg("%s", err.message);
	assert_null(f.members);
}

static bool matches(const char *key, int64_t at, const char *metadata)
{
	return filter_matches(&f, str_of(key), at, str_of(metadata));
}

static void no_filter_lets_everything_pass(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;

	(void)state;
	init(NULL);
	assert_true(filter_is_empty(&f));
	assert_true(matches("x", -1, NULL));
	init(&from);
	assert_true(filter_is_empty(&f));
	from.metadata = str_of("{}");
	from.host = from.url_prefix = str_of("");
	init(&from);
	assert_true(filter_is_empty(&f));
	assert_true(matches("http://a/", 0, "not json"));
}

static void a_prefix_and_a_host_are_of_the_key(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;

	(void)state;
	from.url_prefix = str_of("http://a/b");
	init(&from);
	assert_false(filter_is_empty(&f));
	assert_true(matches("http://a/b", 1, NULL));
	assert_true(matches("http://a/bc", 1, NULL));
	assert_false(matches("http://a/", 1, NULL));
	from.url_prefix = (struct wr_str){ 0 };
	from.host = str_of("WWW.Example.org");
	init(&from);
	assert_true(str_eq(f.host, str_of("www.example.org")));
	assert_true(matches("https://www.example.org:81/x", 1, NULL));
	assert_false(matches("https://example.org/x", 1, NULL));
	assert_false(matches("www.example.org", 1, NULL));
	from.host = str_of("A%c3%BCB");
	init(&from);
	assert_true(matches("x://a%C3%BCb/", 1, NULL));
	from.host = str_of("[::1]");
	init(&from);
	assert_true(matches("http://[::1]:80/", 1, NULL));
}

static void since_is_included_and_until_is_not(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;

	(void)state;
	from.since = 10;
	from.until = 20;
	init(&from);
	assert_false(matches("k", 9, NULL));
	assert_true(matches("k", 10, NULL));
	assert_true(matches("k", 19, NULL));
	assert_false(matches("k", 20, NULL));
	from.since = 0;
	init(&from);
	assert_true(matches("k", -5, NULL));
}

static void every_member_must_be_equal(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;

	(void)state;
	from.metadata = str_of("{\"n\": 1.0, \"lang\": \"en\", \"l\":[{}]}");
	init(&from);
	assert_true(str_eq(f.metadata, str_of("{\"l\":[{}],\"lang\":\"en\","
					      "\"n\":1}")));
	assert_true(matches("k", 1,
			    "{\"lang\":\"en\",\"n\":1,\"l\":[{}],\"x\":2}"));
	assert_false(matches("k", 1, "{\"lang\":\"en\",\"n\":1}"));
	assert_false(matches("k", 1, "{\"lang\":\"en\",\"n\":2,\"l\":[{}]}"));
	assert_false(matches("k", 1,
			     "{\"lang\":\"en\",\"n\":\"1\","
			     "\"l\":[{}]}"));
	assert_false(matches("k", 1, "[]"));
	assert_false(matches("k", 1, ""));
	assert_false(matches("k", 1, NULL));
	from.metadata = str_of("{\"a\":null}");
	init(&from);
	assert_true(matches("k", 1, "{\"a\":null}"));
	assert_false(matches("k", 1, "{}"));
}

static void what_is_wrong_is_named(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;

	(void)state;
	from.metadata = str_of("[1]");
	refuse(&from, "no object");
	from.metadata = str_of("{\"a\"");
	refuse(&from, "metadata is no JSON object: ");
	from.metadata = (struct wr_str){ 0 };
	from.host = str_of("http://a/");
	refuse(&from, "\"http://a/\" is no host");
	from.host = str_of("a:80");
	refuse(&from, "is no host");
	from.host = (struct wr_str){ 0 };
	from.size = 0;
	refuse(&from, "WR_FILTER_INIT");
}

static void an_older_program_has_fewer_fields(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;

	(void)state;
	from.size = offsetof(struct wr_filter, metadata);
	from.host = str_of("a");
	from.metadata = (struct wr_str){ "garbage", 7 };
	init(&from);
	assert_true(matches("http://a/", 1, NULL));
}

static bool allow_some(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void every_allocation_may_fail(void **state)
{
	struct wr_filter from = WR_FILTER_INIT;
	int status = WR_ENOMEM, n, left;
	struct wr_error err;

	(void)state;
	from.url_prefix = str_of("http://");
	from.host = str_of("A");
	from.metadata = str_of("{\"a\":[1,\"x\"]}");
	for (n = 0; status == WR_ENOMEM; n++) {
		left = n;
		mem_set_gate(allow_some, &left);
		status = filter_init(&f, &from, &arena, &err);
		mem_set_gate(NULL, NULL);
		arena_release(&arena);
	}
	assert_int_equal(status, 0);
	assert_true(n > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_filter_lets_everything_pass),
		TEST(a_prefix_and_a_host_are_of_the_key),
		TEST(since_is_included_and_until_is_not),
		TEST(every_member_must_be_equal),
		TEST(what_is_wrong_is_named),
		TEST(an_older_program_has_fewer_fields),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
