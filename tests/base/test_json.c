#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/rand.h"
#include "base/str.h"
#include "base/text.h"
#include "gate.h"
#include "json_oracle.h"
#include <locale.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Parse and write again; fails the test where that does not give expected. */
static void check(const char *text, const char *expected, uint64_t utf8,
		  uint64_t nul)
{
	struct json_repairs repairs = { 0 };
	struct wr_error err = { 0 };
	struct buf b = { 0 };
	struct json *j;

	if (json_parse(&j, str_of(text), &repairs, &err))
		fail_msg("%s: %s", text, err.message);
	json_write(&b, j);
	assert_int_equal(buf_status(&b), 0);
	assert_string_equal(buf_str(&b).ptr, expected);
	if (repairs.utf8 != utf8 || repairs.nul != nul)
		fail_msg("%s: %d and %d repairs", text, (int)repairs.utf8,
			 (int)repairs.nul);
	json_free(j);
	buf_release(&b);
}

static void check_refused(const char *text, const char *reason)
{
	struct wr_error err = { 0 };
	struct json *j;
	int rc = json_parse(&j, str_of(text), NULL, &err);

	if (rc != WR_EDATA || !strstr(err.message, reason))
		fail_msg("'%s': %d %s", text, rc, err.message);
	assert_null(j);
}

static void values_are_written_in_one_form(void **state)
{
	(void)state;
	check(" { \"b\" : 1 , \"a\" : [ ] } ", "{\"a\":[],\"b\":1}", 0, 0);
	check("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}", 0, 0);
	check("{\"\":{},\"a\":{},\"aa\":0}", "{\"\":{},\"a\":{},\"aa\":0}", 0,
	      0);
	check("[true,false,null]", "[true,false,null]", 0, 0);
	check("\"\\u0001\\t\\\"\\\\\\/\\u007f\"", "\"\\u0001\\t\\\"\\\\/\x7f\"",
	      0, 0);
	check("\"\\u00e4\\u20ac\\ud83d\\ude00\"",
	      "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", 0, 0);
	check("\xef\xbb\xbf[1]", "[1]", 0, 0);
}

static void numbers_keep_their_value(void **state)
{
	(void)state;
	check("[0,-0,-0.0,1.0,1e2,1E+2,100e-2]", "[0,0,0,1,100,100,1]", 0, 0);
	check("[9223372036854775807,-9223372036854775808]",
	      "[9223372036854775807,-9223372036854775808]", 0, 0);
	check("9223372036854775808", "9.223372036854776e+18", 0, 0);
	check("100000000000000000000", "1e+20", 0, 0);
	check("[0.1,0.30000000000000004,1e22,1e23]",
	      "[0.1,0.30000000000000004,1e+22,1e+23]", 0, 0);
	check("[1.7976931348623157e308,2.2250738585072014e-308]",
	      "[1.7976931348623157e+308,2.2250738585072014e-308]", 0, 0);
	check("1e-999", "0", 0, 0);
	check("0.1000000000000000055511151231257827021181583404541015625",
	      "0.1", 0, 0);
	check("1e-00000000000000000000000000000000000000001", "0.1", 0, 0);
	check_refused("1e999", "a number out of range at column 1");
	check_refused("[1,-1e999999999999999999999]", "out of range");
}

static void every_double_survives_being_written(void **state)
{
	struct rand_state rnd = { 99 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = rand_next(&rnd);
		struct buf b = { 0 };
		struct json *j, *k;
		double d, back;

		/* Half of them of a size that people use. */
		if (i % 2)
			bits = (bits & ~(UINT64_C(0x7f0) << 52)) |
			       UINT64_C(0x3f0) << 52;
		memcpy(&d, &bits, sizeof(d));
		if (d != d || d - d != 0)
			continue;
		buf_printf(&b, "%.17g", d);
		assert_int_equal(json_parse(&j, buf_str(&b), NULL, NULL), 0);
		assert_true(json_real(j, &back));
		if (back != d)
			fail_msg("%.17g became %.17g", d, back);
		buf_clear(&b);
		json_write(&b, j);
		assert_int_equal(json_parse(&k, buf_str(&b), NULL, NULL), 0);
		if (!json_equal(j, k))
			fail_msg("%.17g was written %s", d, b.ptr);
		json_free(j);
		json_free(k);
		buf_release(&b);
	}
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
	static const char *const commas[] = { "de_DE.UTF-8", "fr_FR.UTF-8",
					      "de_DE" };
	size_t i = 0;

	(void)state;
	while (i < COUNT(commas) && !setlocale(LC_NUMERIC, commas[i]))
		i++;
	if (i == COUNT(commas))
		skip(); /* none is installed */
	check("[1.5,0.1000000000000000055511151231257827,1e23]",
	      "[1.5,0.1,1e+23]", 0, 0);
	setlocale(LC_NUMERIC, "C");
}

