#include "base/str.h"

#include "base/utf8.h"

struct wr_str str_clip(struct wr_str s, size_t max)
{
	size_t cut = max;

	if (s.len <= max)
		return s;
	/* The start of the character that byte cut belongs to, if any. */
	while (cut > 0 && max - cut < 3 && (s.ptr[cut] & 0xc0) == 0x80)
		cut--;
	if (cut < max) {
		bool ok;
		size_t len = utf8_step(s.ptr + cut, s.len - cut, &ok);

		if (!ok || cut + len <= max)
			cut = max; /* broken anyhow: nothing to keep whole */
	}
	return (struct wr_str){ s.ptr, cut };
}

void str_one_line(char *line)
{
	size_t len = strlen(line);

	for (size_t at = 0; at < len;) {
		unsigned char c = (unsigned char)line[at];
		bool ok;
		size_t n = utf8_step(line + at, len - at, &ok);

		if (!ok)
			memset(line + at, '?', n);
		else if (c < ' ' || c == 0x7f)
			line[at] = ' ';
		else if (c == 0xc2 && (unsigned char)line[at + 1] < 0xa0)
			memset(line + at, ' ', n);
		at += n;
	}
	while (len && line[len - 1] == ' ')
		line[--len] = '\0';
}

int str_to_int64(struct wr_str s, int64_t *out)
{
	bool minus = s.len && s.ptr[0] == '-';
	size_t i = s.len && (minus || s.ptr[0] == '+');
	bool fits = true;
	int64_t v = 0;

	if (i == s.len)
		return WR_EINVAL;
	for (; i < s.len; i++) {
		int digit = s.ptr[i] - '0';

		if (digit < 0 || digit > 9)
			return WR_EINVAL;
		/* Downwards, as there is one negative number more. */
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, digit, &v))
			fits = false;
	}
	if (!fits || (!minus && v == INT64_MIN))
		return WR_EDATA;
	*out = minus ? v : -v;
	return 0;
}
