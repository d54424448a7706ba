#include "backend/postgres/literals.h"

#include "backend/postgres/wire_bytes.h"
#include "base/clock.h"
#include "base/str.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* 0001-01-01: what is before it has another spelling. */
#define YEAR_ONE_US INT64_C(-62135596800000000)

static int put_time(struct buf *out, int64_t of_wire, const char *type)
{
	char text[CLOCK_TEXT];

	if (of_wire == INT64_MIN || of_wire == INT64_MAX) {
		buf_printf(out, "'%sinfinity'::%s", of_wire < 0 ? "-" : "",
			   type);
		return 0;
	}
	if (of_wire < YEAR_ONE_US - WIRE_EPOCH_US ||
	    of_wire > INT64_MAX - WIRE_EPOCH_US)
		return WR_EBUG;
	clock_format(of_wire + WIRE_EPOCH_US, text);
	buf_printf(out, "'%s'::%s", text, type);
	return 0;
}

/* In parentheses: what stands before or behind a sign is not known here. */
static void put_number(struct buf *out, int64_t value, const char *type)
{
	buf_printf(out, "('%" PRId64 "'::%s)", value, type);
}

static int put_literal(struct buf *out, const struct params *p, int i)
{
	const char *value = p->values[i];

	switch (p->types[i]) {
	case OID_BOOL:
		buf_puts(out, *value ? "true" : "false");
		return 0;
	case OID_INT4:
		put_number(out, (int32_t)take32(value), "integer");
		return 0;
	case OID_INT8:
		put_number(out, (int64_t)take64(value), "bigint");
		return 0;
	case OID_TIMESTAMP:
		return put_time(out, (int64_t)take64(value), "timestamp");
	default:
		return put_time(out, (int64_t)take64(value), "timestamptz");
	}
}

static bool has_literal(const struct params *p, int i)
{
	switch (p->types[i]) {
	case OID_BOOL:
	case OID_INT4:
	case OID_INT8:
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ:
		return p->values[i] != NULL;
	default:
		return false;
	}
}

/* A literal or a quoted name up to its end; a doubled quote is two of them. */
static size_t length_of_quote(const char *at)
{
	const char *end = strchr(at + 1, *at);

	return end ? (size_t)(end - at) + 1 : strlen(at);
}

/* What stands at *sql, a quote or a dollar, and behind it. */
static int fill_one(struct buf *out, const char **sql, const struct params *p)
{
	const char *at = *sql;
	size_t len = *at == '$' ? 1 + strspn(at + 1, "0123456789")
				: length_of_quote(at);
	long n = *at == '$' ? strtol(at + 1, NULL, 10) : 0;

	*sql += len;
	if (*at == '$' && (n < 1 || n > p->n))
		return WR_EBUG;
	if (n && has_literal(p, (int)n - 1))
		return put_literal(out, p, (int)n - 1);
	buf_add(out, at, len);
	return 0;
}

int literals_fill(struct buf *out, const char *sql, struct params *p)
{
	int status = params_status(p);

	while (!status && *sql) {
		size_t len = strcspn(sql, "$'\"");

		buf_add(out, sql, len);
		sql += len;
		if (*sql)
			status = fill_one(out, &sql, p);
	}
	while (p->n && has_literal(p, p->n - 1))
		p->n--;
	return status ? status : buf_status(out);
}
