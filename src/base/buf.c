#include "base/buf.h"

#include "base/mem.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LEAST_ROOM = 64 };

static size_t cap_of(const struct buf *b)
{
	return b->cap ? b->cap : BUF_CAP;
}

void buf_release(struct buf *b)
{
	mem_free(b->ptr);
	*b = (struct buf){ .cap = b->cap };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->ptr)
		b->ptr[0] = '\0';
}

int buf_reserve(struct buf *b, size_t extra)
{
	size_t cap = cap_of(b);
	size_t room;
	char *ptr;

	if (b->failed || cap == SIZE_MAX || b->len > cap ||
	    extra > cap - b->len)
		return WR_ENOMEM;
	if (extra < b->room - b->len)
		return 0;

	room = b->room <= cap / 2 ? b->room * 2 : cap + 1;
	if (room < LEAST_ROOM)
		room = LEAST_ROOM;
	if (room < b->len + extra + 1)
		room = b->len + extra + 1;
	ptr = mem_resize(b->ptr, room, 1);
	if (!ptr)
		return WR_ENOMEM;
	b->ptr = ptr;
	b->room = room;
	b->ptr[b->len] = '\0';
	return 0;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
	if (b->failed || !len)
		return;
	if (buf_reserve(b, len)) {
		b->failed = true;
		return;
	}
	memcpy(b->ptr + b->len, p, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void buf_add_str(struct buf *b, struct wr_str s)
{
	buf_add(b, s.ptr, s.len);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(b, fmt, args);
	va_end(args);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	va_list again;
	int n;

	if (b->failed)
		return;
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || buf_reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, args);
	b->len += (size_t)n;
}

int buf_status(const struct buf *b)
{
	return b->failed ? WR_ENOMEM : 0;
}

/* Never NULL: an empty text is not one that was left out. */
struct wr_str buf_str(const struct buf *b)
{
	return (struct wr_str){ b->ptr ? b->ptr : "", b->len };
}

char *buf_take(struct buf *b)
{
	char *text;

	if (b->failed)
		return NULL;
	text = b->ptr ? b->ptr : mem_dup("", 0);
	*b = (struct buf){ .cap = b->cap };
	return text;
}
