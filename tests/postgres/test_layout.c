/* The statements that a layout makes, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/layout.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

static struct layout of(enum vector_kind kind, uint32_t column_dim,
			uint32_t dim)
{
	struct layout l = {
		.schema = "s",
		.table = "t",
		.exists = true,
		.language = "english",
		.vector = { kind, 1, 2 },
		.column_dim = column_dim,
		.dim = dim,
		.time_oid = OID_TIMESTAMPTZ,
		.has_pgvector = true,
		.pgvector_schema = "public",
		.vector_oid = 11,
		.vector_array_oid = 12,
		.halfvec_oid = 13,
		.halfvec_array_oid = 14,
	};

	return l;
}

static void assert_filled(struct layout *l, const char *sql,
			  const char *expected)
{
	struct wr_error err;
	struct buf out = { 0 };

	if (layout_render(l, &err))
		fail_msg("rendering: %s", err.message);
	assert_int_equal(layout_fill(l, &out, sql), 0);
	layout_release(l);
	assert_string_equal(out.len ? out.ptr : "", expected);
	buf_release(&out);
}

static void name_it(char *to, size_t size, const char *name)
{
	snprintf(to, size, "%s", name);
}

static void names_are_quoted_whatever_is_in_them(void **state)
{
	struct layout l = of(VECTOR_AS_ARRAY, 0, 0);

	(void)state;
	name_it(l.schema, sizeof(l.schema), "a\"b");
	name_it(l.table, sizeof(l.table), "c'd:table");
	assert_filled(&l, ":table :meta :schema :index_stale",
		      "\"a\"\"b\".\"c'd:table\" "
		      "\"a\"\"b\".\"c'd:table_windrow\" \"a\"\"b\" "
		      "\"c'd:table_stale\"");
}

static void what_is_quoted_or_cast_is_no_variable(void **state)
{
	struct layout l = of(VECTOR_AS_ARRAY, 0, 7);

	(void)state;
	assert_filled(&l, "x::dim ':dim' \":dim\" 'a'':dim' [1 : :dim] ::text",
		      "x::dim ':dim' \":dim\" 'a'':dim' [1 : 7] ::text");
}

static void an_unknown_variable_is_a_bug_and_no_crash(void **state)
{
	struct layout l = of(VECTOR_AS_ARRAY, 0, 0);
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(layout_fill(&l, &out, "SELECT :no_such_thing"),
			 WR_EBUG);
	buf_clear(&out);
	assert_int_equal(layout_fill(&l, &out, "SELECT 'open"), 0);
	assert_string_equal(out.ptr, "SELECT 'open");
	buf_release(&out);
}

static void a_language_may_have_a_schema_and_odd_letters(void **state)
{
	struct layout l = of(VECTOR_AS_ARRAY, 0, 0);

	(void)state;
	assert_filled(&l, ":language", "'pg_catalog.\"english\"'::regconfig");
	name_it(l.language, sizeof(l.language), "my'own.la\"ng");
	assert_filled(&l, ":language", "'\"my''own\".\"la\"\"ng\"'::regconfig");
}

static void a_vector_is_compared_as_its_column_has_it(void **state)
{
	struct layout l = of(VECTOR_AS_VECTOR, 384, 384);

	(void)state;
	assert_filled(&l, ":d_vector :index_vector :query_vector :embedding",
		      "d.embedding embedding \"public\".vector "
		      "\"public\".vector(384)");
	l = of(VECTOR_AS_HALFVEC, 3072, 3072);
	assert_filled(&l, ":d_vector :query_vector :cosine :vector_ops",
		      "d.embedding \"public\".halfvec "
		      "OPERATOR(\"public\".<=>) "
		      "\"public\".halfvec_cosine_ops");
}

static void a_vector_over_2000_dimensions_is_compared_as_halves(void **state)
{
	struct layout l = of(VECTOR_AS_VECTOR, 2001, 2001);

	(void)state;
	assert_filled(&l, ":d_vector :query_vector",
		      "(\"public\".l2_normalize(d.embedding)"
		      "::\"public\".halfvec(2001)) "
		      "\"public\".halfvec");
	assert_int_equal(l.query.oid, 13);
	l = of(VECTOR_AS_VECTOR, 2000, 2000);
	assert_filled(&l, ":d_vector", "d.embedding");
	assert_int_equal(l.query.oid, 11);
}

static void vectors_of_other_lengths_are_passed_over(void **state)
{
	struct layout l = of(VECTOR_AS_VECTOR, 0, 3);

	(void)state;
	assert_filled(&l, ":index_vector",
		      "((CASE WHEN \"public\".vector_dims(embedding) = 3 THEN "
		      "embedding END)::\"public\".vector(3))");
	l = of(VECTOR_AS_ARRAY, 0, 3);
	assert_filled(&l, ":d_vector",
		      "((CASE WHEN array_ndims(d.embedding) = 1 "
		      "AND 3.4e38 >= ALL (d.embedding) "
		      "AND -3.4e38 <= ALL (d.embedding) "
		      "AND array_length(d.embedding, 1) = 3 THEN "
		      "d.embedding::\"public\".vector END)::"
		      "\"public\".vector(3))");
	l = of(VECTOR_AS_ARRAY, 0, 3);
	l.has_pgvector = false;
	l.vector_oid = l.halfvec_oid = 0;
	assert_filled(&l, ":d_vector :query_vector",
		      "((CASE WHEN array_length(d.embedding, 1) = 3 THEN "
		      "d.embedding END)) double precision[]");
}

static void times_without_a_zone_are_utc(void **state)
{
	struct layout l = of(VECTOR_AS_ARRAY, 0, 3);

	(void)state;
	assert_filled(&l, ":time :now", "timestamp with time zone now()");
	l.time_oid = OID_TIMESTAMP;
	assert_filled(&l, ":time :now",
		      "timestamp without time zone "
		      "(now() AT TIME ZONE 'UTC')");
}

/* A text that a variable stands for must not bring another one along. */
static void every_statement_is_whole_for_every_kind_of_table(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * 2 * 2 * 2 * 2; i++) {
		struct layout l =
			of((enum vector_kind)(i % 3), 0, i / 3 % 2 ? 384 : 0);
		struct wr_error err;

		l.plain = i / 6 % 2;
		l.has_words = !l.plain && i / 12 % 2;
		l.time_oid = i / 24 % 2 ? OID_TIMESTAMP : OID_TIMESTAMPTZ;
		if (layout_render(&l, &err))
			fail_msg("layout %d: %s", i, err.message);
		for (int j = 0; j < PGSQL_COUNT; j++)
			if (!l.sql[j] || !*l.sql[j])
				fail_msg("layout %d: statement %d is empty", i,
					 j);
		layout_release(&l);
	}
}

