/* PostgreSQL's binary format, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/wire.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct vector_type as_array = { VECTOR_AS_ARRAY, OID_FLOAT8_ARRAY,
					     0 };
static const struct vector_type as_vector = { VECTOR_AS_VECTOR, 16400, 16405 };
static const struct vector_type as_halfvec = { VECTOR_AS_HALFVEC, 16401,
					       16406 };

/* ------------------------------------------------------------- helpers -- */

static void assert_bytes(const char *got, int len, const void *expected,
			 size_t expected_len)
{
	assert_int_equal(len, expected_len);
	assert_memory_equal(got, expected, expected_len);
}

/* One row whose columns are the params. */
static PGresult *echo(const struct params *p)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc columns[PARAMS_MAX] = { 0 };

	assert_int_equal(params_status(p), 0);
	assert_non_null(res);
	for (int i = 0; i < p->n; i++) {
		static char name[] = "column";

		columns[i].name = name;
		columns[i].format = 1;
		columns[i].typid = p->types[i];
	}
	assert_true(PQsetResultAttrs(res, p->n, columns));
	for (int i = 0; i < p->n; i++) {
		char *value = p->values[i] ? mem_dup(p->values[i],
						     (size_t)p->lengths[i])
					   : NULL;

		assert_int_equal(p->formats[i], 1);
		assert_true(PQsetvalue(res, 0, i, value,
				       value ? p->lengths[i] : -1));
		mem_free(value);
	}
	return res;
}

/* --------------------------------------------------------------- tests -- */

static void single_values_are_what_the_server_reads(void **state)
{
	struct arena arena = { 0 };
	struct params p;

	(void)state;
	params_init(&p, &arena);
	params_add_text(&p, str_of("h\xc3\xa9"));
	params_add_bool(&p, true);
	params_add_int4(&p, -2);
	params_add_int8(&p, INT64_C(0x0102030405060708));
	params_add_float8(&p, 1.0);
	params_add_time(&p, OID_TIMESTAMPTZ, INT64_C(946684800000001));
	params_add_jsonb(&p, str_of("{}"));
	params_add_text(&p, (struct wr_str){ NULL, 0 });
	assert_int_equal(params_status(&p), 0);
	assert_int_equal(p.n, 8);
	assert_bytes(p.values[0], p.lengths[0], "h\xc3\xa9", 3);
	assert_bytes(p.values[1], p.lengths[1], "\1", 1);
	assert_bytes(p.values[2], p.lengths[2], "\xff\xff\xff\xfe", 4);
	assert_bytes(p.values[3], p.lengths[3], "\1\2\3\4\5\6\7\10", 8);
	assert_bytes(p.values[4], p.lengths[4], "\x3f\xf0\0\0\0\0\0\0", 8);
	assert_bytes(p.values[5], p.lengths[5], "\0\0\0\0\0\0\0\1", 8);
	assert_bytes(p.values[6], p.lengths[6], "\1{}", 3);
	assert_null(p.values[7]);
	assert_int_equal(p.types[5], OID_TIMESTAMPTZ);
	assert_int_equal(p.types[7], OID_TEXT);
	arena_release(&arena);
}

static void an_empty_text_is_not_a_null(void **state)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;

	(void)state;
	params_init(&p, &arena);
	params_add_text(&p, str_of(""));
	params_add_text(&p, (struct wr_str){ NULL, 0 });
	res = echo(&p);
	assert_false(wire_is_null(res, 0, 0));
	assert_non_null(wire_text(res, 0, 0).ptr);
	assert_int_equal(wire_text(res, 0, 0).len, 0);
	assert_true(wire_is_null(res, 0, 1));
	assert_null(wire_text(res, 0, 1).ptr);
	PQclear(res);
	arena_release(&arena);
}

