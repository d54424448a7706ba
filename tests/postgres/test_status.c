/* What PostgreSQL's errors mean, and how they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/session.h"
#include "backend/postgres/status.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void an_sqlstate_has_one_status(void **state)
{
	static const struct {
		const char *sqlstate;
		int status;
	} cases[] = {
		{ "00000", 0 },		  { "01000", 0 },
		{ "08006", WR_EIO },	  { "0A000", WR_ENOTSUP },
		{ "22021", WR_EDATA },	  { "22P05", WR_EDATA },
		{ "23505", WR_EDATA },	  { "21000", WR_EBUG },
		{ "25006", WR_EIO },	  { "25P02", WR_EREMOTE },
		{ "28P01", WR_EAUTH },	  { "3D000", WR_ENOENT },
		{ "3F000", WR_ESCHEMA },  { "40001", WR_EBUSY },
		{ "40P01", WR_EBUSY },	  { "42501", WR_EAUTH },
		{ "42601", WR_EREMOTE },  { "42703", WR_ESCHEMA },
		{ "42P01", WR_ESCHEMA },  { "42P10", WR_ESCHEMA },
		{ "53100", WR_EIO },	  { "53300", WR_EIO },
		{ "54000", WR_EDATA },	  { "55P03", WR_EBUSY },
		{ "57014", WR_ETIMEOUT }, { "57P01", WR_EIO },
		{ "57P03", WR_EIO },	  { "57P04", WR_ENOENT },
		{ "58030", WR_EIO },	  { "P0001", WR_EDATA },
		{ "XX000", WR_EIO },	  { "XX001", WR_ECORRUPT },
		{ "ZZZZZ", WR_EREMOTE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (status_of(cases[i].sqlstate) != cases[i].status)
			fail_msg("%s is %s", cases[i].sqlstate,
				 wr_status_name(status_of(cases[i].sqlstate)));
}

static void what_passes_is_retried_and_what_does_not_is_not(void **state)
{
	static const char *const pass[] = { "40001", "40P01", "55P03", "57014",
					    "57P01", "57P02", "57P03", "08000",
					    "08003", "08006", "53000", "53100",
					    "53200", "53300", "25006" };
	static const char *const stay[] = { "22001", "23502", "28000", "42501",
					    "42P01", "54000", "3D000" };

	(void)state;
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++)
		if (!error_passes(status_of(pass[i])))
			fail_msg("%s does not pass", pass[i]);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		if (error_passes(status_of(stay[i])))
			fail_msg("%s passes", stay[i]);
}

static struct wr_error with_state(const char *sqlstate)
{
	struct wr_error err = { .status = WR_EIO };

	snprintf(err.sqlstate, sizeof(err.sqlstate), "%s", sqlstate);
	return err;
}

static void a_connection_of_a_server_that_goes_is_replaced(void **state)
{
	static const char *const goes[] = { "57P01", "57P02", "25006",
					    "08006", "58030", "XX000" };
	static const char *const stays[] = { "", "57014", "22021", "40001",
					     "53100" };
	struct wr_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(goes) / sizeof(goes[0]); i++) {
		err = with_state(goes[i]);
		if (!status_ends_link(&err))
			fail_msg("%s does not end it", goes[i]);
	}
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
		err = with_state(stays[i]);
		if (status_ends_link(&err))
			fail_msg("%s ends it", stays[i]);
	}
	err = with_state("42P01");
	assert_true(status_is_missing(&err));
	err = with_state("42501");
	assert_false(status_is_missing(&err));
}

/* Nobody listens there: libpq's message names the host, and no password. */
static void a_connection_that_fails_says_where_in_one_line(void **state)
{
	struct conninfo c;
	struct wr_error err = { 0 };
	PGconn *conn;

	(void)state;
	assert_int_equal(
		conninfo_init(&c, "postgresql://me:topsecret@127.0.0.1:1/d",
			      &err),
		0);
	assert_int_equal(session_connect(&conn, &c, 5000, NULL, &err), WR_EIO);
	assert_null(conn);
	assert_non_null(strstr(err.message, "connecting: "));
	assert_non_null(strstr(err.message, "127.0.0.1"));
	assert_null(strstr(err.message, "topsecret"));
	assert_null(strchr(err.message, '\n'));
	conninfo_release(&c);
}

/* A password is blanked before the message is cut, wherever it stands. */
static void no_half_of_a_password_is_left_at_the_end_of_a_message(void **state)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
	struct conninfo c;
	struct wr_error err = { 0 };

	(void)state;
	assert_int_equal(
		conninfo_init(&c, "postgresql://me:topsecret@h/d", &err), 0);
	for (int pad = 200; pad < 260; pad++) {
		char what[300];

		snprintf(what, sizeof(what), "%*stopsecret", pad, "");
		memset(what, 'x', (size_t)pad);
		status_from_result(res, &c, what, &err);
		assert_int_equal(err.status, WR_EIO);
		assert_null(strstr(err.message, "to"));
	}
	PQclear(res);
	conninfo_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_sqlstate_has_one_status),
		cmocka_unit_test(
			what_passes_is_retried_and_what_does_not_is_not),
		cmocka_unit_test(
			a_connection_of_a_server_that_goes_is_replaced),
		cmocka_unit_test(
			a_connection_that_fails_says_where_in_one_line),
		cmocka_unit_test(
			no_half_of_a_password_is_left_at_the_end_of_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
