/*
 * json.h - JSON as the commands print it, and a check of what a user typed.
 *
 * Values are appended to a text; whatever bytes come in, valid JSON in valid
 * UTF-8 goes out.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"
#include "windrow.h"

void json_string(struct text *t, struct wr_str s);

/*
 * Members of an object: each writes a comma where one is due, then the name.
 * json_open() and json_close() write the braces.
 */
void json_open(struct text *t);
void json_close(struct text *t);
void json_name(struct text *t, const char *name);
void json_put_string(struct text *t, const char *name, struct wr_str s);
void json_put_text(struct text *t, const char *name, const char *s);
void json_put_number(struct text *t, const char *name, uint64_t value);
void json_put_real(struct text *t, const char *name, double value);
void json_put_bool(struct text *t, const char *name, bool value);
/* RFC 3339, or null for 0. */
void json_put_time(struct text *t, const char *name, int64_t us);
/* Text that is JSON already; null where it is not. */
void json_put_raw(struct text *t, const char *name, struct wr_str json);
/* An array of numbers that read back as the same floats. */
void json_put_floats(struct text *t, const char *name, const float *v,
		     size_t n);

/* Is s one JSON value (RFC 8259) and nothing else? */
bool json_is_value(struct wr_str s);

#endif