static void broken_text_is_repaired_and_counted(void **state)
{
	(void)state;
	check("\"a\xff"
	      "b\"",
	      "\"a\xef\xbf\xbd"
	      "b\"",
	      1, 0);
	check("\"\xed\xa0\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 3,
	      0);
	check("\"\xe2\x82\"", "\"\xef\xbf\xbd\"", 1, 0);
	check("\"\\ud800\"", "\"\xef\xbf\xbd\"", 1, 0);
	check("\"\\udc00\\ud800x\"", "\"\xef\xbf\xbd\xef\xbf\xbdx\"", 2, 0);
	check("\"\\ud800\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"",
	      1, 0);
	check("\"\\ud83d\\u0041\"",
	      "\"\xef\xbf\xbd"
	      "A\"",
	      1, 0);
	check("\"\\ud83d\\\\ude00\"", "\"\xef\xbf\xbd\\\\ude00\"", 1, 0);
	check("\"a\\u0000b\\u0000\"", "\"ab\"", 0, 2);
	check("\"\\\\u0000\\\\\\u0000\"", "\"\\\\u0000\\\\\"", 0, 1);
	check("\"\\ud83d\\u0000\\ude00\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"", 2,
	      1);
	check("{\"a\\u0000\":1,\"a\":2}", "{\"a\":2}", 0, 1);
	check("{\"\xff\":\"\xfe\"}", "{\"\xef\xbf\xbd\":\"\xef\xbf\xbd\"}", 2,
	      0);
}

static void a_nul_byte_in_a_string_is_removed(void **state)
{
	struct json_repairs repairs = { 0 };
	struct json *j;

	(void)state;
	assert_int_equal(json_parse(&j, (struct wr_str){ "\"a\0b\"", 5 },
				    &repairs, NULL),
			 0);
	assert_int_equal(repairs.nul, 1);
	assert_string_equal(json_text(j).ptr, "ab");
	assert_int_equal(json_text(j).len, 2);
	json_free(j);
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "an end where a value should be at column 1" },
		{ "  ", "an end where a value should be at column 3" },
		{ "nul", "something that is no value at column 1" },
		{ "nan", "something that is no value" },
		{ "Infinity", "something that is no value" },
		{ "01", "something that is no value" },
		{ "-", "something that is no value" },
		{ "+1", "something that is no value" },
		{ ".5", "something that is no value" },
		{ "1.", "something that is no value" },
		{ "1e", "something that is no value" },
		{ "1e+", "something that is no value" },
		{ "'a'", "something that is no value" },
		{ "1 2", "more behind the value at column 3" },
		{ "nullx", "more behind the value at column 5" },
		{ "[1,]", "something that is no value at column 4" },
		{ "[1 2]", "no comma between items at column 4" },
		{ "[1", "no comma between items at column 3" },
		{ "[", "an end where a value should be at column 2" },
		{ "{", "no name of a member at column 2" },
		{ "{\"a\"", "no colon behind a name" },
		{ "{\"a\":", "an end where a value should be" },
		{ "{\"a\":1", "no comma between members" },
		{ "{\"a\":1,}", "no name of a member at column 8" },
		{ "{a:1}", "no name of a member" },
		{ "\"abc", "a string without an end at column 5" },
		{ "\"\\", "a string without an end" },
		{ "\"\\x\"", "an unknown escape at column 3" },
		{ "\"\\u12\"", "a broken \\u escape" },
		{ "\"\\u12g4\"", "a broken \\u escape" },
		{ "\"a\nb\"", "a control character in a string at column 3" },
		{ "\xc3\xa4", "something that is no value at column 1" },
		{ "[\"\xc3\xa4\" 1]", "no comma between items at column 6" },
		{ "{\"a\":\n  x}", "at line 2, column 3" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_refused(cases[i].text, cases[i].reason);
}

static void deep_nesting_is_read_up_to_a_bound_and_then_refused(void **state)
{
	static char text[200001];

	(void)state;
	memset(text, '[', 512);
	memset(text + 512, ']', 512);
	check(text, text, 0, 0);
	memset(text, '[', sizeof(text) - 1);
	check_refused(text, "too deep a nesting at column 513");
	for (size_t i = 0; i + 5 < sizeof(text); i += 5)
		memcpy(text + i, "{\"\":[", 5);
	check_refused(text, "too deep a nesting");
}

static int add_up(struct wr_str name, const struct json *value, void *arg)
{
	int64_t v = 0, *sum = arg;

	if (!json_int(value, &v))
		return (int)name.len;
	*sum += v;
	return 0;
}

