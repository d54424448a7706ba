#include "backend/postgres/wire.h"

#include "backend/postgres/wire_bytes.h"
#include <string.h>

/*
 * A message to the server, all parameters together, must stay under what it
 * allocates in one piece; the rest is for the statement and the lengths.
 */
static const size_t bytes_max = ((size_t)1 << 30) - ((size_t)1 << 20);

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
	if (us < INT64_MIN + WIRE_EPOCH_US)
		return (uint64_t)INT64_MIN;
	return (uint64_t)(us - WIRE_EPOCH_US);
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
