#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "base/text.h"
#include "record/query.h"
#include <string.h>

static struct arena arena;

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

/* "a+b -c": terms by blanks, words of a term by "+", "-" in front if negated */
static void shape(struct buf *out, const struct text_query *q)
{
	size_t wanted = 0;

	for (size_t i = 0; i < q->nterms; i++) {
		assert_true(q->terms[i].nwords > 0);
		buf_puts(out, i ? " " : "");
		buf_puts(out, q->terms[i].negated ? "-" : "");
		for (size_t k = 0; k < q->terms[i].nwords; k++) {
			buf_puts(out, k ? "+" : "");
			buf_add_str(out, q->terms[i].words[k]);
		}
		wanted += !q->terms[i].negated;
	}
	assert_int_equal(q->nwanted, wanted);
}

static void queries_are_taken_apart(void **state)
{
	static const char *const pairs[][2] = {
		{ "create index", "create index" },
		{ "  Create\tINDEX\n", "create index" },
		{ "\"create index\" -drop", "create+index -drop" },
		{ "-\"drop table\" x", "-drop+table x" },
		{ "\"unclosed phrase", "unclosed+phrase" },
		{ "foo-bar", "foo+bar" },
		{ "c++11", "c+11" },
		{ "-", "" },
		{ "- a", "a" },
		{ "a -", "a" },
		{ "a - b", "a b" },
		{ "--a", "-a" },
		{ "a -b", "a -b" },
		{ "-a", "-a" },
		{ "\"\"", "" },
		{ "\"", "" },
		{ "-\"", "" },
		{ "!?* () ^:", "" },
		{ "", "" },
		{ "foo\"bar baz\"qux", "foo bar+baz qux" },
		{ "\xe2\x80\x9c"
		  "a b\xe2\x80\x9d c",
		  "a+b c" },
		{ "Caf\xc3\x89", "cafe" },
		{ "a\xe3\x80\x80"
		  "b",
		  "a b" },
		{ "\xe6\x9d\xb1\xe4\xba\xac", "\xe6\x9d\xb1+\xe4\xba\xac" },
		{ "NEAR(a b) AND title:x* OR NOT", "near+a b and title+x or "
						   "not" },
		{ "\xff"
		  "a",
		  "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct text_query q;
		struct buf got = { 0 };

		assert_int_equal(query_parse(&q, str_of(pairs[i][0]), &arena),
				 0);
		shape(&got, &q);
		if (!str_eq(buf_str(&got), str_of(pairs[i][1])))
			fail_msg("\"%s\" became \"%.*s\", not \"%s\"",
				 pairs[i][0], (int)got.len, got.ptr,
				 pairs[i][1]);
		buf_release(&got);
	}
}

static void the_text_of_a_term_has_no_quotes(void **state)
{
	struct text_query q;

	(void)state;
	assert_int_equal(query_parse(&q, str_of("\"A b\" -c-D"), &arena), 0);
	assert_int_equal(q.nterms, 2);
	assert_true(str_eq(q.terms[0].text, str_of("A b")));
	assert_true(str_eq(q.terms[1].text, str_of("c-D")));
	assert_int_equal(query_parse(&q, (struct wr_str){ NULL, 0 }, &arena),
			 0);
	assert_int_equal(q.nterms, 0);
}

static void terms_and_words_are_limited(void **state)
{
	struct text_query q;
	struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "w%d ", i);
	assert_int_equal(query_parse(&q, buf_str(&text), &arena), 0);
	assert_int_equal(q.nterms, 64);
	assert_true(str_eq(q.terms[63].words[0], str_of("w63")));
	text.ptr[0] = '"';
	assert_int_equal(query_parse(&q, buf_str(&text), &arena), 0);
	assert_int_equal(q.nterms, 1);
	assert_int_equal(q.terms[0].nwords, 64);
	buf_release(&text);
}

static void any_bytes_are_a_query(void **state)
{
	static const char alphabet[] = "ab \"-\xe2\x80\x9c\x9d\xff\0*(";
	struct rand_state rnd = { 11 };
	char text[40];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = rand_below(&rnd, sizeof(text));
		struct text_query q;

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[rand_below(&rnd, sizeof(alphabet))];
		assert_int_equal(
			query_parse(&q, (struct wr_str){ text, len }, &arena),
			0);
		for (size_t k = 0; k < q.nterms; k++) {
			assert_true(q.terms[k].nwords > 0);
			assert_true(text_is_clean(q.terms[k].text));
		}
		arena_release(&arena);
	}
}

static bool allow_some(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void every_allocation_may_fail(void **state)
{
	int status = WR_ENOMEM, n, left;
	struct text_query q;

	(void)state;
	for (n = 0; status == WR_ENOMEM; n++) {
		left = n;
		mem_set_gate(allow_some, &left);
		status = query_parse(&q, str_of("a \"b c\""), &arena);
		mem_set_gate(NULL, NULL);
		arena_release(&arena);
	}
	assert_int_equal(status, 0);
	assert_true(n > 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(queries_are_taken_apart),
		TEST(the_text_of_a_term_has_no_quotes),
		TEST(terms_and_words_are_limited),
		TEST(any_bytes_are_a_query),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
