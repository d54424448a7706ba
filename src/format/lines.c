#include "format/lines.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define WHERE "lines"

enum { ROOM_FIRST = 256 * 1024 };

void lines_init(struct lines *l, struct input *in, size_t longest)
{
	*l = (struct lines){ .in = in, .longest = longest };
}

void lines_release(struct lines *l)
{
	mem_free(l->buf);
	*l = (struct lines){ 0 };
}

/* Make room behind what was read: move it to the front, or grow. */
static int make_room(struct lines *l, struct wr_error *err)
{
	size_t held = l->end - l->start, room;
	char *buf;

	if (l->start && held)
		memmove(l->buf, l->buf + l->start, held);
	l->start = 0;
	l->end = held;
	if (held < l->room)
		return 0;
	room = l->room ? l->room : ROOM_FIRST / 2;
	if (__builtin_mul_overflow(room, (size_t)2, &room))
		return error_nomem(err, WHERE);
	buf = mem_resize(l->buf, room, 1);
	if (!buf)
		return error_nomem(err, WHERE);
	l->buf = buf;
	l->room = room;
	return 0;
}

/* 1 if there is more, 0 at the end of the input. */
static int read_more(struct lines *l, struct wr_error *err)
{
	ssize_t n;
	int status;

	if (l->start == l->end)
		l->start = l->end = 0;
	if (l->end == l->room) {
		status = make_room(l, err);
		if (status)
			return status;
	}
	n = input_read(l->in, l->buf + l->end, l->room - l->end, err);
	if (n < 0) {
		l->start = l->end = l->seen = 0;
		return (int)n;
	}
	l->at_end = n == 0;
	l->end += (size_t)n;
	return n > 0;
}

/* The line at start that ends in front of stop; next is where another starts.
 */
static struct wr_str take(struct lines *l, size_t stop, size_t next)
{
	static const char mark[3] = { '\xef', '\xbb', '\xbf' };
	struct wr_str line = { l->buf + l->start, stop - l->start };

	l->start = next;
	l->seen = 0;
	l->number++;
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (l->number == 1 && line.len >= 3 && !memcmp(line.ptr, mark, 3)) {
		line.ptr += 3;
		line.len -= 3;
	}
	return line;
}

static int too_long(struct lines *l, struct wr_error *err)
{
	l->number++;
	return error_set(err, WR_EDATA, 0, WHERE,
			 "longer than %zu bytes, which is the most that a "
			 "record of the allowed content can take",
			 l->longest);
}

/* Drop what is held of a line that is too long, and the rest of it. */
static int skip(struct lines *l, struct wr_error *err)
{
	char *nl, *small;
	int more = 1;

	small = mem_resize(l->buf, ROOM_FIRST, 1);
	if (small) {
		l->buf = small;
		l->room = ROOM_FIRST;
	}
	l->start = l->end = l->seen = 0;
	while ((more = read_more(l, err)) > 0) {
		nl = memchr(l->buf, '\n', l->end);
		if (nl) {
			l->start = (size_t)(nl - l->buf) + 1;
			break;
		}
		l->end = 0;
	}
	return more < 0 ? more : too_long(l, err);
}

int lines_next(struct lines *l, struct wr_str *line, struct wr_error *err)
{
	char *nl;
	int more;

	*line = (struct wr_str){ 0 };
	for (;;) {
		size_t held = l->end - l->start;
		char *from = held ? l->buf + l->start : NULL;

		nl = held > l->seen
			     ? memchr(from + l->seen, '\n', held - l->seen)
			     : NULL;
		if (nl && (size_t)(nl - from) <= l->longest) {
			size_t stop = (size_t)(nl - l->buf);

			*line = take(l, stop, stop + 1);
			return 1;
		}
		l->seen = held;
		if (nl) { /* too long, and held as a whole */
			l->start = (size_t)(nl - l->buf) + 1;
			l->seen = 0;
			return too_long(l, err);
		}
		if (held > l->longest)
			return skip(l, err);
		if (l->at_end) {
			if (!held)
				return 0;
			*line = take(l, l->end, l->end);
			return 1;
		}
		more = read_more(l, err);
		if (more < 0)
			return more;
	}
}
