/*
 * Times and ages as people write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../cli/moment.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)
/* 2024-05-01T12:30:00Z */
#define NOW (INT64_C(1714566600) * SECOND)

static void check(const char *s, int64_t want)
{
	int64_t got = -1;

	if (moment_parse(&got, s, NOW))
		fail_msg("'%s' is refused", s);
	if (got != want)
		fail_msg("'%s' is %lld, not %lld", s, (long long)got,
			 (long long)want);
}

static void times_are_read_in_all_their_forms(void **state)
{
	(void)state;
	check("2024-05-01T12:30:00Z", NOW);
	check("2024-05-01t12:30:00z", NOW);
	check("2024-05-01 12:30:00", NOW);
	check("2024-05-01T12:30", NOW);
	check("2024-05-01T14:30:00+02:00", NOW);
	check("2024-05-01T07:00:00-0530", NOW);
	check("2024-05-01T12:30:00.25Z", NOW + 250000);
	check("2024-05-01T12:30:00.123456789Z", NOW + 123456);
	check("2024-05-01", NOW - 45000 * SECOND);
	check("1714566600", NOW);
	check("1714566600.5", NOW + 500000);
	check("-1.5", -1500000);
	check("1969-12-31T23:59:59Z", -SECOND);
	check("2000-02-29", INT64_C(951782400) * SECOND);
	check("0001-01-01", INT64_C(-62135596800) * SECOND);
	check("2016-12-31T23:59:60Z", INT64_C(1483228800) * SECOND);
}

static void an_age_is_a_time_before_now(void **state)
{
	(void)state;
	check("7d", NOW - 7 * DAY);
	check("0s", NOW);
}

static void the_first_moment_of_1970_is_not_left_out(void **state)
{
	(void)state;
	check("1970-01-01", 1);
	check("0", 1);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"2024-",
		"2024-13-01",
		"2023-02-29",
		"1900-02-29",
		"2024-04-31",
		"2024-05-01T",
		"2024-05-01T24:00",
		"2024-05-01T12:60",
		"2024-05-01T12:30:61",
		"2024-05-01T12:30:00.",
		"2024-05-01T12:30:00+2",
		"2024-05-01T12:30:00+24:00",
		"2024-05-01T12:30:00Zx",
		"24-05-01",
		"7 d",
		"-7d",
		"7dd",
		"99999999999999999999",
		"9999999999999999",
		"99999999999999y",
		" 1",
	};
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!moment_parse(&us, bad[i], NOW))
			fail_msg("'%s' is taken for %lld", bad[i],
				 (long long)us);
	}
}

static void ages_add_up(void **state)
{
	int64_t us = 0;

	(void)state;
	assert_int_equal(moment_parse_age(&us, "30d"), 0);
	assert_int_equal(us, 30 * DAY);
	assert_int_equal(moment_parse_age(&us, "1w2d3h4m5s"), 0);
	assert_int_equal(us, 9 * DAY + (3 * 3600 + 4 * 60 + 5) * SECOND);
	assert_int_equal(moment_parse_age(&us, "1y"), 0);
	assert_int_equal(us, 365 * DAY);
	assert_int_equal(moment_parse_age(&us, ""), -1);
	assert_int_equal(moment_parse_age(&us, "30"), -1);
	assert_int_equal(moment_parse_age(&us, "d"), -1);
	assert_int_equal(moment_parse_age(&us, "1d2"), -1);
	assert_int_equal(moment_parse_age(&us, "9223372036854775807s"), -1);
	assert_int_equal(moment_parse_age(&us, "9223372036854775808s"), -1);
}

static void check_format(int64_t us, bool rfc3339, const char *want)
{
	char got[MOMENT_TEXT];

	moment_format(got, us, rfc3339);
	assert_string_equal(got, want);
}

static void times_are_written_for_people_and_programs(void **state)
{
	(void)state;
	check_format(NOW, false, "2024-05-01 12:30:00");
	check_format(NOW, true, "2024-05-01T12:30:00Z");
	check_format(NOW + 1, true, "2024-05-01T12:30:00.000001Z");
	check_format(-1, true, "1969-12-31T23:59:59.999999Z");
	check_format(-1, false, "1969-12-31 23:59:59");
	/* No text of four-digit years: never more than its room. */
	check_format(INT64_MAX, true, "9223372036854");
	check_format(INT64_MIN, true, "-9223372036855");
}

static void every_day_is_read_back_as_it_was_written(void **state)
{
	char text[MOMENT_TEXT];
	int64_t day, us;

	(void)state;
	for (day = -719162; day < 2932896; day += 17) {
		int64_t want = day * DAY + 12345678901;

		moment_format(text, want, true);
		if (moment_parse(&us, text, NOW) || us != want)
			fail_msg("%s comes back as %lld, not %lld", text,
				 (long long)us, (long long)want);
	}
}

static void check_seconds(double seconds, const char *want)
{
	char got[MOMENT_TEXT];

	moment_format_seconds(got, seconds);
	assert_string_equal(got, want);
}

static void spans_are_short_to_read(void **state)
{
	(void)state;
	check_seconds(0.04, "0.0 s");
	check_seconds(1.26, "1.3 s");
	check_seconds(9.96, "10 s");
	check_seconds(59.4, "59 s");
	check_seconds(187, "3:07");
	check_seconds(3765, "1:02:45");
	check_seconds(-1, "0.0 s");
	check_seconds(0.0 / 0.0, "0.0 s");
	check_seconds(1e300, "277777:46:40");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_in_all_their_forms),
		cmocka_unit_test(an_age_is_a_time_before_now),
		cmocka_unit_test(the_first_moment_of_1970_is_not_left_out),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(ages_add_up),
		cmocka_unit_test(times_are_written_for_people_and_programs),
		cmocka_unit_test(every_day_is_read_back_as_it_was_written),
		cmocka_unit_test(spans_are_short_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
