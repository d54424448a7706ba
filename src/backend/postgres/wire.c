#include "backend/postgres/wire.h"

#include "base/str.h"
#include <math.h>
#include <string.h>

/* PostgreSQL counts from 2000-01-01; its infinities are the extremes. */
static const int64_t epoch_us = INT64_C(946684800000000);

/*
 * A message to the server, all parameters together, must stay under what it
 * allocates in one piece; the rest is for the statement and the lengths.
 */
static const size_t bytes_max = ((size_t)1 << 30) - ((size_t)1 << 20);

enum {
	ARRAY_HEADER = 20, /* of one dimension */
	EMPTY_HEADER = 12, /* of none */
	VECTOR_HEADER = 4  /* of vector and halfvec: int16 dim, int16 unused */
};

/* ---------------------------------------------------------- big-endian -- */

static char *put16(char *at, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(at, &v, 2);
	return at + 2;
}

static char *put32(char *at, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(at, &v, 4);
	return at + 4;
}

static char *put64(char *at, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(at, &v, 8);
	return at + 8;
}

static uint16_t take16(const char *at)
{
	uint16_t v;

	memcpy(&v, at, 2);
	return __builtin_bswap16(v);
}

static uint32_t take32(const char *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return __builtin_bswap32(v);
}

static uint64_t take64(const char *at)
{
	uint64_t v;

	memcpy(&v, at, 8);
	return __builtin_bswap64(v);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire's numbers are swapped for little-endian machines"
#endif

static uint64_t bits_of_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, 8);
	return bits;
}

static double double_of_bits(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, 8);
	return d;
}

static uint32_t bits_of_float(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, 4);
	return bits;
}

static float float_of_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, 4);
	return f;
}

/* --------------------------------------------------------- half floats -- */

/* Round to nearest, ties to even; what is too great becomes infinite. */
static uint16_t half_of_float(float f)
{
	uint32_t bits = bits_of_float(f);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);

	bits &= 0x7fffffff;
	if (bits >= 0x47800000) /* 2^16 and over */
		return sign | (bits > 0x7f800000 ? 0x7e00 : 0x7c00);
	if (bits < 0x38800000) { /* under 2^-14: adding 0.5 rounds it */
		uint32_t sum = bits_of_float(float_of_bits(bits) + 0.5f);

		return sign | (uint16_t)(sum - 0x3f000000);
	}
	bits += 0xc8000fff + (bits >> 13 & 1); /* exponent - 112, rounding */
	return sign | (uint16_t)(bits >> 13);
}

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

/* -------------------------------------------------------------- params -- */

void params_init(struct params *p, struct arena *arena)
{
	memset(p, 0, sizeof(*p));
	p->arena = arena;
}

int params_status(const struct params *p)
{
	return p->status;
}

static void fail(struct params *p, int status)
{
	if (!p->status)
		p->status = status;
}

/* The next parameter, of len bytes; NULL where there is no room for it. */
static char *next_value(struct params *p, Oid type, size_t len)
{
	char *value;

	if (p->n == PARAMS_MAX)
		fail(p, WR_EBUG);
	else if (len > bytes_max || p->bytes > bytes_max - len)
		fail(p, WR_EDATA);
	if (p->status)
		return NULL;
	value = arena_alloc(p->arena, len ? len : 1);
	if (!value) {
		fail(p, WR_ENOMEM);
		return NULL;
	}
	p->types[p->n] = type;
	p->values[p->n] = value;
	p->lengths[p->n] = (int)len;
	p->formats[p->n] = 1;
	return value;
}

static void end_value(struct params *p)
{
	p->bytes += (size_t)p->lengths[p->n];
	p->n++;
}

static void add_null(struct params *p, Oid type)
{
	if (p->n == PARAMS_MAX)
		fail(p, WR_EBUG);
	if (p->status)
		return;
	p->types[p->n] = type;
	p->values[p->n] = NULL;
	p->lengths[p->n] = 0;
	p->formats[p->n++] = 1;
}

static void add_string(struct params *p, Oid type, struct wr_str s)
{
	char *at;

	if (!s.ptr) {
		add_null(p, type);
		return;
	}
	at = next_value(p, type, s.len);
	if (!at)
		return;
	if (s.len)
		memcpy(at, s.ptr, s.len);
	end_value(p);
}

void params_add_text(struct params *p, struct wr_str text)
{
	add_string(p, OID_TEXT, text);
}

void params_add_bytes(struct params *p, struct wr_str bytes)
{
	add_string(p, OID_BYTEA, bytes);
}