static void values_come_back_as_they_went(void **state)
{
	static const int64_t times[] = { 0,
					 1,
					 -1,
					 INT64_C(1700000000123456),
					 INT64_C(-62135596800000000),
					 INT64_MAX };
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;

	(void)state;
	params_init(&p, &arena);
	for (int i = 0; i < 6; i++)
		params_add_time(&p, OID_TIMESTAMP, times[i]);
	params_add_int8(&p, INT64_MIN);
	params_add_int4(&p, INT32_MIN);
	params_add_float8(&p, -0.1);
	params_add_bool(&p, false);
	params_add_jsonb(&p, str_of("{\"a\":1}"));
	params_add_time(&p, OID_TIMESTAMP, INT64_MIN);
	res = echo(&p);
	for (int i = 0; i < 6; i++)
		assert_int_equal(wire_time(res, 0, i), times[i]);
	assert_true(wire_int8(res, 0, 6) == INT64_MIN);
	assert_int_equal(wire_int4(res, 0, 7), INT32_MIN);
	assert_true(wire_int8(res, 0, 7) == INT32_MIN);
	assert_int_equal(wire_int4(res, 0, 6), INT32_MIN);
	assert_true(wire_float8(res, 0, 8) == -0.1);
	assert_false(wire_bool(res, 0, 9));
	assert_true(str_eq(wire_jsonb(res, 0, 10), str_of("{\"a\":1}")));
	assert_true(wire_time(res, 0, 11) == INT64_MIN);
	PQclear(res);
	arena_release(&arena);
}

static void an_array_says_whether_it_has_nulls(void **state)
{
	static const char with[] = "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1"
				   "\0\0\0\1a\xff\xff\xff\xff\0\0\0\0";
	static const char without[] =
		"\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1"
		"\0\0\0\x8\0\0\0\0\0\0\0\7";
	struct arena arena = { 0 };
	struct params p;
	struct array a;

	(void)state;
	params_init(&p, &arena);
	array_begin(&a, &p, OID_TEXT_ARRAY, OID_TEXT, 3, 1);
	array_put_text(&a, str_of("a"));
	array_put_null(&a);
	array_put_text(&a, str_of(""));
	array_end(&a);
	array_begin(&a, &p, OID_INT8_ARRAY, OID_INT8, 1, 8);
	array_put_int8(&a, 7);
	array_end(&a);
	assert_int_equal(params_status(&p), 0);
	assert_bytes(p.values[0], p.lengths[0], with, sizeof(with) - 1);
	assert_bytes(p.values[1], p.lengths[1], without, sizeof(without) - 1);
	assert_int_equal(p.types[0], OID_TEXT_ARRAY);
	arena_release(&arena);
}

static void an_empty_array_has_no_dimension(void **state)
{
	struct arena arena = { 0 };
	struct params p;

	(void)state;
	params_init(&p, &arena);
	params_add_texts(&p, NULL, 0);
	assert_int_equal(params_status(&p), 0);
	assert_bytes(p.values[0], p.lengths[0], "\0\0\0\0\0\0\0\0\0\0\0\x19",
		     12);
	arena_release(&arena);
}

static void room_that_was_asked_in_vain_is_not_sent(void **state)
{
	struct arena arena = { 0 };
	struct params p;
	struct array a;

	(void)state;
	params_init(&p, &arena);
	array_begin(&a, &p, OID_INT4_ARRAY, OID_INT4, 2, 1000);
	array_put_int4(&a, 1);
	array_put_int4(&a, 2);
	array_end(&a);
	array_begin(&a, &p, OID_BOOL_ARRAY, OID_BOOL, 1, 1);
	array_put_bool(&a, true);
	array_end(&a);
	assert_int_equal(params_status(&p), 0);
	assert_int_equal(p.lengths[0], 20 + 2 * 8);
	assert_int_equal(p.lengths[1], 20 + 5);
	assert_int_equal(p.bytes, 36 + 25);
	arena_release(&arena);
}

static void too_little_room_is_an_error_and_not_an_overrun(void **state)
{
	struct arena arena = { 0 };
	struct params p;
	struct array a;

	(void)state;
	params_init(&p, &arena);
	array_begin(&a, &p, OID_TEXT_ARRAY, OID_TEXT, 1, 4);
	array_put_text(&a, str_of("abcde"));
	array_end(&a);
	assert_int_equal(params_status(&p), WR_EBUG);

	params_init(&p, &arena);
	array_begin(&a, &p, OID_INT4_ARRAY, OID_INT4, 1, 100);
	array_put_int4(&a, 1);
	array_put_int4(&a, 2);
	array_end(&a);
	assert_int_equal(params_status(&p), WR_EBUG);

	params_init(&p, &arena);
	array_begin(&a, &p, OID_INT4_ARRAY, OID_INT4, 2, 8);
	array_put_int4(&a, 1);
	array_end(&a);
	assert_int_equal(params_status(&p), WR_EBUG);
	arena_release(&arena);
}

