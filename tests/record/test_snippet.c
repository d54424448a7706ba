#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/str.h"
#include "base/text.h"
#include "record/snippet.h"
#include <string.h>

#define DOTS "\xe2\x80\xa6"

static struct arena arena;

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void make(struct buf *out, struct wr_str text, const char *query,
		 size_t words)
{
	struct snippet_style style = { str_of("["), str_of("]"), words };
	struct text_query q;

	buf_clear(out);
	if (query)
		assert_int_equal(query_parse(&q, str_of(query), &arena), 0);
	snippet_write(out, text, query ? &q : NULL, &style);
	assert_int_equal(buf_status(out), 0);
}

static void expect(const char *text, const char *query, size_t words,
		   const char *want)
{
	struct buf out = { 0 };

	make(&out, str_of(text), query, words);
	if (!str_eq(buf_str(&out), str_of(want)))
		fail_msg("\"%.*s\", not \"%s\"", (int)out.len,
			 out.ptr ? out.ptr : "", want);
	buf_release(&out);
}

static void words_of_the_query_are_marked_in_all_their_forms(void **state)
{
	(void)state;
	expect("An index is built.", "index", 0, "An [index] is built.");
	expect("Indexes, indexing, INDEXED; indices", "index", 0,
	       "[Indexes], [indexing], [INDEXED]; indices");
	expect("replication replicates", "replicate", 0,
	       "[replication] [replicates]");
	expect("a query of queries", "queries", 0, "a [query] of [queries]");
	expect("caf\xc3\xa9 CAFE", "Caf\xc3\x89", 0, "[caf\xc3\xa9] [CAFE]");
	expect("bad bed bid", "bads", 0, "bad bed bid");
	expect("the cat", "\"the cat\" -an", 0, "[the] [cat]");
	expect("foo-bar", "foo-bar", 0, "[foo]-[bar]");
	expect("an apple", "-an", 0, "an apple");
}

static void the_window_with_the_most_different_words_is_shown(void **state)
{
	(void)state;
	expect("one two three four five six seven eight nine ten", "eight", 4,
	       DOTS "six seven [eight] nine" DOTS);
	expect("a a a a a x x x x x x x x a b", "a b", 4, DOTS "x x [a] [b]");
	expect("a b x x x x x x x x x x x", "a b", 4, "[a] [b] x x" DOTS);
	expect("\"Hello world\" and more of this text", "hello", 3,
	       "\"[Hello] world\" and" DOTS);
}

static void a_text_that_fits_is_shown_as_a_whole(void **state)
{
	(void)state;
	expect("the quick brown fox jumps", "fox", 0,
	       "the quick brown [fox] jumps");
	expect("the quick brown fox jumps", "jumps", 5,
	       "the quick brown fox [jumps]");
	expect("the quick brown fox jumps", "fox", 4,
	       DOTS "quick brown [fox] jumps");
	expect("\"(the quick brown fox)\"", "fox", 0,
	       "\"(the quick brown [fox])\"");
}

static void white_space_does_not_make_a_text_long(void **state)
{
	struct buf out = { 0 }, text = { 0 };

	(void)state;
	buf_puts(&text, "the quick brown");
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "\n\t");
	buf_puts(&text, "fox");
	make(&out, buf_str(&text), "fox", 4);
	assert_string_equal(out.ptr, "the quick brown [fox]");
	buf_release(&out);
	buf_release(&text);
}

static void without_a_match_the_beginning_is_shown(void **state)
{
	(void)state;
	expect("  one  two\n\nthree four", "zzz", 2, "one two" DOTS);
	expect("one two", NULL, 2, "one two");
	expect("one, two.", NULL, 2, "one, two.");
	expect("(one) (two) three", NULL, 2, "(one) (two)" DOTS);
	expect("", "a", 2, "");
	expect(" \n ", "a", 2, "");
	expect("!!!", "a", 2, "!!!");
	expect("one\x01\x7ftwo", NULL, 0, "one two");
}

static void no_style_means_no_marks_and_32_words(void **state)
{
	struct buf out = { 0 }, text = { 0 };
	struct text_query q;
	size_t blanks = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "w%d ", i);
	assert_int_equal(query_parse(&q, str_of("w50"), &arena), 0);
	snippet_write(&out, buf_str(&text), &q, NULL);
	for (size_t i = 0; i < out.len; i++)
		blanks += out.ptr[i] == ' ';
	assert_int_equal(blanks, 31);
	assert_non_null(strstr(out.ptr, " w50 "));
	buf_release(&out);
	buf_release(&text);
}

static void hostile_texts_give_short_snippets(void **state)
{
	static const char *const fill[] = { "a",  "-",	      "\xe6\x9d\xb1",
					    "a ", "\xcc\x81", " ",
					    "a-" };
	struct buf text = { 0 }, out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(fill) / sizeof(*fill); i++)
		for (int where = 0; where < 3; where++) {
			buf_clear(&text);
			if (where == 0)
				buf_puts(&text, "needle ");
			while (text.len < 300000)
				buf_puts(&text, fill[i]);
			if (where == 1)
				buf_puts(&text, " needle");
			make(&out, buf_str(&text), "needle a", 0);
			if (out.len > 600)
				fail_msg("%zu bytes for \"%s\"", out.len,
					 fill[i]);
			assert_true(text_is_clean(buf_str(&out)));
			if (where < 2 && strcmp(fill[i], "\xcc\x81") != 0)
				assert_non_null(strstr(out.ptr, "[needle]"));
		}
	buf_release(&text);
	buf_release(&out);
}

static void any_text_gives_a_clean_snippet(void **state)
{
	static const char *const bits[] = { "a",	   "bb ", " ",
					    "ccc",	   "\n",  "-",
					    "\xc3\xa9",	   "\"",  ".",
					    "\xe6\x9d\xb1" };
	struct rand_state rnd = { 5 };
	struct buf text = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		buf_clear(&text);
		for (size_t k = rand_below(&rnd, 200); k; k--)
			buf_puts(&text, bits[rand_below(&rnd, 10)]);
		make(&out, buf_str(&text), "a ccc", 1 + rand_below(&rnd, 40));
		assert_true(text_is_clean(buf_str(&out)));
		assert_null(out.len ? memchr(out.ptr, '\n', out.len) : NULL);
		assert_null(out.len ? strstr(out.ptr, "  ") : NULL);
		arena_release(&arena);
	}
	buf_release(&text);
	buf_release(&out);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_of_the_query_are_marked_in_all_their_forms),
		TEST(the_window_with_the_most_different_words_is_shown),
		TEST(a_text_that_fits_is_shown_as_a_whole),
		TEST(white_space_does_not_make_a_text_long),
		TEST(without_a_match_the_beginning_is_shown),
		TEST(no_style_means_no_marks_and_32_words),
		TEST(hostile_texts_give_short_snippets),
		TEST(any_text_gives_a_clean_snippet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