static void a_tree_is_read_through_its_accessors(void **state)
{
	struct json *j;
	int64_t i = 0, sum = 0;
	double d = 0;
	bool t = false;

	(void)state;
	assert_int_equal(
		json_parse(&j,
			   str_of("{\"i\":-5,\"r\":2.5,\"t\":\"x\",\"y\":true,"
				  "\"l\":[1,2,3],\"o\":{\"a\":1,\"b\":2},"
				  "\"e\":\"\",\"n\":null}"),
			   NULL, NULL),
		0);
	assert_int_equal(json_kind_of(j), JSON_OBJECT);
	assert_int_equal(json_count(j), 8);
	assert_true(json_int(json_member(j, "i"), &i));
	assert_int_equal(i, -5);
	assert_true(json_real(json_member(j, "i"), &d));
	assert_true(d == -5);
	assert_true(json_real(json_member(j, "r"), &d));
	assert_true(d == 2.5);
	assert_false(json_int(json_member(j, "r"), &i));
	assert_true(json_bool(json_member(j, "y"), &t));
	assert_true(t);
	assert_string_equal(json_text(json_member(j, "t")).ptr, "x");
	assert_non_null(json_text(json_member(j, "e")).ptr);
	assert_null(json_text(json_member(j, "i")).ptr);
	assert_int_equal(json_kind_of(json_member(j, "n")), JSON_NULL);
	assert_null(json_member(j, "none"));
	assert_null(json_member(json_member(j, "l"), "i"));
	assert_true(json_int(json_at(json_member(j, "l"), 2), &i));
	assert_int_equal(i, 3);
	assert_null(json_at(json_member(j, "l"), 3));
	assert_null(json_at(j, 0));
	assert_int_equal(json_each(json_member(j, "o"), add_up, &sum), 0);
	assert_int_equal(sum, 3);
	assert_int_equal(json_each(j, add_up, &sum), 1);
	assert_int_equal(json_each(json_member(j, "l"), add_up, &sum), 0);
	json_free(j);
	json_free(NULL);
}

static void equality_is_by_value(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "1", "1.0", true },
		{ "100", "1e2", true },
		{ "0", "-0.0", true },
		{ "9007199254740993", "9007199254740992.0", false },
		{ "9223372036854775807", "9223372036854775808.0", false },
		{ "1e20", "100000000000000000000", true },
		{ "1.5", "1", false },
		{ "1", "true", false },
		{ "null", "null", true },
		{ "true", "false", false },
		{ "\"a\"", "\"\\u0061\"", true },
		{ "[1,[2]]", "[1.0,[2]]", true },
		{ "[1,2]", "[2,1]", false },
		{ "[1]", "[1,1]", false },
		{ "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1.0}", true },
		{ "{\"a\":1}", "{\"b\":1}", false },
		{ "{\"a\":1}", "{\"a\":1,\"b\":1}", false },
		{ "{}", "[]", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json *a, *b;
		struct buf x = { 0 }, y = { 0 };
		bool same_bytes;

		assert_int_equal(json_parse(&a, str_of(cases[i].a), NULL, NULL),
				 0);
		assert_int_equal(json_parse(&b, str_of(cases[i].b), NULL, NULL),
				 0);
		json_write(&x, a);
		json_write(&y, b);
		same_bytes = str_eq(buf_str(&x), buf_str(&y));
		if (json_equal(a, b) != cases[i].equal ||
		    json_equal(b, a) != cases[i].equal ||
		    same_bytes != cases[i].equal)
			fail_msg("%s and %s: %d", cases[i].a, cases[i].b,
				 json_equal(a, b));
		json_free(a);
		json_free(b);
		buf_release(&x);
		buf_release(&y);
	}
}