void params_add_bool(struct params *p, bool value)
{
	char *at = next_value(p, OID_BOOL, 1);

	if (!at)
		return;
	*at = value;
	end_value(p);
}

void params_add_int4(struct params *p, int32_t value)
{
	char *at = next_value(p, OID_INT4, 4);

	if (!at)
		return;
	put32(at, (uint32_t)value);
	end_value(p);
}

static void add_64(struct params *p, Oid type, uint64_t value)
{
	char *at = next_value(p, type, 8);

	if (!at)
		return;
	put64(at, value);
	end_value(p);
}

void params_add_int8(struct params *p, int64_t value)
{
	add_64(p, OID_INT8, (uint64_t)value);
}

void params_add_float8(struct params *p, double value)
{
	add_64(p, OID_FLOAT8, bits_of_double(value));
}

static uint64_t time_to_wire(int64_t us)
{
	if (us == INT64_MAX)
		return (uint64_t)us;
	if (us < INT64_MIN + epoch_us)
		return (uint64_t)INT64_MIN;
	return (uint64_t)(us - epoch_us);
}

void params_add_time(struct params *p, Oid type, int64_t us)
{
	add_64(p, type, time_to_wire(us));
}

/* jsonb is sent as the number of its format, 1, and its text. */
static char *put_jsonb(char *at, struct wr_str json)
{
	*at++ = 1;
	if (json.len)
		memcpy(at, json.ptr, json.len);
	return at + json.len;
}

void params_add_jsonb(struct params *p, struct wr_str json)
{
	char *at;

	if (!json.ptr) {
		add_null(p, OID_JSONB);
		return;
	}
	at = next_value(p, OID_JSONB,
			json.len < bytes_max ? json.len + 1 : json.len);
	if (!at)
		return;
	put_jsonb(at, json);
	end_value(p);
}

/* ------------------------------------------------------------- vectors -- */

static char *put_vector(char *at, const float *vector, size_t dim)
{
	at = put16(at, (uint16_t)dim);
	at = put16(at, 0);
	for (size_t i = 0; i < dim; i++)
		at = put32(at, bits_of_float(vector[i]));
	return at;
}

static char *put_halfvec(char *at, const float *vector, size_t dim)
{
	at = put16(at, (uint16_t)dim);
	at = put16(at, 0);
	for (size_t i = 0; i < dim; i++)
		at = put16(at, half_of_float(vector[i]));
	return at;
}

/* Elements of a double precision[], each behind its length. */
static char *put_float8s(char *at, const float *vector, size_t dim)
{
	for (size_t i = 0; i < dim; i++) {
		at = put32(at, 8);
		at = put64(at, bits_of_double((double)vector[i]));
	}
	return at;
}

static char *put_array_header(char *at, Oid element, size_t n)
{
	at = put32(at, n ? 1 : 0); /* dimensions */
	at = put32(at, 0);	   /* no NULLs */
	at = put32(at, element);
	if (n) {
		at = put32(at, (uint32_t)n);
		at = put32(at, 1); /* the first index */
	}
	return at;
}

size_t vector_bytes(const struct vector_type *type, size_t dim)
{
	switch (type->kind) {
	case VECTOR_AS_ARRAY:
		return 8 * dim;
	case VECTOR_AS_VECTOR:
		return VECTOR_HEADER + 4 * dim;
	case VECTOR_AS_HALFVEC:
		return VECTOR_HEADER + 2 * dim;
	}
	return 0;
}

size_t vector_elements(const struct vector_type *type, size_t dim)
{
	return type->kind == VECTOR_AS_ARRAY ? dim : 1;
}

Oid vector_element_oid(const struct vector_type *type)
{
	return type->kind == VECTOR_AS_ARRAY ? OID_FLOAT8 : type->oid;
}

void params_add_vector(struct params *p, const struct vector_type *type,
		       const float *vector, size_t dim)
{
	char *at;

	if (!vector) {
		add_null(p, type->oid);
		return;
	}
	if (dim > UINT16_MAX) {
		fail(p, WR_EBUG);
		return;
	}
	at = next_value(p, type->oid,
			type->kind == VECTOR_AS_ARRAY
				? ARRAY_HEADER + 12 * dim
				: vector_bytes(type, dim));
	if (!at)
		return;
	if (type->kind == VECTOR_AS_ARRAY) {
		if (!dim)
			p->lengths[p->n] = EMPTY_HEADER;
		at = put_array_header(at, OID_FLOAT8, dim);
		put_float8s(at, vector, dim);
	} else if (type->kind == VECTOR_AS_VECTOR) {
		put_vector(at, vector, dim);
	} else {
		put_halfvec(at, vector, dim);
	}
	end_value(p);
}