static void over_a_gigabyte_is_refused_before_it_is_built(void **state)
{
	struct arena arena = { 0 };
	struct params p;
	struct array a;
	struct wr_str huge = { "", (size_t)1 << 40 };

	(void)state;
	params_init(&p, &arena);
	params_add_texts(&p, &huge, 1);
	assert_int_equal(params_status(&p), WR_EDATA);
	params_init(&p, &arena);
	params_add_text(&p, huge);
	assert_int_equal(params_status(&p), WR_EDATA);
	params_init(&p, &arena);
	array_begin(&a, &p, OID_TEXT_ARRAY, OID_TEXT, SIZE_MAX / 2, 0);
	array_put_text(&a, str_of("a"));
	array_end(&a);
	assert_int_equal(params_status(&p), WR_EDATA);
	arena_release(&arena);
}

static void more_parameters_than_there_is_room_for_are_an_error(void **state)
{
	struct arena arena = { 0 };
	struct params p;

	(void)state;
	params_init(&p, &arena);
	for (int i = 0; i < PARAMS_MAX; i++)
		params_add_int4(&p, i);
	assert_int_equal(params_status(&p), 0);
	params_add_int4(&p, 0);
	assert_int_equal(params_status(&p), WR_EBUG);
	params_add_text(&p, (struct wr_str){ NULL, 0 });
	assert_int_equal(p.n, PARAMS_MAX);
	arena_release(&arena);
}

static bool no_memory(void *arg)
{
	(void)arg;
	return false;
}

static void no_memory_is_told_at_the_end(void **state)
{
	struct arena arena = { 0 };
	struct params p;
	struct array a;
	float v[4] = { 0 };

	(void)state;
	params_init(&p, &arena);
	mem_set_gate(no_memory, NULL);
	params_add_text(&p, str_of("a"));
	array_begin(&a, &p, 16405, 16400, 1, 100);
	array_put_vector(&a, &as_vector, v, 4);
	array_put_null(&a);
	array_end(&a);
	params_add_vector(&p, &as_halfvec, v, 4);
	mem_set_gate(NULL, NULL);
	assert_int_equal(params_status(&p), WR_ENOMEM);
	assert_int_equal(p.n, 0);
	arena_release(&arena);
}

static void a_vector_looks_as_pgvector_wants_it(void **state)
{
	static const float v[3] = { 1.0f, -2.0f, 0.1f };
	struct arena arena = { 0 };
	struct params p;

	(void)state;
	params_init(&p, &arena);
	params_add_vector(&p, &as_vector, v, 3);
	params_add_vector(&p, &as_halfvec, v, 3);
	params_add_vector(&p, &as_array, v, 1);
	params_add_vector(&p, &as_array, v, 0);
	params_add_vector(&p, &as_vector, NULL, 3);
	assert_int_equal(params_status(&p), 0);
	assert_bytes(p.values[0], p.lengths[0],
		     "\0\3\0\0\x3f\x80\0\0\xc0\0\0\0\x3d\xcc\xcc\xcd", 16);
	assert_bytes(p.values[1], p.lengths[1], "\0\3\0\0\x3c\0\xc0\0\x2e\x66",
		     10);
	assert_bytes(p.values[2], p.lengths[2],
		     "\0\0\0\1\0\0\0\0\0\0\2\xbd\0\0\0\1\0\0\0\1"
		     "\0\0\0\x8\x3f\xf0\0\0\0\0\0\0",
		     32);
	assert_int_equal(p.lengths[3], 12);
	assert_null(p.values[4]);
	assert_int_equal(p.types[4], as_vector.oid);
	arena_release(&arena);
}

