/* No input is a syntax error, and what has words finds them. */
#include "conformance.h"

#include "base/rand.h"
#include <string.h>

static void a_query_is_never_a_syntax_error(void **state)
{
	struct fixture *fx = *state;
	static const char *const queries[] = {
		"\"",
		"\"\"",
		"\"\"\"",
		"\"a",
		"a\"",
		"a\"b\"c",
		"-",
		"--",
		"-\"",
		"-\"\"",
		"- a",
		"foo-bar",
		"-foo-bar",
		"c++",
		"c#",
		"url:a",
		"content:a",
		"{title}:a",
		"AND",
		"OR",
		"NOT",
		"a AND",
		"OR a",
		"NOT NOT a",
		"NEAR(",
		"NEAR(a b, 2)",
		"a NEAR/2 b",
		"*",
		"a*",
		"^a",
		"(",
		")",
		"(a OR b) AND c",
		"a + b",
		"'",
		"''; DROP TABLE documents; --",
		"%s%n",
		"\\",
		"\x01\x02",
		"\xf0\x9f\x98\x80",
		"-\xf0\x9f\x98\x80 a",
		"\xe6\x97\xa5\xe6\x9c\xac",
		"\xcc\x81",
		"a\xcc\x81",
		"?",
		"[a]",
		"a,b;c",
		"@",
		"\xe2\x80\x9cphrase\xe2\x80\x9d",
		"http://a.example/?q=1#f",
	};

	save(fx, .key = "a", .title = "a b c", .content = "a foo bar url");
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		search_text(fx, queries[i]);
		search_run(fx, WR_SEARCH_VECTOR, queries[i],
			   (const float[DIM]){ 1, 0, 0, 0 }, NULL, 10, 0);
	}
}

static void words_are_found_whatever_stands_around_them(void **state)
{
	struct fixture *fx = *state;

	save(fx, .key = "a", .content = "the foo-bar of C++ and url:value");
	save(fx, .key = "b", .content = "AND or NOT near");
	assert_string_equal(search_text(fx, "foo-bar"), "a");
	assert_string_equal(search_text(fx, "bar-foo"), "");
	assert_string_equal(search_text(fx, "url:value"), "a");
	assert_string_equal(search_text(fx, "(foo"), "a");
	assert_string_equal(search_text(fx, "foo*"), "a");
	assert_string_equal(search_text(fx, "fo*"), "");
	assert_string_equal(search_text(fx, "near("), "b");
	/* A word, wherever words like it are kept at all. */
	assert_string_equal(search_text(fx, "NOT"), driver.stops ? "" : "b");
	assert_string_equal(search_text(fx, "\"foo bar"), "a");
}

static void a_query_of_random_bytes_is_answered(void **state)
{
	struct fixture *fx = *state;
	static const char *const pieces[] = {
		"\"",	    "-",
		" ",	    "a",
		"b",	    "foo",
		"*",	    "(",
		")",	    ":",
		"AND",	    "NEAR",
		"\xc3\xa4", "\xf0\x9f\x98\x80",
		"+",	    "\t",
		"^",	    "'",
		"{",	    "\xe6\x97\xa5",
		"0",
	};
	struct rand_state rand = { fx->seed };

	save(fx, .key = "a", .content = "a b foo AND NEAR 0");
	for (int i = 0; i < 300; i++) {
		char query[64] = "";
		size_t len = 0, n = rand_below(&rand, 10);

		for (size_t j = 0; j < n; j++) {
			const char *piece = pieces[rand_below(
				&rand, sizeof(pieces) / sizeof(pieces[0]))];

			memcpy(query + len, piece, strlen(piece) + 1);
			len += strlen(piece);
		}
		search_text(fx, query);
	}
}

static void a_very_long_query_is_answered(void **state)
{
	struct fixture *fx = *state;
	struct buf words = { 0 }, phrase = { 0 };

	save(fx, .key = "a", .content = "w1 w2 w3");
	buf_putc(&phrase, '"');
	for (int i = 0; i < 3000; i++) {
		buf_printf(&words, "w%d -x%d ", i, i);
		buf_printf(&phrase, "w%d ", i);
	}
	search_text(fx, words.ptr);
	assert_string_equal(search_text(fx, phrase.ptr), "");
	buf_release(&words);
	buf_release(&phrase);
}

int test_queries(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(a_query_is_never_a_syntax_error),
		CONFORMANCE_TEST(words_are_found_whatever_stands_around_them),
		CONFORMANCE_TEST(a_query_of_random_bytes_is_answered),
		CONFORMANCE_TEST(a_very_long_query_is_answered),
	};

	return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
