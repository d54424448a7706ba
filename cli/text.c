#include "text.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "memory.h"

enum { REPLACEMENT = 0xfffd };

void text_add(struct text *t, const void *bytes, size_t len)
{
	size_t need;

	if (__builtin_add_overflow(t->len, len, &need) ||
	    __builtin_add_overflow(need, 1, &need))
		need = SIZE_MAX;
	t->ptr = memory_grow(t->ptr, &t->room, need, 1);
	if (len)
		memcpy(t->ptr + t->len, bytes, len);
	t->len += len;
	t->ptr[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char small[512];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		text_add(t, small, (size_t)n);
	} else if (n >= 0) {
		t->ptr = memory_grow(t->ptr, &t->room, t->len + (size_t)n + 1,
				     1);
		vsnprintf(t->ptr + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void text_clear(struct text *t)
{
	t->len = 0;
	if (t->ptr)
		t->ptr[0] = '\0';
}

void text_release(struct text *t)
{
	memory_free(t->ptr);
	*t = (struct text){ 0 };
}

/* How many bytes a lead byte announces, and the bounds of the second one. */
static size_t sequence(unsigned char lead, unsigned char *low,
		       unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0;
		if (lead == 0xed)
			*high = 0x9f;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90;
		if (lead == 0xf4)
			*high = 0x8f;
		return 4;
	}
	return 0;
}

uint32_t text_next(struct wr_str *s)
{
	unsigned char low, high, c = (unsigned char)*s->ptr;
	size_t n, i;
	uint32_t value;

	s->ptr++;
	s->len--;
	if (c < 0x80)
		return c;
	n = sequence(c, &low, &high);
	if (!n)
		return REPLACEMENT;
	value = c & (0xffu >> (n + 1));
	for (i = 1; i < n; i++) {
		c = s->len ? (unsigned char)*s->ptr : 0;
		if (c < low || c > high)
			return REPLACEMENT;
		value = value << 6 | (c & 0x3f);
		s->ptr++;
		s->len--;
		low = 0x80;
		high = 0xbf;
	}
	return value;
}

/* Control characters, and those that turn the direction of what follows. */
static int is_dangerous(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_add_shown(struct text *t, struct wr_str s, int lines)
{
	while (s.len) {
		const char *from = s.ptr;
		uint32_t c = text_next(&s);

		if (c == '\n' || c == '\t')
			text_putc(t, lines ? (char)c : ' ');
		else if (c == '\r')
			text_puts(t, lines ? "" : " ");
		else if (is_dangerous(c) || c == REPLACEMENT)
			text_puts(t, "\xef\xbf\xbd");
		else
			text_add(t, from, (size_t)(s.ptr - from));
	}
}

int text_columns(uint32_t c)
{
	static locale_t utf8;
	locale_t before;
	int n;

	if (c >= 0x20 && c < 0x7f)
		return 1;
	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!utf8)
		return 1;
	before = uselocale(utf8);
	n = wcwidth((wchar_t)c);
	uselocale(before);
	return n < 0 ? 1 : n;
}
