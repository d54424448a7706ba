/*
 * json.h - JSON, read and written.
 *
 * What the web and Python produce is read leniently: broken UTF-8, lone
 * surrogate escapes ("\ud800") and \u0000 do not fail a text, they are repaired
 * and counted.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "buf.h"
#include "windrow.h"
#include <stdbool.h>

struct json; /* a parsed value; a child lives as long as its root */

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_REAL,
	JSON_TEXT,
	JSON_LIST,
	JSON_OBJECT
};

struct json_repairs {
	uint64_t utf8; /* sequences replaced by U+FFFD */
	uint64_t nul;  /* NUL characters removed */
};

/*
 * Parse one value.  Whole numbers beyond 64 bits become reals.  WR_EDATA says
 * what is wrong and at which column.  repairs (may be NULL) is added to.
 */
int json_parse(struct json **out, struct wr_str text,
	       struct json_repairs *repairs, struct wr_error *err);
void json_free(struct json *root);

enum json_kind json_kind_of(const struct json *j);
/* Member of an object; NULL where there is none (or j is no object). */
const struct json *json_member(const struct json *j, const char *name);
size_t json_count(const struct json *j); /* of a list or object */
const struct json *json_at(const struct json *list, size_t i);
struct wr_str json_text(const struct json *j); /* NULL: no text */
bool json_int(const struct json *j, int64_t *out);
bool json_real(const struct json *j, double *out); /* of a JSON_INT too */
bool json_bool(const struct json *j, bool *out);

/* Call f for each member, in any order, until it returns nonzero. */
int json_each(const struct json *object,
	      int (*f)(struct wr_str name, const struct json *value, void *arg),
	      void *arg);

/* Are they the same value?  (1 and 1.0 are.) */
bool json_equal(const struct json *a, const struct json *b);

/* Compact, members sorted by name: equal values give equal bytes. */
void json_write(struct buf *b, const struct json *j);
/* A quoted and escaped string.  The bytes are valid UTF-8. */
void json_write_text(struct buf *b, struct wr_str s);

/*
 * The members of an object and, over them, one more text member; used where
 * something must be kept in metadata.  object may be left out.
 */
int json_with_member(struct buf *out, struct wr_str object, const char *name,
		     struct wr_str value);

#endif
