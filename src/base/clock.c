#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum { SECOND = 1000000, DAY_SECONDS = 86400 };

struct date {
	int year;
	unsigned char month, day; /* from 1 */
};

int64_t clock_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Years that start in March have their leap day at the end, which makes days
 * and dates convert without tables.
 */
static int64_t days_of_date(struct date d)
{
	int64_t y = d.year - (d.month <= 2);
	int64_t era = floor_div(y, 400);
	int64_t year = y - era * 400;
	int64_t month = (d.month + 9) % 12;
	int64_t day = (153 * month + 2) / 5 + d.day - 1;

	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static struct date date_of_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t n = z - era * 146097;
	int64_t year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
	int64_t day = n - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day + 2) / 153;
	struct date d;

	d.day = (unsigned char)(day - (153 * month + 2) / 5 + 1);
	d.month = (unsigned char)(month < 10 ? month + 3 : month - 9);
	d.year = (int)(year + era * 400) + (d.month <= 2);
	return d;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Take one of two characters. */
static bool take_either(struct wr_str *s, char a, char b)
{
	if (!s->len || (s->ptr[0] != a && s->ptr[0] != b))
		return false;
	s->ptr++;
	s->len--;
	return true;
}

/* Take exactly n digits as a number within bounds. */
static bool take_number(struct wr_str *s, size_t n, int least, int most,
			int *out)
{
	int v = 0;

	if (s->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->ptr[i]))
			return false;
		v = v * 10 + (s->ptr[i] - '0');
	}
	s->ptr += n;
	s->len -= n;
	*out = v;
	return v >= least && v <= most;
}

/* Take ".5", if there is one; digits beyond the sixth are dropped. */
static bool take_fraction(struct wr_str *s, int64_t *us)
{
	int64_t unit = SECOND / 10;

	*us = 0;
	if (!take_either(s, '.', '.'))
		return true;
	if (!s->len || !is_digit(s->ptr[0]))
		return false;
	while (s->len && is_digit(s->ptr[0])) {
		*us += unit * (s->ptr[0] - '0');
		unit /= 10;
		s->ptr++;
		s->len--;
	}
	return true;
}

/* Take "Z" or "+01:00", or nothing at the end: UTC. */
static bool take_zone(struct wr_str *s, int64_t *east_seconds)
{
	int hours, minutes;
	bool west;

	*east_seconds = 0;
	if (!s->len || take_either(s, 'Z', 'z'))
		return true;
	west = s->ptr[0] == '-';
	if (!take_either(s, '+', '-') || !take_number(s, 2, 0, 23, &hours) ||
	    !take_either(s, ':', ':') || !take_number(s, 2, 0, 59, &minutes))
		return false;
	*east_seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

static int parse_date(struct wr_str s, int64_t *us)
{
	int year, month, day, hour = 0, minute = 0, second = 0;
	int64_t fraction = 0, east = 0;
	struct date d;
	bool ok;

	ok = take_number(&s, 4, 0, 9999, &year) && take_either(&s, '-', '-') &&
	     take_number(&s, 2, 1, 12, &month) && take_either(&s, '-', '-') &&
	     take_number(&s, 2, 1, days_in_month(year, month), &day);
	if (ok && s.len)
		ok = (take_either(&s, 'T', 't') || take_either(&s, ' ', ' ')) &&
		     take_number(&s, 2, 0, 23, &hour) &&
		     take_either(&s, ':', ':') &&
		     take_number(&s, 2, 0, 59, &minute) &&
		     take_either(&s, ':', ':') &&
		     take_number(&s, 2, 0, 60, &second) &&
		     take_fraction(&s, &fraction) && take_zone(&s, &east);
	if (!ok || s.len)
		return WR_EDATA;
	d = (struct date){ year, (unsigned char)month, (unsigned char)day };
	*us = days_of_date(d) * DAY_SECONDS + hour * 3600 + minute * 60 +
	      second - east;
	*us = *us * SECOND + fraction;
	return 0;
}

static int parse_unix(struct wr_str s, int64_t *us)
{
	bool minus = s.len && s.ptr[0] == '-';
	int64_t v = 0, fraction;

	if (minus)
		take_either(&s, '-', '-');
	if (!s.len || !is_digit(s.ptr[0]))
		return WR_EDATA;
	for (; s.len && is_digit(s.ptr[0]); s.ptr++, s.len--)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s.ptr[0] - '0', &v))
			return WR_EDATA;
	if (!take_fraction(&s, &fraction) || s.len ||
	    __builtin_mul_overflow(v, SECOND, &v) ||
	    __builtin_add_overflow(v, fraction, &v))
		return WR_EDATA;
	*us = minus ? -v : v;
	return 0;
}

int clock_parse(struct wr_str s, int64_t *us)
{
	/* No number has its first dash behind four digits. */
	if (s.len > 4 && s.ptr[4] == '-')
		return parse_date(s, us);
	return parse_unix(s, us);
}

void clock_format(int64_t us, char out[CLOCK_TEXT])
{
	int64_t seconds = floor_div(us, SECOND);
	int64_t days = floor_div(seconds, DAY_SECONDS);
	unsigned fraction = (unsigned)((us % SECOND + SECOND) % SECOND);
	unsigned of_day =
		(unsigned)(seconds - days * DAY_SECONDS) % DAY_SECONDS;
	struct date d = date_of_days(days);
	char tail[9] = "Z";

	if (fraction)
		snprintf(tail, sizeof(tail), ".%06uZ", fraction);
	snprintf(out, CLOCK_TEXT, "%04d-%02d-%02dT%02u:%02u:%02u%s", d.year,
		 d.month, d.day, of_day / 3600, of_day / 60 % 60, of_day % 60,
		 tail);
}
