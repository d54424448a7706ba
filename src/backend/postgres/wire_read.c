/* What comes back; nothing that a server sends is read past its end. */
#include "backend/postgres/wire.h"
#include "backend/postgres/wire_bytes.h"
#include <math.h>

/* len 0 where it is NULL. */
static const char *value_of(const PGresult *res, int row, int column,
			    size_t *len)
{
	*len = 0;
	if (PQgetisnull(res, row, column))
		return NULL;
	*len = (size_t)PQgetlength(res, row, column);
	return PQgetvalue(res, row, column);
}

bool wire_is_null(const PGresult *res, int row, int column)
{
	return PQgetisnull(res, row, column);
}

struct wr_str wire_text(const PGresult *res, int row, int column)
{
	struct wr_str text;

	text.ptr = value_of(res, row, column, &text.len);
	return text;
}

struct wr_str wire_jsonb(const PGresult *res, int row, int column)
{
	struct wr_str json = wire_text(res, row, column);

	/* A column of json is sent without the number. */
	if (json.len && json.ptr[0] == 1) {
		json.ptr++;
		json.len--;
	}
	return json;
}

int64_t wire_int8(const PGresult *res, int row, int column)
{
	size_t len;
	const char *at = value_of(res, row, column, &len);

	switch (len) {
	case 8:
		return (int64_t)take64(at);
	case 4:
		return (int32_t)take32(at);
	case 2:
		return (int16_t)take16(at);
	}
	return 0;
}

int32_t wire_int4(const PGresult *res, int row, int column)
{
	int64_t value = wire_int8(res, row, column);

	return value > INT32_MAX   ? INT32_MAX
	       : value < INT32_MIN ? INT32_MIN
				   : (int32_t)value;
}

bool wire_bool(const PGresult *res, int row, int column)
{
	size_t len;
	const char *at = value_of(res, row, column, &len);

	return len == 1 && *at;
}

double wire_float8(const PGresult *res, int row, int column)
{
	size_t len;
	const char *at = value_of(res, row, column, &len);

	if (len == 8)
		return double_of_bits(take64(at));
	return len == 4 ? (double)float_of_bits(take32(at)) : 0;
}

int64_t wire_time(const PGresult *res, int row, int column)
{
	size_t len;
	const char *at = value_of(res, row, column, &len);
	int64_t us;

	if (len != 8)
		return 0;
	us = (int64_t)take64(at);
	if (us == INT64_MIN)
		return us;
	return us > INT64_MAX - WIRE_EPOCH_US ? INT64_MAX : us + WIRE_EPOCH_US;
}

/* --------------------------------------------------------------- texts -- */

static int take_texts(const char *at, const char *end, struct wr_str *out,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len;

		if (end - at < 4)
			return WR_EREMOTE;
		len = take32(at);
		at += 4;
		if (len > (size_t)(end - at))
			return WR_EREMOTE;
		out[i] = (struct wr_str){ at, len };
		at += len;
	}
	return at == end ? 0 : WR_EREMOTE;
}

int wire_texts(const PGresult *res, int row, int column, struct arena *arena,
	       struct wr_str **out, size_t *n)
{
	size_t len;
	const char *at = value_of(res, row, column, &len);
	char *copy;

	*out = NULL;
	*n = 0;
	if (!len || (len == EMPTY_HEADER && !take32(at)))
		return 0;
	if (len < ARRAY_HEADER || take32(at) != 1 || take32(at + 4) ||
	    take32(at + 12) > (len - ARRAY_HEADER) / 4)
		return WR_EREMOTE;
	*n = take32(at + 12);
	*out = arena_zalloc(arena, *n, sizeof(**out));
	copy = arena_alloc(arena, len);
	if (!*out || !copy)
		return WR_ENOMEM;
	memcpy(copy, at, len);
	return take_texts(copy + ARRAY_HEADER, copy + len, *out, *n);
}

/* ------------------------------------------------------------- vectors -- */

static float float_of_half(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;

	if (!exponent) {
		float f = (float)fraction * 0x1p-24f;

		return sign ? -f : f;
	}
	exponent = exponent == 0x1f ? 0xff : exponent + 112;
	return float_of_bits(sign | exponent << 23 | fraction << 13);
}

/* Of one dimension, without NULLs, of float8 or float4: how many, and where. */
static size_t open_floats(const char *at, size_t len, const char **first,
			  size_t *size)
{
	uint32_t element, n;

	if (len < ARRAY_HEADER || take32(at) != 1 || take32(at + 4))
		return 0;
	element = take32(at + 8);
	n = take32(at + 12);
	*size = element == OID_FLOAT8 ? 8 : element == OID_FLOAT4 ? 4 : 0;
	if (!*size || n != (len - ARRAY_HEADER) / (4 + *size) ||
	    (len - ARRAY_HEADER) % (4 + *size))
		return 0;
	*first = at + ARRAY_HEADER;
	return n;
}

static size_t open_vector(const char *at, size_t len, size_t size,
			  const char **first)
{
	size_t dim;

	if (len < VECTOR_HEADER)
		return 0;
	dim = take16(at);
	if (len != VECTOR_HEADER + dim * size)
		return 0;
	*first = at + VECTOR_HEADER;
	return dim;
}

static size_t open_any(const char *at, size_t len,
		       const struct vector_type *type, const char **first,
		       size_t *size)
{
	switch (type->kind) {
	case VECTOR_AS_ARRAY:
		return open_floats(at, len, first, size);
	case VECTOR_AS_VECTOR:
		return open_vector(at, len, 4, first);
	case VECTOR_AS_HALFVEC:
		return open_vector(at, len, 2, first);
	}
	return 0;
}

size_t wire_vector_dim(const PGresult *res, int row, int column,
		       const struct vector_type *type)
{
	const char *first;
	size_t len, size;
	const char *at = value_of(res, row, column, &len);

	return open_any(at, len, type, &first, &size);
}

static bool take_floats(const char *at, size_t size, float *out, size_t dim)
{
	for (size_t i = 0; i < dim; i++, at += 4 + size) {
		double d;

		if (take32(at) != size)
			return false;
		if (size == 4) {
			out[i] = float_of_bits(take32(at + 4));
			continue;
		}
		/* Out of a float's range the cast is not defined. */
		d = double_of_bits(take64(at + 4));
		if (!(fabs(d) <= (double)3.40282347e+38f))
			return false;
		out[i] = (float)d;
	}
	return true;
}

bool wire_vector(const PGresult *res, int row, int column,
		 const struct vector_type *type, float *out, size_t dim)
{
	const char *first;
	size_t len, size;
	const char *at = value_of(res, row, column, &len);

	if (!dim || open_any(at, len, type, &first, &size) != dim)
		return false;
	switch (type->kind) {
	case VECTOR_AS_ARRAY:
		return take_floats(first, size, out, dim);
	case VECTOR_AS_VECTOR:
		for (size_t i = 0; i < dim; i++)
			out[i] = float_of_bits(take32(first + 4 * i));
		return true;
	case VECTOR_AS_HALFVEC:
		for (size_t i = 0; i < dim; i++)
			out[i] = float_of_half(take16(first + 2 * i));
		return true;
	}
	return false;
}
