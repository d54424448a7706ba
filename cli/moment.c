#include "moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

int64_t moment_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

double moment_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes a number off the front; false where there is none or it is huge. */
static bool number(const char **s, int64_t *out)
{
	int64_t n = 0;

	if (!is_digit(**s))
		return false;
	for (; is_digit(**s); (*s)++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, **s - '0', &n))
			return false;
	}
	*out = n;
	return true;
}

static int64_t unit(char c)
{
	switch (c) {
	case 's':
		return SECOND;
	case 'm':
		return 60 * SECOND;
	case 'h':
		return 3600 * SECOND;
	case 'd':
		return DAY;
	case 'w':
		return 7 * DAY;
	case 'y':
		return 365 * DAY;
	default:
		return 0;
	}
}

int moment_parse_age(int64_t *us, const char *s)
{
	int64_t sum = 0, n;

	do {
		if (!number(&s, &n) || !unit(*s) ||
		    __builtin_mul_overflow(n, unit(*s), &n) ||
		    __builtin_add_overflow(sum, n, &sum))
			return -1;
		s++;
	} while (*s);
	*us = sum;
	return 0;
}

/* ---------------------------------------------------------------- dates -- */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, of_era, of_year;

	/* The year begins in March, so that the leap day is its last. */
	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	of_era = y - era * 400;
	of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static bool is_date(int64_t y, int64_t m, int64_t d)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30,
				      31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 &&
	       d <= length[m - 1] + (m == 2 && leap);
}

/* Exactly n digits. */
static bool field(const char **s, int n, int64_t *out)
{
	int64_t value = 0;

	for (; n; n--, (*s)++) {
		if (!is_digit(**s))
			return false;
		value = value * 10 + (**s - '0');
	}
	*out = value;
	return true;
}

static bool take(const char **s, const char *any)
{
	if (!**s || !strchr(any, **s))
		return false;
	(*s)++;
	return true;
}

/* "Z", "+02:00", "+0200", or nothing; in seconds east of Greenwich. */
static bool zone(const char **s, int64_t *east)
{
	int64_t h, m;
	bool west;

	*east = 0;
	if (!**s || take(s, "Zz"))
		return true;
	west = **s == '-';
	if (!take(s, "+-") || !field(s, 2, &h))
		return false;
	take(s, ":");
	if (!field(s, 2, &m) || h > 23 || m > 59)
		return false;
	*east = (h * 3600 + m * 60) * (west ? -1 : 1);
	return true;
}

/* The fraction of a second, in microseconds. */
static bool fraction(const char **s, int64_t *us)
{
	int64_t scale = SECOND / 10;

	*us = 0;
	if (!take(s, ".,"))
		return true;
	if (!is_digit(**s))
		return false;
	for (; is_digit(**s); (*s)++, scale /= 10)
		*us += (**s - '0') * scale;
	return true;
}

static bool parse_date(int64_t *us, const char *s)
{
	int64_t y, m, d, hour = 0, minute = 0, second = 0, part = 0, east = 0;

	if (!field(&s, 4, &y) || !take(&s, "-") || !field(&s, 2, &m) ||
	    !take(&s, "-") || !field(&s, 2, &d) || !is_date(y, m, d))
		return false;
	if (*s) {
		if (!take(&s, "Tt ") || !field(&s, 2, &hour) ||
		    !take(&s, ":") || !field(&s, 2, &minute))
			return false;
		if (take(&s, ":") &&
		    (!field(&s, 2, &second) || !fraction(&s, &part)))
			return false;
		if (!zone(&s, &east) || *s || hour > 23 || minute > 59 ||
		    second > 60)
			return false;
	}
	*us = (days_of(y, m, d) * 86400 + hour * 3600 + minute * 60 + second -
	       east) * SECOND +
	      part;
	return true;
}

static bool parse_unix(int64_t *us, const char *s)
{
	int64_t seconds, part, sign = *s == '-' ? -1 : 1;

	take(&s, "-");
	if (!number(&s, &seconds) || !fraction(&s, &part) || *s ||
	    __builtin_mul_overflow(seconds, SECOND, &seconds) ||
	    __builtin_add_overflow(seconds, part, &seconds))
		return false;
	*us = sign * seconds;
	return true;
}

int moment_parse(int64_t *us, const char *s, int64_t now)
{
	int64_t age;

	if (!moment_parse_age(&age, s))
		*us = now - age;
	else if (!parse_date(us, s) && !parse_unix(us, s))
		return -1;
	if (!*us)
		*us = 1;
	return 0;
}

/* --------------------------------------------------------------- output -- */

void moment_format(char out[MOMENT_TEXT], int64_t us, bool rfc3339)
{
	int64_t part = us % SECOND;
	time_t seconds;
	struct tm tm;
	size_t n;

	seconds = (time_t)(us / SECOND);
	if (part < 0) {
		part += SECOND;
		seconds--;
	}
	if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999 ||
	    tm.tm_year + 1900 < 0) {
		snprintf(out, MOMENT_TEXT, "%lld", (long long)seconds);
		return;
	}
	n = (size_t)snprintf(out, MOMENT_TEXT, "%04d-%02d-%02d%c%02d:%02d:%02d",
			     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			     rfc3339 ? 'T' : ' ', tm.tm_hour, tm.tm_min,
			     tm.tm_sec);
	if (rfc3339 && part)
		snprintf(out + n, MOMENT_TEXT - n, ".%06dZ", (int)part);
	else if (rfc3339)
		snprintf(out + n, MOMENT_TEXT - n, "Z");
}

void moment_format_seconds(char out[MOMENT_TEXT], double seconds)
{
	long s;

	if (!(seconds >= 0))
		seconds = 0;
	if (seconds > 1e9)
		seconds = 1e9;
	s = (long)(seconds + 0.5);
	if (seconds < 9.95)
		snprintf(out, MOMENT_TEXT, "%.1f s", seconds);
	else if (s < 60)
		snprintf(out, MOMENT_TEXT, "%ld s", s);
	else if (s < 3600)
		snprintf(out, MOMENT_TEXT, "%ld:%02ld", s / 60, s % 60);
	else
		snprintf(out, MOMENT_TEXT, "%ld:%02ld:%02ld", s / 3600,
			 s / 60 % 60, s % 60);
}
