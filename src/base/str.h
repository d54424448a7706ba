/*
 * str.h - small helpers around struct wr_str.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "windrow.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline struct wr_str str_of(const char *s)
{
	return (struct wr_str){ s, s ? strlen(s) : 0 };
}

/* Byte order, shorter first; NULL equals "". */
static inline int str_cmp(struct wr_str a, struct wr_str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool str_eq(struct wr_str a, struct wr_str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

static inline bool str_starts(struct wr_str s, struct wr_str prefix)
{
	return s.len >= prefix.len &&
	       (!prefix.len || !memcmp(s.ptr, prefix.ptr, prefix.len));
}

/*
 * Cut to at most max bytes, never inside a UTF-8 character: for messages that
 * quote hostile input.
 */
struct wr_str str_clip(struct wr_str s, size_t max);

/*
 * Make it fit to be printed as one line: control characters become spaces,
 * broken UTF-8 becomes question marks, blanks at the end go.
 */
void str_one_line(char *line);

/*
 * A whole number with an optional sign and nothing behind it.  Returns 0,
 * WR_EINVAL where it is none, WR_EDATA where it does not fit.
 */
int str_to_int64(struct wr_str s, int64_t *out);

#endif