/* -------------------------------------------------------------- arrays -- */

void array_begin(struct array *a, struct params *p, Oid type, Oid element,
		 size_t n, size_t bytes)
{
	size_t len;

	memset(a, 0, sizeof(*a));
	a->params = p;
	if (n > bytes_max / 4 || bytes > bytes_max) {
		fail(p, WR_EDATA);
		return;
	}
	len = ARRAY_HEADER + 4 * n + bytes;
	a->at = next_value(p, type, len);
	if (!a->at)
		return;
	a->end = a->at + len;
	a->nulls = a->at + 4;
	a->left = n;
	a->at = put_array_header(a->at, element, n);
}

/* Where the next element's len bytes go; NULL: nowhere. */
static char *next_element(struct array *a, size_t len)
{
	char *at = a->at;

	if (a->params->status)
		return NULL;
	if (!a->left || (size_t)(a->end - at) < 4 ||
	    (size_t)(a->end - at) - 4 < len) {
		fail(a->params, WR_EBUG);
		return NULL;
	}
	at = put32(at, (uint32_t)len);
	a->at = at + len;
	a->left--;
	return at;
}

void array_put_null(struct array *a)
{
	if (!next_element(a, 0))
		return;
	put32(a->at - 4, UINT32_MAX);
	put32(a->nulls, 1);
}

void array_put_text(struct array *a, struct wr_str text)
{
	char *at;

	if (!text.ptr) {
		array_put_null(a);
		return;
	}
	at = next_element(a, text.len);
	if (at && text.len)
		memcpy(at, text.ptr, text.len);
}

void array_put_jsonb(struct array *a, struct wr_str json)
{
	char *at;

	if (!json.ptr) {
		array_put_null(a);
		return;
	}
	at = next_element(a, json.len + 1);
	if (at)
		put_jsonb(at, json);
}

static void put_element_64(struct array *a, uint64_t value)
{
	char *at = next_element(a, 8);

	if (at)
		put64(at, value);
}

void array_put_int8(struct array *a, int64_t value)
{
	put_element_64(a, (uint64_t)value);
}

void array_put_int4(struct array *a, int32_t value)
{
	char *at = next_element(a, 4);

	if (at)
		put32(at, (uint32_t)value);
}

void array_put_bool(struct array *a, bool value)
{
	char *at = next_element(a, 1);

	if (at)
		*at = value;
}

void array_put_time(struct array *a, int64_t us)
{
	put_element_64(a, time_to_wire(us));
}

/* Many elements at once: room for all of them is asked for here. */
static void put_flat(struct array *a, const float *vector, size_t dim)
{
	if (a->params->status)
		return;
	if (a->left < dim || (size_t)(a->end - a->at) / 12 < dim) {
		fail(a->params, WR_EBUG);
		return;
	}
	a->at = put_float8s(a->at, vector, dim);
	a->left -= dim;
}

void array_put_vector(struct array *a, const struct vector_type *type,
		      const float *vector, size_t dim)
{
	char *at;

	if (dim > UINT16_MAX) {
		fail(a->params, WR_EBUG);
		return;
	}
	if (type->kind == VECTOR_AS_ARRAY) {
		put_flat(a, vector, dim);
		return;
	}
	at = next_element(a, vector_bytes(type, dim));
	if (!at)
		return;
	if (type->kind == VECTOR_AS_VECTOR)
		put_vector(at, vector, dim);
	else
		put_halfvec(at, vector, dim);
}

void array_end(struct array *a)
{
	struct params *p = a->params;

	if (p->status)
		return;
	if (a->left) {
		fail(p, WR_EBUG);
		return;
	}
	p->lengths[p->n] = (int)(a->at - p->values[p->n]);
	end_value(p);
}

void params_add_texts(struct params *p, const struct wr_str *texts, size_t n)
{
	struct array a;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = texts[i].ptr ? texts[i].len : 0;

		if (len > bytes_max - bytes) {
			fail(p, WR_EDATA);
			return;
		}
		bytes += len;
	}
	array_begin(&a, p, OID_TEXT_ARRAY, OID_TEXT, n, bytes);
	for (size_t i = 0; i < n; i++)
		array_put_text(&a, texts[i]);
	array_end(&a);
}

/* ------------------------------------------------------------- reading -- */

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
	return us > INT64_MAX - epoch_us ? INT64_MAX : us + epoch_us;
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
