#include "json.h"

#include <math.h>
#include <string.h>

#include "moment.h"

enum { DEPTH_MAX = 200 };

/* Some programs end a line there, and so would break JSON Lines. */
static bool ends_line(uint32_t c)
{
	return c == 0x85 || c == 0x2028 || c == 0x2029;
}

void json_string(struct text *t, struct wr_str s)
{
	text_putc(t, '"');
	while (s.len) {
		const char *from = s.ptr;
		uint32_t c = text_next(&s);

		if (c == '"' || c == '\\') {
			text_putc(t, '\\');
			text_putc(t, (char)c);
		} else if (c == '\n') {
			text_puts(t, "\\n");
		} else if (c == '\t') {
			text_puts(t, "\\t");
		} else if (c == '\r') {
			text_puts(t, "\\r");
		} else if (c < 0x20 || c == 0x7f || ends_line(c)) {
			text_printf(t, "\\u%04x", (unsigned)c);
		} else if (c == 0xfffd) {
			text_puts(t, "\xef\xbf\xbd");
		} else {
			text_add(t, from, (size_t)(s.ptr - from));
		}
	}
	text_putc(t, '"');
}

void json_open(struct text *t)
{
	text_putc(t, '{');
}

void json_close(struct text *t)
{
	text_putc(t, '}');
}

void json_name(struct text *t, const char *name)
{
	char last = t->len ? t->ptr[t->len - 1] : '{';

	if (last != '{' && last != '[')
		text_putc(t, ',');
	json_string(t, (struct wr_str){ name, strlen(name) });
	text_putc(t, ':');
}

void json_put_string(struct text *t, const char *name, struct wr_str s)
{
	json_name(t, name);
	if (s.ptr)
		json_string(t, s);
	else
		text_puts(t, "null");
}

void json_put_text(struct text *t, const char *name, const char *s)
{
	json_put_string(t, name, (struct wr_str){ s, s ? strlen(s) : 0 });
}

void json_put_number(struct text *t, const char *name, uint64_t value)
{
	json_name(t, name);
	text_printf(t, "%llu", (unsigned long long)value);
}

void json_put_real(struct text *t, const char *name, double value)
{
	json_name(t, name);
	if (isfinite(value))
		text_printf(t, "%.6g", value);
	else
		text_puts(t, "null");
}

void json_put_bool(struct text *t, const char *name, bool value)
{
	json_name(t, name);
	text_puts(t, value ? "true" : "false");
}

void json_put_time(struct text *t, const char *name, int64_t us)
{
	char s[MOMENT_TEXT];

	json_name(t, name);
	if (!us) {
		text_puts(t, "null");
		return;
	}
	moment_format(s, us, true);
	json_string(t, (struct wr_str){ s, strlen(s) });
}

void json_put_raw(struct text *t, const char *name, struct wr_str json)
{
	size_t i;

	json_name(t, name);
	if (!json_is_value(json)) {
		text_puts(t, "null");
		return;
	}
	/* A line end between tokens would end a line of JSON Lines. */
	for (i = 0; i < json.len; i++) {
		char c = json.ptr[i];

		text_putc(t, c == '\n' || c == '\r' ? ' ' : c);
	}
}

void json_put_floats(struct text *t, const char *name, const float *v, size_t n)
{
	size_t i;

	json_name(t, name);
	text_putc(t, '[');
	for (i = 0; i < n; i++) {
		if (i)
			text_putc(t, ',');
		if (isfinite(v[i]))
			text_printf(t, "%.9g", (double)v[i]);
		else
			text_puts(t, "null");
	}
	text_putc(t, ']');
}

/* ---------------------------------------------------------------- check -- */

static bool value(struct wr_str *s, int depth);

static void skip(struct wr_str *s, size_t n)
{
	s->ptr += n;
	s->len -= n;
}

static void blank(struct wr_str *s)
{
	while (s->len && strchr(" \t\n\r", *s->ptr) && *s->ptr)
		skip(s, 1);
}

static bool take(struct wr_str *s, const char *word)
{
	size_t n = strlen(word);

	if (s->len < n || memcmp(s->ptr, word, n) != 0)
		return false;
	skip(s, n);
	return true;
}

static bool escape(struct wr_str *s)
{
	size_t i;

	if (!s->len)
		return false;
	if (*s->ptr != 'u') {
		if (!*s->ptr || !strchr("\"\\/bfnrt", *s->ptr))
			return false;
		skip(s, 1);
		return true;
	}
	if (s->len < 5)
		return false;
	for (i = 1; i < 5; i++) {
		if (!s->ptr[i] || !strchr("0123456789abcdefABCDEF", s->ptr[i]))
			return false;
	}
	skip(s, 5);
	return true;
}

static bool string(struct wr_str *s)
{
	if (!take(s, "\""))
		return false;
	while (s->len) {
		unsigned char c = (unsigned char)*s->ptr;
		const char *from = s->ptr;

		if (c < 0x20)
			return false;
		if (c >= 0x80) {
			/* U+FFFD itself is fine, what became one is not. */
			if (text_next(s) == 0xfffd && s->ptr - from != 3)
				return false;
			continue;
		}
		skip(s, 1);
		if (c == '"')
			return true;
		if (c == '\\' && !escape(s))
			return false;
	}
	return false;
}

static size_t digits(struct wr_str *s)
{
	size_t n = 0;

	while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9')
		n++;
	skip(s, n);
	return n;
}

static bool number(struct wr_str *s)
{
	take(s, "-");
	if (!take(s, "0") && !digits(s))
		return false;
	if (take(s, ".") && !digits(s))
		return false;
	if (take(s, "e") || take(s, "E")) {
		if (!take(s, "+"))
			take(s, "-");
		if (!digits(s))
			return false;
	}
	return true;
}

/* What stands between the brackets of an array or the braces of an object. */
static bool members(struct wr_str *s, const char *end, int depth)
{
	blank(s);
	if (take(s, end))
		return true;
	do {
		blank(s);
		if (*end == '}') {
			if (!string(s))
				return false;
			blank(s);
			if (!take(s, ":"))
				return false;
		}
		if (!value(s, depth + 1))
			return false;
		blank(s);
	} while (take(s, ","));
	return take(s, end);
}

static bool value(struct wr_str *s, int depth)
{
	blank(s);
	if (!s->len || depth > DEPTH_MAX)
		return false;
	switch (*s->ptr) {
	case '{':
		skip(s, 1);
		return members(s, "}", depth);
	case '[':
		skip(s, 1);
		return members(s, "]", depth);
	case '"':
		return string(s);
	case 't':
		return take(s, "true");
	case 'f':
		return take(s, "false");
	case 'n':
		return take(s, "null");
	default:
		return number(s);
	}
}

bool json_is_value(struct wr_str s)
{
	if (!value(&s, 0))
		return false;
	blank(&s);
	return s.len == 0;
}
