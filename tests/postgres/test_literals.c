/* Parameters within the text of a statement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/literals.h"
#include "base/str.h"

struct made {
	struct arena arena;
	struct params params;
	struct buf sql;
};

static int made_setup(void **state)
{
	static struct made made;

	made = (struct made){ 0 };
	params_init(&made.params, &made.arena);
	*state = &made;
	return 0;
}

static int made_teardown(void **state)
{
	struct made *made = *state;

	buf_release(&made->sql);
	arena_release(&made->arena);
	return 0;
}

static void assert_filled(struct made *made, const char *sql,
			  const char *expected, int left)
{
	assert_int_equal(literals_fill(&made->sql, sql, &made->params), 0);
	assert_string_equal(made->sql.ptr, expected);
	assert_int_equal(made->params.n, left);
}

static void each_type_has_its_literal(void **state)
{
	struct made *made = *state;
	struct params *p = &made->params;

	params_add_bool(p, true);
	params_add_bool(p, false);
	params_add_int4(p, INT32_MIN);
	params_add_int8(p, INT64_MIN);
	params_add_time(p, OID_TIMESTAMPTZ, INT64_C(1700000000500000));
	params_add_time(p, OID_TIMESTAMP, 0);
	assert_filled(made, "$1,$2,$3,$4,$5,$6",
		      "true,false,('-2147483648'::integer),"
		      "('-9223372036854775808'::bigint),"
		      "'2023-11-14T22:13:20.500000Z'::timestamptz,"
		      "'1970-01-01T00:00:00Z'::timestamp",
		      0);
}

static void times_without_end_are_infinities(void **state)
{
	struct made *made = *state;

	params_add_time(&made->params, OID_TIMESTAMPTZ, INT64_MIN);
	params_add_time(&made->params, OID_TIMESTAMP, INT64_MAX);
	assert_filled(made, "$1 $2",
		      "'-infinity'::timestamptz 'infinity'::timestamp", 0);
}

static void other_types_and_nulls_stay(void **state)
{
	struct made *made = *state;
	struct params *p = &made->params;

	params_add_text(p, str_of("it's"));
	params_add_int4(p, 7);
	params_add_text(p, (struct wr_str){ NULL, 0 });
	params_add_int4(p, 8);
	assert_filled(made, "$4 $3 $2 $1",
		      "('8'::integer) $3 ('7'::integer) $1", 3);
}

static void what_is_quoted_stays(void **state)
{
	struct made *made = *state;

	params_add_int4(&made->params, 7);
	assert_filled(made, "\"a\"\"$1\".\"b'$1\" = 'c''$1\"' || $1",
		      "\"a\"\"$1\".\"b'$1\" = 'c''$1\"' || ('7'::integer)", 0);
}

static void a_parameter_that_is_lacking_is_a_bug(void **state)
{
	struct made *made = *state;

	params_add_int4(&made->params, 7);
	assert_int_equal(literals_fill(&made->sql, "$2", &made->params),
			 WR_EBUG);
	assert_int_equal(literals_fill(&made->sql, "$", &made->params),
			 WR_EBUG);
}

static void a_time_before_the_year_one_is_none(void **state)
{
	struct made *made = *state;

	params_add_time(&made->params, OID_TIMESTAMPTZ,
			INT64_C(-62135596800000001));
	assert_int_equal(literals_fill(&made->sql, "$1", &made->params),
			 WR_EBUG);
}

#define LITERALS_TEST(f) \
	cmocka_unit_test_setup_teardown(f, made_setup, made_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LITERALS_TEST(each_type_has_its_literal),
		LITERALS_TEST(times_without_end_are_infinities),
		LITERALS_TEST(other_types_and_nulls_stay),
		LITERALS_TEST(what_is_quoted_stays),
		LITERALS_TEST(a_parameter_that_is_lacking_is_a_bug),
		LITERALS_TEST(a_time_before_the_year_one_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
