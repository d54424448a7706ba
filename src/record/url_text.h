/*
 * url_text.h - the characters of URLs, and texts made of them.
 */
#ifndef RECORD_URL_TEXT_H
#define RECORD_URL_TEXT_H

#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	URL_HOST = 1,	    /* in a host, as it is */
	URL_LEGAL = 2,	    /* in a path or query, as it is */
	URL_UNRESERVED = 4, /* never percent-encoded */
	URL_PLAIN = 8,	    /* nothing to think about in a path */
	URL_HEX = 16,	    /* in a canonical percent-encoding */
};

extern const uint8_t url_class_of[256];

static inline bool url_is(char c, int class)
{
	return url_class_of[(unsigned char)c] & class;
}

static inline bool url_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char url_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static inline bool url_is_alpha(char c)
{
	return url_lower(c) >= 'a' && url_lower(c) <= 'z';
}

/* The byte that "%XX" at p stands for; -1 where there is no such thing. */
int url_escape_value(const char *p, const char *end);

/* A text of limited length that is being put together. */
struct piece {
	char *ptr;
	size_t len, room;
	bool over; /* it did not fit */
};

void piece_add(struct piece *to, const char *p, size_t len);
void piece_putc(struct piece *to, char c);

/*
 * With what needs no percent-encoding in clear and everything else encoded, in
 * upper case.  Of the legal characters those in reserve are encoded as well.
 */
void piece_add_encoded(struct piece *to, struct wr_str s, const char *reserve);

#endif
