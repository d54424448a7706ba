/*
 * lines.h - an input taken apart into lines.
 *
 * Memory is bounded by the longest line that is allowed: a longer one is
 * refused, and skipped without being held.
 */
#ifndef FORMAT_LINES_H
#define FORMAT_LINES_H

#include "format/input.h"
#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero before first use. */
struct lines {
	struct input *in; /* borrowed */
	size_t longest;	  /* bytes a line may have */
	uint64_t number;  /* of the line taken last, from 1 */

	/* What was read: buf[start .. end), of which seen bytes are known to
	 * hold no line feed. */
	char *buf;
	size_t room, start, end, seen;
	bool at_end;
};

void lines_init(struct lines *l, struct input *in, size_t longest);
void lines_release(struct lines *l);

/*
 * Take the next line, without its end and without a byte order mark: 1, or 0
 * at the end.  It stays until the next call.  WR_EDATA: a line that is too
 * long; the next call goes on behind it.  Other errors come from the input and
 * are final; a line that one of them cuts short is not delivered.
 */
int lines_next(struct lines *l, struct wr_str *line, struct wr_error *err);

#endif
