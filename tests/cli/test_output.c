/*
 * What goes to a terminal, and JSON: whatever a page holds, neither is broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../cli/json.h"
#include "../../cli/output.h"
#include "../../cli/text.h"

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, strlen(s) };
}

static void check_shown(const char *s, int lines, const char *want)
{
	struct text t = { 0 };

	text_puts(&t, "");
	text_add_shown(&t, str(s), lines);
	assert_string_equal(t.ptr, want);
	text_release(&t);
}

static void a_page_cannot_steer_the_terminal(void **state)
{
	(void)state;
	check_shown("plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 0,
		    "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	check_shown("a\033[2Jb", 0, "a\xef\xbf\xbd[2Jb");
	/* C1 control, right-to-left override, delete. */
	check_shown("\xc2\x9b"
		    "2J",
		    0,
		    "\xef\xbf\xbd"
		    "2J");
	check_shown("\xe2\x80\xae!", 0, "\xef\xbf\xbd!");
	check_shown("\x7f", 0, "\xef\xbf\xbd");
	check_shown("a\nb\tc\r", 0, "a b c ");
	check_shown("a\nb\tc\r", 1, "a\nb\tc");
}

static void broken_utf8_is_replaced_by_maximal_subparts(void **state)
{
	(void)state;
	check_shown("\xc3(", 0, "\xef\xbf\xbd(");
	check_shown("\xe2\x82", 0, "\xef\xbf\xbd");
	check_shown("\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_shown("\xc0\xaf", 0, "\xef\xbf\xbd\xef\xbf\xbd");
	check_shown("\xf0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd");
	check_shown("\xf4\x90", 0, "\xef\xbf\xbd\xef\xbf\xbd");
	check_shown("\xff", 0, "\xef\xbf\xbd");
}

static void check_json(const char *s, size_t n, const char *want)
{
	struct text t = { 0 };

	json_string(&t, (struct wr_str){ s, n });
	assert_string_equal(t.ptr, want);
	assert_true(json_is_value(text_str(&t)));
	text_release(&t);
}

static void any_bytes_become_valid_json(void **state)
{
	(void)state;
	check_json("", 0, "\"\"");
	check_json("a\"b\\c/\n\t\r", 9, "\"a\\\"b\\\\c/\\n\\t\\r\"");
	check_json("\0\x1b", 2, "\"\\u0000\\u001b\"");
	check_json("\xc3\xa9\xff", 3, "\"\xc3\xa9\xef\xbf\xbd\"");
	check_json("\xe2\x80\xa8", 3, "\"\\u2028\"");
	check_json("\xe2\x82", 2, "\"\xef\xbf\xbd\"");
}

static void members_are_separated_by_commas(void **state)
{
	const float v[] = { 0.1f, -3, 1e-30f };
	struct text t = { 0 };

	(void)state;
	json_open(&t);
	json_put_text(&t, "a", "x");
	json_put_text(&t, "none", NULL);
	json_put_number(&t, "n", UINT64_MAX);
	json_put_bool(&t, "b", true);
	json_put_real(&t, "nan", 0.0 / 0.0);
	json_put_time(&t, "t", 1000000);
	json_put_time(&t, "t0", 0);
	json_put_raw(&t, "raw", str("{\"k\":\n[1]}"));
	json_put_raw(&t, "bad", str("{"));
	json_put_floats(&t, "v", v, 3);
	json_close(&t);
	assert_string_equal(t.ptr,
			    "{\"a\":\"x\",\"none\":null,"
			    "\"n\":18446744073709551615,\"b\":true,"
			    "\"nan\":null,\"t\":\"1970-01-01T00:00:01Z\","
			    "\"t0\":null,\"raw\":{\"k\": [1]},\"bad\":null,"
			    "\"v\":[0.100000001,-3,1e-30]}");
	assert_true(json_is_value(text_str(&t)));
	text_release(&t);
}

static void json_is_told_from_text(void **state)
{
	static const char *const good[] = {
		"1",
		"-0.5e+3",
		"true",
		"null",
		"\"x\"",
		"[]",
		"{}",
		" [1, 2] ",
		"{\"a\":{\"b\":[null]}}",
		"\"\\u00e9\\n\"",
		"\"\xef\xbf\xbd\"",
	};
	static const char *const bad[] = {
		"",	     "en",	     "01",    "1.",    "-",
		"[1,]",	     "{\"a\"}",	     "[1 2]", "\"x",   "\"\\x\"",
		"\"\\u12\"", "truex",	     "1 2",   "{a:1}", "\"\n\"",
		"\"\xff\"",  "\"\xe2\x82\"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		if (!json_is_value(str(good[i])))
			fail_msg("%s is JSON", good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (json_is_value(str(bad[i])))
			fail_msg("%s is no JSON", bad[i]);
	}
}

static void deep_nesting_is_refused_not_followed(void **state)
{
	struct text t = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 1000000; i++)
		text_putc(&t, '[');
	assert_false(json_is_value(text_str(&t)));
	text_release(&t);
}

static void check_wrap(const char *s, size_t indent, size_t columns,
		       bool colour, const char *want)
{
	struct text t = { 0 };

	text_puts(&t, "");
	output_wrap(&t, str(s), indent, columns, colour, '\1', '\2');
	assert_string_equal(t.ptr, want);
	text_release(&t);
}

static void text_is_wrapped_to_its_columns(void **state)
{
	(void)state;
	check_wrap("", 2, 40, false, "");
	check_wrap("one  two\nthree", 2, 40, false, "  one two three\n");
	check_wrap("aaaa bbbb cccc dddd eeee ffff", 2, 22, false,
		   "  aaaa bbbb cccc dddd\n  eeee ffff\n");
	/* A word of more than a line is broken. */
	check_wrap("abcdefghijklmnopqrstuvwxyz", 0, 20, false,
		   "abcdefghijklmnopqrst\nuvwxyz\n");
	/* Wide characters count two. */
	check_wrap("\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8"
		   "\x80\xe4\xb8\x80 \xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4"
		   "\xb8\x80\xe4\xb8\x80",
		   0, 20, false,
		   "\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8"
		   "\x80\xe4\xb8\x80\n\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4"
		   "\xb8\x80\xe4\xb8\x80\n");
}

static void matches_are_coloured_or_not_marked_at_all(void **state)
{
	(void)state;
	check_wrap("a \1hit\2 b", 0, 40, false, "a hit b\n");
	check_wrap("a \1hit\2 b", 0, 40, true, "a \033[1;33mhit\033[0m b\n");
	/* A mark that is never closed does not leak into the next line. */
	check_wrap("\1hit", 0, 40, true, "\033[1;33mhit\033[0m\n");
}

static void numbers_are_grouped_and_bytes_have_units(void **state)
{
	char s[NUMBER_TEXT];

	(void)state;
	assert_string_equal(output_number(s, 0), "0");
	assert_string_equal(output_number(s, 999), "999");
	assert_string_equal(output_number(s, 1000), "1,000");
	assert_string_equal(output_number(s, UINT64_MAX),
			    "18,446,744,073,709,551,615");
	assert_string_equal(output_bytes(s, 512), "512 B");
	assert_string_equal(output_bytes(s, 999.6), "1.0 KB");
	assert_string_equal(output_bytes(s, 4096), "4.1 KB");
	assert_string_equal(output_bytes(s, 12e6), "12 MB");
	assert_string_equal(output_bytes(s, 5e15), "5000 TB");
}

static void long_text_is_formatted_whole(void **state)
{
	char big[2000];
	struct text t = { 0 };

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	text_printf(&t, "<%s>", big);
	assert_int_equal(t.len, 2001);
	assert_int_equal(strlen(t.ptr), 2001);
	text_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_cannot_steer_the_terminal),
		cmocka_unit_test(broken_utf8_is_replaced_by_maximal_subparts),
		cmocka_unit_test(any_bytes_become_valid_json),
		cmocka_unit_test(members_are_separated_by_commas),
		cmocka_unit_test(json_is_told_from_text),
		cmocka_unit_test(deep_nesting_is_refused_not_followed),
		cmocka_unit_test(text_is_wrapped_to_its_columns),
		cmocka_unit_test(matches_are_coloured_or_not_marked_at_all),
		cmocka_unit_test(numbers_are_grouped_and_bytes_have_units),
		cmocka_unit_test(long_text_is_formatted_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
