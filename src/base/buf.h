/*
 * buf.h - a string of bytes that grows.
 *
 * buf->ptr is NUL-terminated whenever buf->len > 0.  A failed append leaves the
 * bytes that were there, sets buf->failed, and later appends do nothing: build
 * a whole text and ask once, with buf_status().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "windrow.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Zero before first use (cap 0: at most BUF_CAP bytes). */
struct buf {
	char *ptr;
	size_t len;
	size_t room; /* bytes allocated at ptr; > len if any */
	size_t cap;  /* len never gets over this */
	bool failed;
};

#define BUF_CAP ((size_t)1 << 31)

void buf_release(struct buf *b);
/* Empty, with its memory kept; also forgets a failure. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_str(struct buf *b, struct wr_str s);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list args);

/* Make room for extra bytes behind the text: 0 or WR_ENOMEM. */
int buf_reserve(struct buf *b, size_t extra);
/* 0, or WR_ENOMEM if an append failed. */
int buf_status(const struct buf *b);
struct wr_str buf_str(const struct buf *b);
/* Hand the text over, NUL-terminated; NULL if an append failed. */
char *buf_take(struct buf *b);

#endif
