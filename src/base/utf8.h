/*
 * utf8.h - one step through bytes that may or may not be UTF-8.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How many of the left (> 0) bytes at s belong together: a character (*ok), or
 * the longest start of one, else a single byte (!*ok): what the Unicode
 * Standard, chapter 3.9, table 3-11, replaces by one U+FFFD.
 */
static inline size_t utf8_step(const char *s, size_t left, bool *ok)
{
	const unsigned char *p = (const unsigned char *)s;
	/* The bounds of the second byte rule out overlong forms, surrogates
	 * and what lies beyond U+10FFFF. */
	unsigned char least = 0x80, most = 0xbf;
	size_t len;

	*ok = p[0] < 0x80;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		least = 0xa0;
	else if (p[0] == 0xed)
		most = 0x9f;
	else if (p[0] == 0xf0)
		least = 0x90;
	else if (p[0] == 0xf4)
		most = 0x8f;
	if (left < 2 || p[1] < least || p[1] > most)
		return 1;
	for (size_t i = 2; i < len; i++)
		if (i >= left || (p[i] & 0xc0) != 0x80)
			return i;
	*ok = true;
	return len;
}

#endif
