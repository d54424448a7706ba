/*
 * ascii.h - letters and blanks of ASCII, whatever the program's locale.
 *
 * In a Turkish locale strcasecmp() takes "TITLE" and "title" for different
 * words, and in others isalpha() takes bytes of UTF-8 for letters.
 */
#ifndef FORMAT_ASCII_H
#define FORMAT_ASCII_H

#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_is_letter(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static inline bool ascii_is_alnum(char c)
{
	return ascii_is_letter(c) || (c >= '0' && c <= '9');
}

static inline bool ascii_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Does s begin with word, which is in lower case? */
static inline bool ascii_starts(struct wr_str s, const char *word)
{
	size_t i = 0;

	while (word[i] && i < s.len && ascii_lower(s.ptr[i]) == word[i])
		i++;
	return !word[i];
}

/* Is s this word, which is in lower case? */
static inline bool ascii_is(struct wr_str s, const char *word)
{
	return s.len == strlen(word) && ascii_starts(s, word);
}

/* Does s, longer than that, end with word, which is in lower case? */
static inline bool ascii_ends(struct wr_str s, const char *word)
{
	size_t n = strlen(word);

	if (s.len <= n)
		return false;
	s.ptr += s.len - n;
	s.len = n;
	return ascii_starts(s, word);
}

#endif
