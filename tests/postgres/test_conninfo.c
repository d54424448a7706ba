/* Where a store is, and that no message shows a password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/conninfo.h"
#include "base/mem.h"
#include "base/rand.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *value_of(const struct conninfo *c, const char *keyword)
{
	for (size_t i = 0; c->keywords[i]; i++)
		if (!strcmp(c->keywords[i], keyword))
			return c->values[i];
	return "(none)";
}

static void must_init(struct conninfo *c, const char *location)
{
	struct wr_error err = { 0 };

	if (conninfo_init(c, location, &err))
		fail_msg("%s: %s", location, err.message);
}

/* "keyword=value" for each; the last one is NULL. */
static void check_values(const char *location, const char *const *wanted)
{
	struct conninfo c;

	must_init(&c, location);
	for (; *wanted; wanted++) {
		const char *equals = strchr(*wanted, '=');
		char keyword[40];

		snprintf(keyword, sizeof(keyword), "%.*s",
			 (int)(equals - *wanted), *wanted);
		if (strcmp(value_of(&c, keyword), equals + 1) != 0)
			fail_msg("%s: %s is \"%s\", not \"%s\"", location,
				 keyword, value_of(&c, keyword), equals + 1);
	}
	conninfo_release(&c);
}

static void all_that_names_postgresql_is_known(void **state)
{
	static const char *const ours[] = {
		"postgresql://",
		"postgresql://u:p@h/d",
		"postgres://h",
		"postgresql+asyncpg://h/d",
		"postgresql+psycopg://h/d",
		"postgres+psycopg2://h/d",
		"host=/tmp dbname=x",
		"  dbname = x",
		"service=there",
	};
	static const char *const others[] = {
		"sqlite:///a.db",
		"mem:",
		"",
		"postgresql",
		"postgresql+://h",
		"mysql://h?a=b",
		"a.db",
		"sqlite:///dbname=x",
		"=x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!conninfo_is_ours(ours[i]))
			fail_msg("%s is not ours", ours[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (conninfo_is_ours(others[i]))
			fail_msg("%s is ours", others[i]);
	assert_false(conninfo_is_ours(NULL));
}

static void the_forms_of_libpq_and_sqlalchemy_mean_the_same(void **state)
{
	static const char *const wanted[] = {
		"user=us er", "password=p@ss/?#w", "host=db.example",
		"port=6543",  "dbname=pages",	   NULL
	};
	static const char *const forms[] = {
		"postgresql://us%20er:p%40ss%2F%3F%23w@db.example:6543/pages",
		"postgres://us%20er:p%40ss%2f%3f%23w@db.example:6543/pages",
		"postgresql+asyncpg://us%20er:p%40ss%2F%3F%23w@db.example:6543"
		"/pages",
		"postgresql+psycopg://us%20er:p%40ss%2F%3F%23w@db.example:6543"
		"/pages?prepare_threshold=0",
		"host=db.example port=6543 dbname=pages user='us er' "
		"password='p@ss/?#w'",
		"postgresql:///pages?host=db.example&port=6543&user=us%20er&"
		"password=p%40ss%2F%3F%23w",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		check_values(forms[i], wanted);
}

static void parameters_go_where_they_belong(void **state)
{
	(void)state;
	check_values("postgresql://h/d?sslmode=verify-full&sslrootcert=%2Fca",
		     (const char *const[]){ "sslmode=verify-full",
					    "sslrootcert=/ca", NULL });
	check_values("postgresql+asyncpg://h/d?ssl=require",
		     (const char *const[]){ "sslmode=require", NULL });
	check_values("postgresql://h/d?ssl=true",
		     (const char *const[]){ "sslmode=require", NULL });
	check_values("postgresql+asyncpg://h/d?prepared_statement_cache_size=0"
		     "&ssl=verify-full&async_fallback=true",
		     (const char *const[]){ "sslmode=verify-full", "dbname=d",
					    NULL });
	check_values("postgresql://h1:1,h2:2/d?target_session_attrs=read-write",
		     (const char *const[]){ "host=h1,h2", "port=1,2",
					    "target_session_attrs=read-write",
					    NULL });
	check_values(
		"postgresql+psycopg2://u:p@/d?host=h1:5433&host=h2:5434",
		(const char *const[]){ "host=h1,h2", "port=5433,5434", NULL });
	check_values("postgresql+asyncpg:///d?host=/run/postgresql",
		     (const char *const[]){ "host=/run/postgresql", NULL });
	check_values("postgresql://%2Frun%2Fpg/d",
		     (const char *const[]){ "host=/run/pg", NULL });
	check_values("postgresql://[::1]:7/d",
		     (const char *const[]){ "host=::1", "port=7", NULL });
}

static void what_is_not_given_is_set_and_what_is_stays(void **state)
{
	(void)state;
	check_values("postgresql://h/d",
		     (const char *const[]){ "client_encoding=UTF8",
					    "fallback_application_name=windrow",
					    "keepalives_idle=30",
					    "application_name=(none)",
					    "options=(none)", NULL });
	check_values("postgresql://h/d?application_name=mine&keepalives_idle=7"
		     "&tcp_user_timeout=5&client_encoding=LATIN1",
		     (const char *const[]){
			     "client_encoding=UTF8", "application_name=mine",
			     "keepalives_idle=7", "tcp_user_timeout=5", NULL });
}

static void a_schema_and_a_table_are_taken_out(void **state)
{
	struct conninfo c;

	(void)state;
	must_init(&c, "postgresql://h/d?schema=my%20own&sslmode=disable&"
		      "table=pages&connect_timeout=3");
	assert_string_equal(c.schema, "my own");
	assert_string_equal(c.table, "pages");
	assert_string_equal(value_of(&c, "sslmode"), "disable");
	assert_string_equal(value_of(&c, "schema"), "(none)");
	assert_int_equal(c.connect_timeout_ms, 3000);
	conninfo_release(&c);
	must_init(&c, "postgresql://h/d");
	assert_null(c.schema);
	assert_null(c.table);
	conninfo_release(&c);
}

static void the_display_has_neither_user_nor_password(void **state)
{
	static const char *const cases[][2] = {
		{ "postgresql://me:secret@h:1/d", "postgresql://h:1/d" },
		{ "postgresql://me:secret@h1:1,h2:2/d",
		  "postgresql://h1:1,h2:2/d" },
		{ "postgresql://[::1]:1/d", "postgresql://[::1]:1/d" },
		{ "postgresql://me@/d?host=/run&port=7",
		  "postgresql:///d?host=/run&port=7" },
		{ "host=h port=3 user=me password=secret",
		  "postgresql://h:3/me" },
	};
	struct conninfo c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		must_init(&c, cases[i][0]);
		assert_string_equal(c.display, cases[i][1]);
		conninfo_release(&c);
	}
}

static void what_is_wrong_is_said_by_its_name_alone(void **state)
{
	static const struct {
		const char *location, *says;
	} cases[] = {
		{ "postgresql://u:se@cret@h/d", "%40" },
		{ "postgresql://u:se/cret@h/d", "%40" },
		{ "postgresql://u:se?cret@h/d", "%40" },
		{ "postgresql://u:12/secret@h/d", "%40" },
		{ "postgresql://u:12?secret=x@h/d", "%40" },
		{ "postgresql://u:secret", "port" },
		{ "postgresql://h:70000/d", "port" },
		{ "postgresql://u:se%zzcret@h/d", "form" },
		{ "postgresql://u:secret%00@h/d", "form" },
		{ "postgresql://u:secret@h/d?cache=1", "\"cache\"" },
		{ "postgresql://u:secret@h/d?ca%20che=1", "form" },
		{ "postgresql://u:secret@h/d?novalue", "form" },
		{ "postgresql://u:secret@[::1/d", "form" },
		{ "postgresql:u:secret", "form" },
		{ "postgresql:", "form" },
		{ "host=h password=my secret", "quotes" },
		{ "password='secret", "quotes" },
		{ "host=h secret=1", "quotes" },
	};
	struct conninfo c;
	struct wr_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&err, 0, sizeof(err));
		if (conninfo_init(&c, cases[i].location, &err) != WR_EINVAL)
			fail_msg("%s passes", cases[i].location);
		if (!strstr(err.message, cases[i].says) ||
		    strstr(err.message, "cret"))
			fail_msg("%s: %s", cases[i].location, err.message);
		assert_int_equal(strlen(err.message) < 255, 1);
	}
}

/* ---------------------------------------------------------- passwords -- */

/* Any bytes but NUL, with a liking for those that end parts. */
static void random_password(struct rand_state *r, char *to, size_t n)
{
	static const char special[] = "@/?#:&=%,[]' \\+";

	for (size_t i = 0; i < n; i++)
		to[i] = rand_below(r, 3)
				? (char)('A' + (char)rand_below(r, 26))
				: special[rand_below(r, sizeof(special) - 1)];
	to[n] = '\0';
}

/* Four bytes of it in a row would be a part. */
static void check_no_part(const char *text, const char *password,
			  const char *location)
{
	for (size_t i = 0; i + 4 <= strlen(password); i++) {
		char part[5] = { 0 };

		memcpy(part, password + i, 4);
		if (strstr(text, part))
			fail_msg("\"%s\" shows \"%s\" of %s", text, part,
				 location);
	}
}

static void no_message_shows_a_part_of_a_password(void **state)
{
	static const char *const forms[] = {
		"postgresql://me:%s@h.example:5432/pages?sslmode=disable",
		"postgresql+asyncpg://me:%s@h.example/pages",
		"postgresql://me:%s@h.example",
		"postgresql://me:X%s",
		"postgresql:///pages?user=me&password=%s&sslmode=disable",
		"host=h.example user=me password=%s dbname=pages",
		"password='%s' host=h.example",
		"postgresql:X%s@h",
	};
	const char *seed = getenv("WINDROW_SEED");
	struct rand_state r = { seed ? strtoull(seed, NULL, 10)
				     : (uint64_t)time(NULL) };

	(void)state;
	print_message("WINDROW_SEED=%llu\n", (unsigned long long)r.s);
	for (int i = 0; i < 8000; i++) {
		char password[40], location[200];
		struct conninfo c;
		struct wr_error err = { 0 };
		const char *form = forms[i % 8];
		const char *hole = strstr(form, "%s");

		random_password(&r, password, 4 + rand_below(&r, 20));
		/* Without a host these end the port: what follows is shown. */
		if (i % 8 == 3 && strpbrk(password, "@,/?"))
			continue;
		snprintf(location, sizeof(location), "%.*s%s%s",
			 (int)(hole - form), form, password, hole + 2);
		if (conninfo_init(&c, location, &err)) {
			check_no_part(err.message, password, location);
			continue;
		}
		check_no_part(c.display, password, location);
		conninfo_release(&c);
	}
}

static void a_password_in_a_text_is_blanked(void **state)
{
	struct conninfo c;
	char text[100] = "no \"p@ssw\" in p%40ssw, not twice: p@sswp@ssw.";

	(void)state;
	must_init(&c, "postgresql://me:p%40ssw@h/d");
	conninfo_redact(&c, text);
	assert_string_equal(text, "no \"***\" in ***, not twice: ******.");
	conninfo_release(&c);
	/* The password of the environment too; a short one where it stands
	 * alone, else nothing could be read. */
	setenv("PGPASSWORD", "a", 1);
	must_init(&c, "postgresql://me@h/d");
	snprintf(text, sizeof(text), "%s", "a man said \"a\"");
	conninfo_redact(&c, text);
	assert_string_equal(text, "* man said \"*\"");
	conninfo_release(&c);
	unsetenv("PGPASSWORD");
}

/* ------------------------------------------------------------- memory -- */

struct gate {
	unsigned left;
};

static bool allow(void *arg)
{
	struct gate *g = arg;

	if (!g->left)
		return false;
	g->left--;
	return true;
}

static void memory_that_is_refused_is_said_to_be(void **state)
{
	int status = WR_ENOMEM;

	(void)state;
	for (unsigned n = 0; status; n++) {
		struct gate g = { n };
		struct conninfo c;
		struct wr_error err = { 0 };

		assert_true(n < 100);
		mem_set_gate(allow, &g);
		status = conninfo_init(&c,
				       "postgresql+asyncpg://me:pw@h/d?host=a:1"
				       "&host=b&schema=s&ssl=require",
				       &err);
		mem_set_gate(NULL, NULL);
		if (!status)
			conninfo_release(&c);
		else
			assert_int_equal(status, WR_ENOMEM);
		assert_int_equal(status, err.status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_names_postgresql_is_known),
		cmocka_unit_test(
			the_forms_of_libpq_and_sqlalchemy_mean_the_same),
		cmocka_unit_test(parameters_go_where_they_belong),
		cmocka_unit_test(what_is_not_given_is_set_and_what_is_stays),
		cmocka_unit_test(a_schema_and_a_table_are_taken_out),
		cmocka_unit_test(the_display_has_neither_user_nor_password),
		cmocka_unit_test(what_is_wrong_is_said_by_its_name_alone),
		cmocka_unit_test(no_message_shows_a_part_of_a_password),
		cmocka_unit_test(a_password_in_a_text_is_blanked),
		cmocka_unit_test(memory_that_is_refused_is_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
