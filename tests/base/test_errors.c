#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void a_long_message_is_cut_between_characters(void **state)
{
	struct wr_error err;

	(void)state;
	for (size_t pad = 0; pad < 4; pad++) {
		char text[400] = "xxx";
		size_t at = pad;

		for (; at < 390; at += 3)
			memcpy(text + at, "\xe2\x82\xac", 4);
		error_set(&err, WR_EIO, 0, "test", "%s", text);
		assert_int_equal(strlen(err.message), 255 - (255 - pad) % 3);
		assert_memory_equal(err.message, text, strlen(err.message));
	}
}

static void control_characters_and_broken_bytes_do_not_get_out(void **state)
{
	struct wr_error err;

	(void)state;
	error_set(&err, WR_EIO, 7, "test", "%s",
		  "a\tb\x1b[2Jc\x7f"
		  "d\xc2\x9b"
		  "e\xff"
		  "f\xc3\xa4\n\n");
	assert_string_equal(err.message, "a b [2Jc d  e?f\xc3\xa4");
	assert_int_equal(err.status, WR_EIO);
	assert_int_equal(err.native, 7);
	assert_string_equal(err.where, "test");
}

static void an_error_can_be_put_into_words_about_itself(void **state)
{
	struct wr_error err;

	(void)state;
	error_set(&err, WR_EIO, 0, "in", "disk full");
	error_set(&err, err.status, 0, "out", "writing: %s", err.message);
	assert_string_equal(err.message, "writing: disk full");
	assert_int_equal(error_set(NULL, WR_EBUG, 0, "x", "y"), WR_EBUG);
	assert_int_equal(error_nomem(NULL, "x"), WR_ENOMEM);
	error_clear(&err);
	assert_int_equal(err.status, 0);
	assert_string_equal(err.message, "");
	error_clear(NULL);
}

static void an_errno_tells_the_status_and_the_reason(void **state)
{
	static const struct {
		int errnum, status;
	} cases[] = {
		{ EACCES, WR_EAUTH },  { EPERM, WR_EAUTH },
		{ EROFS, WR_EAUTH },   { ENOENT, WR_ENOENT },
		{ ENOMEM, WR_ENOMEM }, { ENOSPC, WR_EIO },
	};
	struct wr_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(error_errno(&err, cases[i].errnum, "test",
					     "opening %s", "f"),
				 cases[i].status);
		assert_int_equal(err.native, cases[i].errnum);
		assert_non_null(strstr(err.message, "opening f: "));
		assert_non_null(strstr(err.message, strerror(cases[i].errnum)));
	}
}

static void every_status_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(wr_status_name(WR_OK), "WR_OK");
	assert_string_equal(wr_status_name(WR_EINVAL), "WR_EINVAL");
	assert_string_equal(wr_status_name(WR_EIO), "WR_EIO");
	assert_string_equal(wr_status_name(WR_EDATA), "WR_EDATA");
	assert_string_equal(wr_status_name(WR_EBUG), "WR_EBUG");
	assert_string_equal(wr_status_name(WR_ENOENT), "WR_ENOENT");
	assert_string_equal(wr_status_name(WR_ENOENT - 1), "unknown status");
	assert_string_equal(wr_status_name(1), "unknown status");
	assert_string_equal(wr_status_name(INT32_MIN), "unknown status");
}

static void faults_of_the_moment_pass_and_others_do_not(void **state)
{
	(void)state;
	assert_true(error_passes(WR_EIO));
	assert_true(error_passes(WR_EBUSY));
	assert_true(error_passes(WR_ELIMIT));
	assert_false(error_passes(0));
	assert_false(error_passes(WR_EDATA));
	assert_false(error_passes(WR_EINVAL));
	assert_false(error_passes(WR_ECORRUPT));
	assert_false(error_passes(WR_ECANCELED));
}

static void catch (enum wr_log_level level, const char *where,
		   const char *message, void *arg)
{
	snprintf(arg, 100, "%d %s %s", (int)level, where, message);
}

static void a_log_passes_on_what_is_important_enough(void **state)
{
	char got[100] = "";
	struct log log = { catch, got, WR_LOG_WARN };

	(void)state;
	log_message(&log, WR_LOG_INFO, "here", "%d", 1);
	assert_string_equal(got, "");
	log_message(&log, WR_LOG_ERROR, "here", "two\nlines %d\n", 1);
	assert_string_equal(got, "1 here two lines 1");
	log_message(NULL, WR_LOG_ERROR, "here", "x");
	log_message(&(struct log){ 0 }, WR_LOG_ERROR, "here", "x");
}