static void vectors_come_back_as_they_went(void **state)
{
	static const struct vector_type *const types[] = { &as_array,
							   &as_vector,
							   &as_halfvec };
	struct arena arena = { 0 };
	struct params p;
	float v[257], w[257];
	PGresult *res;

	(void)state;
	for (int i = 0; i < 257; i++)
		v[i] = (float)(i - 128) / 64; /* halves hold these exactly */
	params_init(&p, &arena);
	for (int i = 0; i < 3; i++)
		params_add_vector(&p, types[i], v, 257);
	res = echo(&p);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wire_vector_dim(res, 0, i, types[i]), 257);
		memset(w, 0xff, sizeof(w));
		assert_true(wire_vector(res, 0, i, types[i], w, 257));
		assert_memory_equal(v, w, sizeof(v));
		assert_false(wire_vector(res, 0, i, types[i], w, 256));
		assert_false(wire_vector(res, 0, i, types[i], w, 258));
	}
	PQclear(res);
	arena_release(&arena);
}

static void arrays_of_vectors_are_flat_where_vectors_are_arrays(void **state)
{
	static const struct vector_type *const types[] = { &as_array,
							   &as_vector,
							   &as_halfvec };
	static const int lengths[] = { 20 + 4 * 12, 20 + 2 * (4 + 4 + 8),
				       20 + 2 * (4 + 4 + 4) };
	static const float v[4] = { 1, 2, 3, 4 };
	struct arena arena = { 0 };
	struct params p;
	float w[4];
	PGresult *res;

	(void)state;
	params_init(&p, &arena);
	for (int i = 0; i < 3; i++) {
		struct array a;

		array_begin(&a, &p, types[i]->array_oid,
			    vector_element_oid(types[i]),
			    2 * vector_elements(types[i], 2),
			    2 * vector_bytes(types[i], 2));
		array_put_vector(&a, types[i], v, 2);
		array_put_vector(&a, types[i], v + 2, 2);
		array_end(&a);
		assert_int_equal(params_status(&p), 0);
		assert_int_equal(p.lengths[i], lengths[i]);
	}
	res = echo(&p);
	assert_int_equal(wire_vector_dim(res, 0, 0, &as_array), 4);
	assert_true(wire_vector(res, 0, 0, &as_array, w, 4));
	assert_memory_equal(v, w, sizeof(v));
	PQclear(res);
	arena_release(&arena);
}

/* The nearest half by trying them all, ties to the even one. */
static double nearest_half(const double *halves, float f)
{
	int best = 0;

	for (int i = 1; i < 0x7c00; i++) {
		double new = fabs(halves[i] - fabs((double)f));
		double old = fabs(halves[best] - fabs((double)f));

		if (new < old || (new == old &&i % 2 == 0))
			best = i;
	}
	return f < 0 ? -halves[best] : halves[best];
}

static void halves_are_rounded_to_the_nearest(void **state)
{
	static double halves[0x7c00];
	static const float hard[] = { 0.0f,	    -0.0f,	  1.0f,
				      65504.0f,	    65519.0f,	  0x1p-14f,
				      0x1p-24f,	    0x1p-25f,	  0x1.8p-25f,
				      0x1p-26f,	    2049.0f,	  2051.0f,
				      0x1.ffcp-15f, 0x1.ffep-15f, 1e-30f };
	struct rand_state rand;
	struct arena arena = { 0 };

	(void)state;
	for (int i = 0; i < 0x7c00; i++)
		halves[i] = i < 0x400
				    ? ldexp(i, -24)
				    : ldexp(0x400 + i % 0x400, i / 0x400 - 25);
	rand = (struct rand_state){ 4711 };
	for (size_t i = 0; i < 300 + sizeof(hard) / sizeof(hard[0]); i++) {
		struct params p;
		PGresult *res;
		float f, back;

		if (i < sizeof(hard) / sizeof(hard[0]))
			f = hard[i];
		else
			f = (float)ldexp((double)(rand_next(&rand) >> 40),
					 -(int)(rand_next(&rand) % 50));
		if (f > 65519)
			continue;
		params_init(&p, &arena);
		params_add_vector(&p, &as_halfvec, &f, 1);
		res = echo(&p);
		assert_true(wire_vector(res, 0, 0, &as_halfvec, &back, 1));
		if ((double)back != nearest_half(halves, f))
			fail_msg("seed 4711: %a became %a, not %a", (double)f,
				 (double)back, nearest_half(halves, f));
		PQclear(res);
	}
	arena_release(&arena);
}