static bool allow_some(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void no_memory_is_an_error_at_every_allocation(void **state)
{
	int status = WR_ENOMEM;

	(void)state;
	for (int n = 0; status; n++) {
		struct layout l = of(VECTOR_AS_VECTOR, 384, 384);
		struct wr_error err;
		int left = n;

		mem_set_gate(allow_some, &left);
		status = layout_render(&l, &err);
		mem_set_gate(NULL, NULL);
		if (status && status != WR_ENOMEM)
			fail_msg("allocation %d: %s", n, err.message);
		layout_release(&l);
		assert_true(n < 100000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_quoted_whatever_is_in_them),
		cmocka_unit_test(what_is_quoted_or_cast_is_no_variable),
		cmocka_unit_test(an_unknown_variable_is_a_bug_and_no_crash),
		cmocka_unit_test(a_language_may_have_a_schema_and_odd_letters),
		cmocka_unit_test(a_vector_is_compared_as_its_column_has_it),
		cmocka_unit_test(
			a_vector_over_2000_dimensions_is_compared_as_halves),
		cmocka_unit_test(vectors_of_other_lengths_are_passed_over),
		cmocka_unit_test(times_without_a_zone_are_utc),
		cmocka_unit_test(
			every_statement_is_whole_for_every_kind_of_table),
		cmocka_unit_test(no_memory_is_an_error_at_every_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
