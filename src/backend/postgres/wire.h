/*
 * wire.h - values on their way to PostgreSQL and back, in its binary format.
 *
 * Pure: no connection is needed to test it.  What params hold lives in their
 * arena or is borrowed, until the statement has been sent.  Times are
 * microseconds since 1970 here and since 2000 there; timestamp (taken as UTC)
 * and timestamptz look the same.
 */
#ifndef BACKEND_POSTGRES_WIRE_H
#define BACKEND_POSTGRES_WIRE_H

#include "base/arena.h"
#include "windrow.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* Types with numbers of their own, as in PostgreSQL's catalog. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_BOOL_ARRAY = 1000,
	OID_BYTEA_ARRAY = 1001,
	OID_INT4_ARRAY = 1007,
	OID_TEXT_ARRAY = 1009,
	OID_INT8_ARRAY = 1016,
	OID_FLOAT8_ARRAY = 1022,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMP_ARRAY = 1115,
	OID_TIMESTAMPTZ = 1184,
	OID_TIMESTAMPTZ_ARRAY = 1185,
	OID_JSONB = 3802,
	OID_JSONB_ARRAY = 3807
};

/* How vectors are stored. */
enum vector_kind {
	VECTOR_AS_ARRAY,  /* double precision[] */
	VECTOR_AS_VECTOR, /* pgvector's vector */
	VECTOR_AS_HALFVEC /* pgvector's halfvec */
};

struct vector_type {
	enum vector_kind kind;
	Oid oid, array_oid;
};

enum { PARAMS_MAX = 24 };

/* Once failed, adding does nothing: ask at the end, with params_status(). */
struct params {
	struct arena *arena;
	int n;
	Oid types[PARAMS_MAX];
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX];
	int formats[PARAMS_MAX]; /* all 1: binary */
	size_t bytes;
	int status; /* 0, WR_ENOMEM, WR_EDATA: over 1 GB, or WR_EBUG */
};

void params_init(struct params *p, struct arena *arena);
int params_status(const struct params *p);

/* Each adds one parameter, $1 first.  Texts with ptr NULL are NULL. */
void params_add_text(struct params *p, struct wr_str text);
void params_add_bytes(struct params *p, struct wr_str bytes); /* bytea */
void params_add_bool(struct params *p, bool value);
void params_add_int4(struct params *p, int32_t value);
void params_add_int8(struct params *p, int64_t value);
void params_add_float8(struct params *p, double value);
void params_add_time(struct params *p, Oid type, int64_t us);
void params_add_jsonb(struct params *p, struct wr_str json);
void params_add_vector(struct params *p, const struct vector_type *type,
		       const float *vector, size_t dim);

/*
 * An array of n elements, put one after the other.  bytes is how long they are
 * in all, without the four bytes of length that each has: too small a number is
 * an error, too great a one a waste.
 */
struct array {
	struct params *params;
	char *at, *end;
	char *nulls; /* where the header says whether there are any */
	size_t left; /* elements that are still to come */
};

void array_begin(struct array *a, struct params *p, Oid type, Oid element,
		 size_t n, size_t bytes);
void array_put_text(struct array *a, struct wr_str text);  /* bytea too */
void array_put_jsonb(struct array *a, struct wr_str json); /* 1 byte more */
void array_put_int8(struct array *a, int64_t value);
void array_put_int4(struct array *a, int32_t value);
void array_put_bool(struct array *a, bool value);
void array_put_time(struct array *a, int64_t us);
/*
 * Vectors side by side: element vector_element_oid(type), n of
 * vector_elements() for each, and vector_bytes() for each.  unnest() cannot
 * take an array of arrays apart, so VECTOR_AS_ARRAY makes one flat array of
 * float8, of which statements take slices.
 */
void array_put_vector(struct array *a, const struct vector_type *type,
		      const float *vector, size_t dim);
void array_put_null(struct array *a);
void array_end(struct array *a);

size_t vector_bytes(const struct vector_type *type, size_t dim);
size_t vector_elements(const struct vector_type *type, size_t dim);
Oid vector_element_oid(const struct vector_type *type);

/* A whole array of texts: the commonest of all. */
void params_add_texts(struct params *p, const struct wr_str *texts, size_t n);

/* Reading; NULL is 0, false, or a text with ptr NULL.  Borrowed from res. */
bool wire_is_null(const PGresult *res, int row, int column);
struct wr_str wire_text(const PGresult *res, int row, int column);
struct wr_str wire_jsonb(const PGresult *res, int row, int column);
int64_t wire_int8(const PGresult *res, int row, int column);
int32_t wire_int4(const PGresult *res, int row, int column);
bool wire_bool(const PGresult *res, int row, int column);
double wire_float8(const PGresult *res, int row, int column); /* float4 too */
int64_t wire_time(const PGresult *res, int row, int column);
/*
 * An array of texts, copied into arena: 0, WR_ENOMEM, or WR_EREMOTE where it is
 * none.  NULL is an empty one.
 */
int wire_texts(const PGresult *res, int row, int column, struct arena *arena,
	       struct wr_str **out, size_t *n);
/* How many floats a vector column has; 0 where it is none, or broken. */
size_t wire_vector_dim(const PGresult *res, int row, int column,
		       const struct vector_type *type);
/* The floats themselves; false where they are not dim. */
bool wire_vector(const PGresult *res, int row, int column,
		 const struct vector_type *type, float *out, size_t dim);

#endif