static void too_great_for_a_half_is_infinite(void **state)
{
	static const float v[] = { 65520.0f, -1e30f, INFINITY, NAN };
	struct arena arena = { 0 };
	struct params p;
	float w[4];
	PGresult *res;

	(void)state;
	params_init(&p, &arena);
	params_add_vector(&p, &as_halfvec, v, 4);
	res = echo(&p);
	assert_true(wire_vector(res, 0, 0, &as_halfvec, w, 4));
	assert_true(isinf(w[0]) && w[0] > 0);
	assert_true(isinf(w[1]) && w[1] < 0);
	assert_true(isinf(w[2]));
	assert_true(isnan(w[3]));
	PQclear(res);
	arena_release(&arena);
}

/* Whatever a server, or who sits in between, sends: no read past its end. */
static void broken_vectors_are_none(void **state)
{
	static const float v[3] = { 1, 2, 3 };
	struct arena arena = { 0 };
	struct rand_state rand;

	(void)state;
	rand = (struct rand_state){ 42 };
	for (int round = 0; round < 3000; round++) {
		const struct vector_type *type = round % 3 == 0	  ? &as_array
						 : round % 3 == 1 ? &as_vector
								  : &as_halfvec;
		struct params p;
		PGresult *res;
		float w[3];
		size_t dim;
		char *exact;

		params_init(&p, &arena);
		params_add_vector(&p, type, v, 3);
		p.lengths[0] =
			(int)(rand_next(&rand) % (uint64_t)(p.lengths[0] + 1));
		exact = mem_dup(p.values[0], (size_t)p.lengths[0]);
		for (int i = 0; i < 2 && p.lengths[0]; i++)
			exact[rand_next(&rand) % (uint64_t)p.lengths[0]] =
				(char)rand_next(&rand);
		p.values[0] = exact;
		res = echo(&p);
		dim = wire_vector_dim(res, 0, 0, type);
		if (dim > (size_t)p.lengths[0] / 2)
			fail_msg("seed 42, round %d: %zu floats in %d bytes",
				 round, dim, p.lengths[0]);
		(void)wire_vector(res, 0, 0, type, w, 3);
		PQclear(res);
		mem_free(exact);
	}
	arena_release(&arena);
}

static void a_double_beyond_a_float_is_no_vector(void **state)
{
	static const float one = 1;
	struct arena arena = { 0 };
	struct params p;
	struct array a;
	float w[1];
	PGresult *res;
	char *value;

	(void)state;
	params_init(&p, &arena);
	array_begin(&a, &p, OID_FLOAT8_ARRAY, OID_FLOAT8, 1, 8);
	array_put_vector(&a, &as_array, &one, 1);
	array_end(&a);
	value = mem_dup(p.values[0], (size_t)p.lengths[0]);
	memcpy(value + 24, "\x7e\x37\xe4\x3c\x88\0\x75\x9c", 8); /* 1e300 */
	p.values[0] = value;
	res = echo(&p);
	assert_int_equal(wire_vector_dim(res, 0, 0, &as_array), 1);
	assert_false(wire_vector(res, 0, 0, &as_array, w, 1));
	PQclear(res);
	mem_free(value);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_values_are_what_the_server_reads),
		cmocka_unit_test(an_empty_text_is_not_a_null),
		cmocka_unit_test(values_come_back_as_they_went),
		cmocka_unit_test(an_array_says_whether_it_has_nulls),
		cmocka_unit_test(an_empty_array_has_no_dimension),
		cmocka_unit_test(room_that_was_asked_in_vain_is_not_sent),
		cmocka_unit_test(
			too_little_room_is_an_error_and_not_an_overrun),
		cmocka_unit_test(over_a_gigabyte_is_refused_before_it_is_built),
		cmocka_unit_test(
			more_parameters_than_there_is_room_for_are_an_error),
		cmocka_unit_test(no_memory_is_told_at_the_end),
		cmocka_unit_test(a_vector_looks_as_pgvector_wants_it),
		cmocka_unit_test(vectors_come_back_as_they_went),
		cmocka_unit_test(
			arrays_of_vectors_are_flat_where_vectors_are_arrays),
		cmocka_unit_test(halves_are_rounded_to_the_nearest),
		cmocka_unit_test(too_great_for_a_half_is_infinite),
		cmocka_unit_test(broken_vectors_are_none),
		cmocka_unit_test(a_double_beyond_a_float_is_no_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
