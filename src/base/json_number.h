/*
 * json_number.h - numbers as JSON writes them, whatever the locale.
 */
#ifndef BASE_JSON_NUMBER_H
#define BASE_JSON_NUMBER_H

#include "base/buf.h"
#include "base/json_tree.h"

/*
 * Read the number that text starts with and say how many bytes it has.
 * WR_EINVAL where none stands there, WR_EDATA where it is out of range,
 * WR_ENOMEM.  What scratch holds is lost.
 */
int json_number_read(struct wr_str text, size_t *used, struct buf *scratch,
		     struct json *out);

/* The shortest text that reads back as the same number. */
void json_number_write(struct buf *b, const struct json *number);

/* The whole number that j is, be it a real, if it is one of 64 bits. */
bool json_number_whole(const struct json *j, int64_t *out);

#endif
