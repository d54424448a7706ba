/*
 * text.h - text that grows, and what a terminal may be shown of it.
 *
 * A struct text belongs to its caller; {0} is an empty one.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "windrow.h"

struct text {
	char *ptr; /* ends in NUL once something was added */
	size_t len, room;
};

void text_add(struct text *t, const void *bytes, size_t len);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void text_clear(struct text *t);
void text_release(struct text *t);

/*
 * Take one character off the front of s.  What is not UTF-8 comes as U+FFFD,
 * one per maximal subpart.  s must not be empty.
 */
uint32_t text_next(struct wr_str *s);

/*
 * Append s as something that a terminal can be shown: broken UTF-8 replaced,
 * control characters (escape sequences of a hostile page among them) too.
 * Line ends and tabs stay where lines is nonzero, else they become spaces.
 */
void text_add_shown(struct text *t, struct wr_str s, int lines);

/* Columns that a character takes on a terminal: 0, 1 or 2. */
int text_columns(uint32_t c);

static inline struct wr_str text_str(const struct text *t)
{
	return (struct wr_str){ t->ptr, t->len };
}

#endif