static void a_clipped_text_ends_with_a_whole_character(void **state)
{
	/* 1, 2, 3 and 4 bytes. */
	struct wr_str s = str_of("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	static const size_t cut[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };

	(void)state;
	for (size_t max = 0; max < 12; max++)
		assert_int_equal(str_clip(s, max).len, cut[max]);
	/* Where it is broken there is nothing to keep whole. */
	assert_int_equal(str_clip(str_of("\x80\x80\x80\x80\x80"), 3).len, 3);
	assert_int_equal(str_clip(str_of("a\xff"
					 "bc"),
				  2)
				 .len,
			 2);
	assert_int_equal(str_clip((struct wr_str){ 0 }, 5).len, 0);
}

static void whole_numbers_are_read_or_refused(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "+7", 0, 7 },
		{ "007", 0, 7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", WR_EDATA, 0 },
		{ "-9223372036854775809", WR_EDATA, 0 },
		{ "99999999999999999999999", WR_EDATA, 0 },
		{ "99999999999999999999999x", WR_EINVAL, 0 },
		{ "", WR_EINVAL, 0 },
		{ "-", WR_EINVAL, 0 },
		{ "+-1", WR_EINVAL, 0 },
		{ " 1", WR_EINVAL, 0 },
		{ "1 ", WR_EINVAL, 0 },
		{ "0x1", WR_EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t v = 0;
		int rc = str_to_int64(str_of(cases[i].text), &v);

		if (rc != cases[i].rc || v != cases[i].value)
			fail_msg("'%s': %d, %lld", cases[i].text, rc,
				 (long long)v);
	}
}

static void waits_double_up_to_the_most(void **state)
{
	struct rand_state rnd = { 1 };
	struct backoff b = { 0 };
	int64_t window = BACKOFF_FIRST_US;

	(void)state;
	for (int i = 0; i < 100; i++) {
		int64_t us = backoff_next_us(&b, &rnd, 0);

		assert_in_range(us, window / 2, window);
		window *= 2;
		if (window > BACKOFF_MOST_US)
			window = BACKOFF_MOST_US;
	}
	for (int i = 0; i < 100; i++)
		assert_in_range(backoff_next_us(&b, &rnd, 60000000), 60000000,
				60000000 + BACKOFF_MOST_US);
	assert_true(backoff_next_us(&b, &rnd, INT64_MAX) > INT64_MAX / 2);
	assert_true(backoff_next_us(&b, &rnd, -1) > 0);
	b.tries = UINT32_MAX;
	assert_true(backoff_next_us(&b, &rnd, 0) >= BACKOFF_MOST_US / 2);
	assert_int_equal(b.tries, UINT32_MAX);
}

static void times_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *written; /* NULL: refused */
	} cases[] = {
		{ "2026-11-23T12:00:00.5+01:00",
		  "2026-11-23T11:00:00.500000Z" },
		{ "2026-11-23 12:00:00-00:30", "2026-11-23T12:30:00Z" },
		{ "2026-11-23t12:00:00z", "2026-11-23T12:00:00Z" },
		{ "2026-11-23T12:00:00.1234567",
		  "2026-11-23T12:00:00.123456Z" },
		{ "2024-02-29", "2024-02-29T00:00:00Z" },
		{ "2000-02-29", "2000-02-29T00:00:00Z" },
		{ "0000-01-01", "0000-01-01T00:00:00Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z" },
		{ "1969-12-31T23:59:59.999999Z",
		  "1969-12-31T23:59:59.999999Z" },
		{ "0", "1970-01-01T00:00:00Z" },
		{ "1700000000.25", "2023-11-14T22:13:20.250000Z" },
		{ "-0.5", "1969-12-31T23:59:59.500000Z" },
		{ "2023-02-29", NULL },
		{ "1900-02-29", NULL },
		{ "2026-13-01", NULL },
		{ "2026-00-01", NULL },
		{ "2026-01-00", NULL },
		{ "2026-11-23T", NULL },
		{ "2026-11-23T24:00:00", NULL },
		{ "2026-11-23T12:60:00", NULL },
		{ "2026-11-23T12:00:61", NULL },
		{ "2026-11-23T12:00:00.", NULL },
		{ "2026-11-23T12:00:00+1", NULL },
		{ "2026-11-23T12:00:00Zx", NULL },
		{ "2026-11-23 ", NULL },
		{ "26-11-23", NULL },
		{ "9223372036854.775808", NULL },
		{ "99999999999999999999", NULL },
		{ "1e9", NULL },
		{ ".5", NULL },
		{ "-", NULL },
		{ "", NULL },
		{ "yesterday", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLOCK_TEXT] = "refused";
		int64_t us;
		int rc = clock_parse(str_of(cases[i].text), &us);

		if (!rc)
			clock_format(us, text);
		if (rc != (cases[i].written ? 0 : WR_EDATA) ||
		    (!rc && strcmp(text, cases[i].written)))
			fail_msg("'%s': %d, %s", cases[i].text, rc, text);
	}
}

static void every_time_of_four_digit_years_survives_its_text(void **state)
{
	struct rand_state rnd = { 8 };
	const int64_t first = -62167219200000000, last = 253402300799999999;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t range = (uint64_t)(last - first) + 1;
		int64_t us = first + (int64_t)rand_below(&rnd, range), back;
		char text[CLOCK_TEXT];

		if (i % 2)
			us -= us % 1000000;
		clock_format(us, text);
		if (clock_parse(str_of(text), &back) || back != us)
			fail_msg("%lld: %s", (long long)us, text);
	}
	clock_format(INT64_MIN, (char[CLOCK_TEXT]){ 0 });
	clock_format(INT64_MAX, (char[CLOCK_TEXT]){ 0 });
	assert_true(clock_now_us() > INT64_C(1700000000) * 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(
			control_characters_and_broken_bytes_do_not_get_out),
		cmocka_unit_test(an_error_can_be_put_into_words_about_itself),
		cmocka_unit_test(an_errno_tells_the_status_and_the_reason),
		cmocka_unit_test(every_status_has_its_name),
		cmocka_unit_test(faults_of_the_moment_pass_and_others_do_not),
		cmocka_unit_test(a_log_passes_on_what_is_important_enough),
		cmocka_unit_test(a_clipped_text_ends_with_a_whole_character),
		cmocka_unit_test(whole_numbers_are_read_or_refused),
		cmocka_unit_test(waits_double_up_to_the_most),
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(
			every_time_of_four_digit_years_survives_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
