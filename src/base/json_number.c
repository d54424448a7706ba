#include "base/json_number.h"

#include <inttypes.h>
#include <langinfo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a number's text says: digits * 10^exponent. */
struct decimal {
	size_t used; /* bytes of text */
	bool minus, real;
	bool exact; /* all digits are in digits */
	uint64_t digits;
	int64_t exponent;
};

static size_t count_digits(struct wr_str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9')
		n++;
	return n;
}

static void add_digits(struct decimal *d, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(d->digits, 10, &d->digits) ||
		    __builtin_add_overflow(d->digits, (uint64_t)(p[i] - '0'),
					   &d->digits)) {
			d->exact = false;
			return;
		}
}

/* Behind the e. */
static bool scan_exponent(struct wr_str s, size_t *at, int64_t *exponent)
{
	bool minus = *at < s.len && s.ptr[*at] == '-';
	int64_t v = 0;
	size_t n;

	if (*at < s.len && (minus || s.ptr[*at] == '+'))
		++*at;
	n = count_digits(s, *at);
	for (size_t i = 0; i < n; i++)
		if (v < 1000000) /* far beyond any double */
			v = v * 10 + (s.ptr[*at + i] - '0');
	*at += n;
	*exponent += minus ? -v : v;
	return n > 0;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool scan_decimal(struct wr_str s, struct decimal *d)
{
	size_t at = 0, n;

	*d = (struct decimal){ .exact = true };
	d->minus = s.len && s.ptr[0] == '-';
	at += d->minus;
	n = count_digits(s, at);
	if (!n || (n > 1 && s.ptr[at] == '0'))
		return false;
	add_digits(d, s.ptr + at, n);
	at += n;
	if (at < s.len && s.ptr[at] == '.') {
		d->real = true;
		n = count_digits(s, ++at);
		if (!n)
			return false;
		if (d->exact)
			add_digits(d, s.ptr + at, n);
		d->exponent -= (int64_t)n;
		at += n;
	}
	if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
		d->real = true;
		at++;
		if (!scan_exponent(s, &at, &d->exponent))
			return false;
	}
	d->used = at;
	return true;
}

/* strtod() wants the decimal point of the locale. */
static int read_slowly(struct wr_str text, struct buf *scratch, double *out)
{
	const char *dot = memchr(text.ptr, '.', text.len);

	buf_clear(scratch);
	if (dot) {
		size_t n = (size_t)(dot - text.ptr);

		buf_add(scratch, text.ptr, n);
		buf_puts(scratch, nl_langinfo(RADIXCHAR));
		buf_add(scratch, dot + 1, text.len - n - 1);
	} else {
		buf_add_str(scratch, text);
	}
	if (buf_status(scratch))
		return WR_ENOMEM;
	*out = strtod(scratch->ptr, NULL);
	return isfinite(*out) ? 0 : WR_EDATA;
}

static int read_real(const struct decimal *d, struct wr_str text,
		     struct buf *scratch, double *out)
{
	/* Powers of ten that a double holds exactly. */
	static const double tens[] = { 1e0,  1e1,  1e2,	 1e3,  1e4,  1e5,
				       1e6,  1e7,  1e8,	 1e9,  1e10, 1e11,
				       1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
				       1e18, 1e19, 1e20, 1e21, 1e22 };
	double v = (double)d->digits;

	/* One rounding of two exact values is right (Clinger 1990). */
	if (!d->exact || d->digits > UINT64_C(1) << 53 || d->exponent < -22 ||
	    d->exponent > 22)
		return read_slowly((struct wr_str){ text.ptr, d->used },
				   scratch, out);
	v = d->exponent < 0 ? v / tens[-d->exponent] : v * tens[d->exponent];
	*out = d->minus ? -v : v;
	return 0;
}

int json_number_read(struct wr_str text, size_t *used, struct buf *scratch,
		     struct json *out)
{
	struct decimal d;

	if (!scan_decimal(text, &d))
		return WR_EINVAL;
	*used = d.used;
	if (!d.real && d.exact && d.digits <= (uint64_t)INT64_MAX + d.minus) {
		*out = (struct json){ .kind = JSON_INT };
		out->whole =
			d.minus ? (int64_t)(0 - d.digits) : (int64_t)d.digits;
		return 0;
	}
	*out = (struct json){ .kind = JSON_REAL };
	return read_real(&d, text, scratch, &out->real);
}

/* Whatever stands for the decimal point in this locale becomes a dot. */
static void add_with_dot(struct buf *b, const char *text)
{
	size_t n = strspn(text, "+-0123456789e");

	buf_add(b, text, n);
	if (!text[n])
		return;
	buf_putc(b, '.');
	text += n;
	buf_puts(b, text + strcspn(text, "0123456789"));
}

void json_number_write(struct buf *b, const struct json *number)
{
	char text[48];
	int64_t whole;

	if (json_number_whole(number, &whole)) {
		buf_printf(b, "%" PRId64, whole);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number->real);
		if (strtod(text, NULL) == number->real)
			break;
	}
	add_with_dot(b, text);
}

bool json_number_whole(const struct json *j, int64_t *out)
{
	if (j->kind == JSON_INT) {
		*out = j->whole;
		return true;
	}
	/* Both bounds are powers of two, hence exact. */
	if (j->kind != JSON_REAL || j->real < -0x1p63 || j->real >= 0x1p63)
		return false;
	*out = (int64_t)j->real;
	return (double)*out == j->real;
}