static void a_member_is_put_over_the_others(void **state)
{
	static const struct {
		const char *object, *expected; /* NULL: refused */
	} cases[] = {
		{ NULL, "{\"k\":\"v\\\"\"}" },
		{ "{}", "{\"k\":\"v\\\"\"}" },
		{ "{\"k\":1}", "{\"k\":\"v\\\"\"}" },
		{ "{\"z\":1,\"a\":{}}", "{\"a\":{},\"k\":\"v\\\"\",\"z\":1}" },
		{ "[]", NULL },
		{ "", NULL },
		{ "{", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = { 0 };
		int rc = json_with_member(&b, str_of(cases[i].object), "k",
					  str_of("v\""));

		assert_int_equal(rc, cases[i].expected ? 0 : WR_EDATA);
		if (cases[i].expected)
			assert_string_equal(b.ptr, cases[i].expected);
		buf_release(&b);
	}
}

/* Random text that often is JSON, or nearly. */
static size_t make_text(struct rand_state *rnd, char *to, size_t room)
{
	static const char *const pieces[] = {
		"{",
		"}",
		"[",
		"]",
		",",
		":",
		"\"",
		"\"",
		"\"a\":",
		"\"b\":",
		"1",
		"-2.5",
		"1e3",
		"true",
		"null",
		"\"x\"",
		"\\n",
		"\\u00e4",
		"\u20ac",
		" ",
		"\\\\",
		"\xc3\xa4",
		"{}",
		"[]",
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"",
		"[1,2]",
		"0",
		"\\",
	};
	size_t n = 0, count = 1 + rand_below(rnd, 12);

	for (size_t i = 0; i < count; i++) {
		const char *p = pieces[rand_below(rnd, COUNT(pieces))];

		if (n + strlen(p) >= room)
			break;
		memcpy(to + n, p, strlen(p));
		n += strlen(p);
	}
	to[n] = '\0';
	return n;
}

static void another_library_reads_the_same(void **state)
{
	struct rand_state rnd = { 2026 };
	int accepted = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char text[512];
		size_t len = make_text(&rnd, text, sizeof(text));
		char *theirs = oracle_rewrite(text, len);
		struct json *j = NULL, *again = NULL;
		struct buf b = { 0 };

		json_parse(&j, (struct wr_str){ text, len }, NULL, NULL);
		if (!j != !theirs)
			fail_msg("only one of us takes %s", text);
		if (j) {
			accepted++;
			json_write(&b, j);
			assert_int_equal(
				json_parse(&again, str_of(theirs), NULL, NULL),
				0);
			if (!json_equal(j, again))
				fail_msg("%s: %s, not %s", text, b.ptr, theirs);
		}
		free(theirs);
		json_free(j);
		json_free(again);
		buf_release(&b);
	}
	assert_true(accepted > 1000);
}

static void any_bytes_are_read_to_clean_text_or_refused(void **state)
{
	struct rand_state rnd = { 4 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[64];
		size_t len = rand_below(&rnd, sizeof(text) - 2) + 2;
		struct json *j;

		for (size_t k = 0; k < len; k++)
			text[k] =
				(char)(rand_below(&rnd, 4)
					       ? rand_below(&rnd, 256)
					       : (uint64_t) "\\u0d8{\""
							 [rand_below(&rnd, 7)]);
		text[0] = text[len - 1] = '"';
		if (json_parse(&j, (struct wr_str){ text, len }, NULL, NULL))
			continue;
		assert_int_equal(json_kind_of(j), JSON_TEXT);
		assert_true(text_is_clean(json_text(j)));
		json_free(j);
	}
}

static void every_refused_allocation_is_a_clean_error(void **state)
{
	static const char text[] =
		"{\"a\":[1,2,{\"b\":\"x\\ny\"}],\"c\":12345678901234567890.5,"
		"\"d\":\"plain\"}";
	struct wr_error err;
	size_t n = 0;
	int rc;

	(void)state;
	do {
		struct buf b = { 0 };
		struct json *j;
		struct gate g;

		gate_close(&g, ++n);
		rc = json_parse(&j, str_of(text), NULL, &err);
		if (!rc) {
			json_write(&b, j);
			rc = buf_status(&b);
		}
		mem_set_gate(NULL, NULL);
		json_free(j);
		buf_release(&b);
		assert_true(rc == 0 || rc == WR_ENOMEM);
	} while (rc);
	assert_in_range(n, 5, 100);

	n = 0;
	do {
		struct buf b = { 0 };
		struct gate g;

		gate_close(&g, ++n);
		rc = json_with_member(&b, str_of(text), "e", str_of("v"));
		mem_set_gate(NULL, NULL);
		buf_release(&b);
		assert_true(rc == 0 || rc == WR_ENOMEM);
	} while (rc);
	assert_in_range(n, 5, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_written_in_one_form),
		cmocka_unit_test(numbers_keep_their_value),
		cmocka_unit_test(every_double_survives_being_written),
		cmocka_unit_test(numbers_do_not_depend_on_the_locale),
		cmocka_unit_test(broken_text_is_repaired_and_counted),
		cmocka_unit_test(a_nul_byte_in_a_string_is_removed),
		cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
		cmocka_unit_test(
			deep_nesting_is_read_up_to_a_bound_and_then_refused),
		cmocka_unit_test(a_tree_is_read_through_its_accessors),
		cmocka_unit_test(equality_is_by_value),
		cmocka_unit_test(a_member_is_put_over_the_others),
		cmocka_unit_test(another_library_reads_the_same),
		cmocka_unit_test(any_bytes_are_read_to_clean_text_or_refused),
		cmocka_unit_test(every_refused_allocation_is_a_clean_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
