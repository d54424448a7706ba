/*
 * Stores that are made, found, refused and migrated: WINDROW_TEST_STORE names
 * the variable that holds the URL of a database.  Each test has a schema of its
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/postgres/schema.h"
#include "base/str.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The original's, as SQLAlchemy makes it. */
#define ORIGINAL                                       \
	"CREATE TABLE %s (id serial PRIMARY KEY, "     \
	"url varchar NOT NULL UNIQUE, title varchar, " \
	"content text, embedding double precision[], " \
	"created_at timestamp DEFAULT now(), "         \
	"updated_at timestamp DEFAULT now())"

static const char *url(void)
{
	const char *name = getenv("WINDROW_TEST_STORE");

	return name ? getenv(name) : NULL;
}

/* -------------------------------------------------------------- stand -- */

struct stand {
	struct conninfo info;
	PGconn *conn; /* the test's own */
	char schema[32];
};

static void say_nothing(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* "%s" is the schema's table scraped_documents. */
static void run_on(PGconn *conn, const struct stand *s, const char *format)
{
	char table[64], sql[1024];
	PGresult *res;

	snprintf(table, sizeof(table), "%s.scraped_documents", s->schema);
	for (size_t to = 0; to < sizeof(sql); format++) {
		if (format[0] == '%' && format[1] == 's') {
			to += (size_t)snprintf(sql + to, sizeof(sql) - to, "%s",
					       table);
			format++;
			continue;
		}
		sql[to++] = *format;
		if (!*format)
			break;
	}
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK &&
	    PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	PQclear(res);
}

static void run(const struct stand *s, const char *format)
{
	run_on(s->conn, s, format);
}

static long ask(const struct stand *s, const char *format)
{
	char sql[1024], table[64];
	PGresult *res;
	long answer;
	const char *at = strstr(format, "%s");

	snprintf(table, sizeof(table), "%s.scraped_documents", s->schema);
	assert_non_null(at);
	snprintf(sql, sizeof(sql), "%.*s%s%s", (int)(at - format), format,
		 table, at + 2);
	res = PQexec(s->conn, sql);
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(s->conn));
	answer = strtol(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	return answer;
}

static int set_up(void **state)
{
	static unsigned number;
	static struct stand s;
	struct wr_error err;
	char sql[100];

	memset(&s, 0, sizeof(s));
	if (conninfo_init(&s.info, url(), &err))
		fail_msg("%s", err.message);
	s.conn = PQconnectdb(url());
	PQsetNoticeProcessor(s.conn, say_nothing, NULL);
	snprintf(s.schema, sizeof(s.schema), "schema_%ld_%u", (long)getpid(),
		 ++number);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", s.schema);
	run(&s, sql);
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *s = *state;
	char sql[100];

	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", s->schema);
	run(s, sql);
	PQfinish(s->conn);
	conninfo_release(&s->info);
	return 0;
}

/* A store that is opened as the backend opens it. */
struct opened {
	struct layout layout;
	struct session session;
	struct settings settings;
	struct wr_error err;
	int status;
};

static void open_as(struct opened *o, const struct stand *s,
		    struct backend_config config, struct settings wishes)
{
	memset(o, 0, sizeof(*o));
	config.schema = s->schema;
	o->settings = wishes;
	o->session.info = &s->info;
	o->session.deadline_us = INT64_MAX;
	o->status = session_open(&o->session, 10000, &o->err);
	if (!o->status)
		o->status = schema_open(&o->layout, &o->session, &config,
					&o->settings, &o->err);
}

static void open_it(struct opened *o, const struct stand *s)
{
	open_as(o, s, (struct backend_config){ 0 }, (struct settings){ 0 });
	if (o->status)
		fail_msg("opening: %s", o->err.message);
}

static void close_it(struct opened *o)
{
	session_close(&o->session);
	layout_release(&o->layout);
}

static void assert_refused(struct opened *o, int status, const char *says)
{
	if (o->status != status || !strstr(o->err.message, says))
		fail_msg("%d, \"%s\": expected %d, \"%s\"", o->status,
			 o->err.message, status, says);
	close_it(o);
}

static void refuse(const struct stand *s, struct backend_config config,
		   struct settings wishes, int status, const char *says)
{
	struct opened o;

	open_as(&o, s, config, wishes);
	assert_refused(&o, status, says);
}

static int record(struct opened *o, const char *embedder, uint32_t dim)
{
	struct settings known = o->settings, wanted = o->settings;

	snprintf(wanted.embedder, sizeof(wanted.embedder), "%s", embedder);
	wanted.dim = dim;
	o->status = schema_record(&o->layout, &o->session, &known, &wanted,
				  &o->err);
	if (!o->status)
		o->settings = wanted;
	return o->status;
}

/* Until it is done; how many steps that took. */
static unsigned migrate(struct opened *o)
{
	struct schema_progress progress = { .phase = NULL };
	unsigned steps = 0;
	bool more = true;

	pthread_mutex_init(&progress.lock, NULL);
	while (more) {
		if (schema_migrate_step(&o->layout, &o->session, &progress,
					&more, &o->err))
			fail_msg("step %u: %s", steps, o->err.message);
		steps++;
	}
	assert_null(progress.phase);
	pthread_mutex_destroy(&progress.lock);
	return steps;
}

/* ------------------------------------------------------------ creating -- */

static void a_store_is_made_once_and_found_again(void **state)
{
	struct backend_config never = { .create = WR_CREATE_NEVER };
	struct backend_config new = { .create = WR_CREATE_NEW };
	struct settings none = { 0 };
	struct stand *s = *state;
	struct opened o;

	refuse(s, never, none, WR_ENOENT, "run windrow init");
	open_as(&o, s, new, none);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.settings.urls, WR_URLS_CONSERVATIVE);
	assert_int_equal(o.settings.fulltext, WR_FULLTEXT_ON);
	assert_int_equal(o.settings.version, SCHEMA_LATEST);
	assert_true(o.layout.has_words && o.layout.has_meta);
	assert_false(o.layout.plain || o.layout.adopted);
	close_it(&o);
	refuse(s, new, none, WR_EEXIST, "already");
	open_as(&o, s, never, none);
	assert_int_equal(o.status, 0);
	close_it(&o);
}

static void wishes_that_a_store_does_not_fulfil_are_named(void **state)
{
	struct backend_config german = { .language = "german" };
	struct backend_config klingon = { .language = "klingon" };
	struct backend_config spread = { .distributed = true };
	struct backend_config blob = { .vector_type = "blob" };
	struct settings given = { .urls = WR_URLS_AS_GIVEN };
	struct settings none = { 0 };
	struct stand *s = *state;
	struct opened o;

	refuse(s, klingon, none, WR_EINVAL, "no language \"klingon\"");
	refuse(s, blob, none, WR_EINVAL, "\"blob\" is unknown");
	open_it(&o, s);
	close_it(&o);
	refuse(s, german, none, WR_ESCHEMA, "english, not with german");
	refuse(s, spread, none, WR_ESCHEMA, "not distributed");
	refuse(s, (struct backend_config){ 0 }, given, WR_ESCHEMA,
	       "conservative URLs");
}

static void without_citus_it_is_said_what_is_missing(void **state)
{
	struct backend_config spread = { .distributed = true };
	struct stand *s = *state;

	refuse(s, spread, (struct settings){ 0 }, WR_ENOTSUP,
	       "shared_preload_libraries");
	assert_int_equal(ask(s, "SELECT count(*) FROM pg_class "
				"WHERE oid = to_regclass('%s')"),
			 0);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	struct backend_config config = {
		.table = "a2345678901234567890123456789012345678901234567890"
			 "123456"
	};

	refuse(*state, config, (struct settings){ 0 }, WR_EINVAL, "55 bytes");
}

struct starter {
	const struct stand *stand;
	pthread_t thread;
	struct opened opened;
};

static void *start(void *arg)
{
	struct starter *one = arg;

	open_as(&one->opened, one->stand, (struct backend_config){ 0 },
		(struct settings){ 0 });
	if (!one->opened.status)
		record(&one->opened, "hash", 64);
	return NULL;
}

static void ten_that_start_at_once_make_one_store(void **state)
{
	static struct starter all[10];

	for (int i = 0; i < 10; i++) {
		all[i].stand = *state;
		assert_int_equal(
			pthread_create(&all[i].thread, NULL, start, &all[i]),
			0);
	}
	for (int i = 0; i < 10; i++) {
		pthread_join(all[i].thread, NULL);
		if (all[i].opened.status)
			fail_msg("number %d: %s", i, all[i].opened.err.message);
		close_it(&all[i].opened);
	}
	assert_int_equal(ask(*state, "SELECT value FROM %s_windrow "
				     "WHERE name = 'dim'"),
			 64);
}

/* ----------------------------------------------------------- recording -- */

static void the_column_learns_the_dimension(void **state)
{
	struct opened o;

	open_it(&o, *state);
	assert_int_equal(o.layout.dim, 0);
	assert_int_equal(record(&o, "hash", 384), 0);
	assert_int_equal(o.layout.dim, 384);
	if (o.layout.has_pgvector)
		assert_int_equal(o.layout.column_dim, 384);
	close_it(&o);
	open_it(&o, *state);
	assert_int_equal(o.settings.dim, 384);
	assert_string_equal(o.settings.embedder, "hash");
	close_it(&o);
}

static void another_dimension_than_that_of_the_vectors_is_refused(void **state)
{
	struct stand *s = *state;
	struct opened o;

	open_it(&o, s);
	assert_int_equal(record(&o, "hash", 3), 0);
	run(s, "INSERT INTO %s (url, embedding) VALUES ('u', "
	       "(array[1, 2, 3]::double precision[]))");
	record(&o, "hash", 4);
	if (o.status != WR_ESCHEMA || !strstr(o.err.message, "3 dimensions"))
		fail_msg("%d, \"%s\"", o.status, o.err.message);
	assert_int_equal(o.layout.dim, 3);
	close_it(&o);
}

static void the_second_who_records_does_not_overrule_the_first(void **state)
{
	struct opened first, second;

	open_it(&first, *state);
	open_it(&second, *state);
	assert_int_equal(record(&first, "hash", 3), 0);
	record(&second, "queue", 4);
	assert_refused(&second, WR_ESCHEMA, "another process");
	close_it(&first);
}

/* ------------------------------------------------------------ adopting -- */

static void the_originals_table_is_taken_as_it_is(void **state)
{
	struct stand *s = *state;
	struct opened o;

	run(s, ORIGINAL);
	run(s, "INSERT INTO %s (url, content, embedding) "
	       "SELECT 'u' || i, 'text', array_fill(0.5::float8, "
	       "array[CASE WHEN i = 1 THEN 7 ELSE 5 END]) "
	       "FROM generate_series(1, 9) i");
	open_it(&o, s);
	assert_true(o.layout.plain && o.layout.adopted);
	assert_false(o.layout.has_meta || o.layout.has_words);
	assert_int_equal(o.settings.urls, WR_URLS_AS_GIVEN);
	assert_int_equal(o.settings.version, 0);
	assert_int_equal(o.layout.time_oid, OID_TIMESTAMP);
	assert_int_equal(o.layout.dim, 5);
	record(&o, "hash", 6);
	assert_refused(&o, WR_ESCHEMA, "5 dimensions, not 6");
	assert_int_equal(ask(s, "SELECT count(*) FROM pg_attribute "
				"WHERE attrelid = '%s'::regclass "
				"AND attnum > 0"),
			 7);
}

static void a_table_that_cannot_be_a_store_says_why(void **state)
{
	static const struct {
		const char *change, *says;
	} all[] = {
		{ "ALTER TABLE %s DROP COLUMN content", "no column content:" },
		{ "ALTER TABLE %s DROP CONSTRAINT scraped_documents_url_key",
		  "no unique constraint on url" },
		{ "ALTER TABLE %s DROP CONSTRAINT scraped_documents_url_key, "
		  "ADD UNIQUE (url) DEFERRABLE",
		  "deferrable" },
		{ "ALTER TABLE %s ALTER COLUMN embedding TYPE real[]",
		  "embedding has type real[]" },
		{ "ALTER TABLE %s ALTER COLUMN updated_at TYPE date",
		  "updated_at has type date" },
		{ "ALTER TABLE %s ADD COLUMN note text NOT NULL",
		  "note is NOT NULL" },
		{ "ALTER TABLE %s ALTER COLUMN url TYPE bytea USING NULL",
		  "url has type bytea" },
		{ "ALTER TABLE %s RENAME TO other; CREATE VIEW %s AS SELECT 1",
		  "is a view" },
		{ "DROP TABLE %s; CREATE TABLE %s (url text PRIMARY KEY) "
		  "PARTITION BY HASH (url)",
		  "is partitioned" },
	};
	struct stand *s = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		run(s, "BEGIN");
		run(s, ORIGINAL);
		run(s, all[i].change);
		run(s, "COMMIT");
		refuse(s, (struct backend_config){ 0 }, (struct settings){ 0 },
		       WR_ESCHEMA, all[i].says);
		run(s, strstr(all[i].says, "view")
			       ? "DROP VIEW %s; DROP TABLE IF EXISTS %s"
			       : "DROP TABLE %s");
	}
}

static void columns_and_lengths_of_the_users_own_do_no_harm(void **state)
{
	struct stand *s = *state;
	struct opened o;

	run(s, ORIGINAL);
	run(s, "ALTER TABLE %s ADD COLUMN note text, "
	       "ADD COLUMN n int NOT NULL DEFAULT 1, "
	       "ALTER COLUMN title TYPE varchar(20), "
	       "ALTER COLUMN url TYPE text COLLATE \"POSIX\"");
	open_it(&o, s);
	assert_true(o.layout.plain);
	close_it(&o);
}

/* ----------------------------------------------------------- migrating -- */

static void an_original_is_migrated_in_place(void **state)
{
	struct stand *s = *state;
	struct opened o;

	run(s, ORIGINAL);
	run(s, "INSERT INTO %s (url, title, content, embedding, updated_at) "
	       "SELECT 'u' || i, 't' || i, 'text ' || i, "
	       "CASE WHEN i % 10 > 0 THEN array[1, 2]::float8[] END, "
	       "CASE WHEN i % 7 > 0 THEN now() END "
	       "FROM generate_series(1, 450) i");
	open_it(&o, s);
	assert_true(migrate(&o) >= 5);
	assert_false(o.layout.plain);
	assert_true(o.layout.adopted && o.layout.has_words);
	assert_int_equal(ask(s, "SELECT count(*) FROM %s "
				"WHERE hashed_at = updated_at AND content_hash "
				"= sha256(convert_to(content, 'UTF8')) "
				"AND fetched_at = updated_at "
				"AND substr(meta_hash, 1, 16) = "
				"substr(sha256(convert_to(title, 'UTF8')), 1, "
				"16) AND words @@ 'text'"),
			 450);
	assert_int_equal(ask(s, "SELECT count(*) FROM %s WHERE pending"), 45);
	assert_int_equal(ask(s, "SELECT count(*) FROM pg_index "
				"WHERE indisvalid AND indrelid = "
				"'%s'::regclass"),
			 5);
	close_it(&o);
	open_it(&o, s);
	assert_int_equal(o.settings.version, SCHEMA_LATEST);
	assert_int_equal(o.settings.urls, WR_URLS_AS_GIVEN);
	assert_int_equal(o.settings.dim, 2);
	assert_true(o.layout.adopted && !o.layout.plain);
	assert_int_equal(migrate(&o), 1);
	/* The original writes; it is settled when asked for. */
	run(s, "UPDATE %s SET content = 'other', updated_at = "
	       "updated_at + interval '1 s' WHERE id <= 10");
	migrate(&o);
	assert_int_equal(ask(s, "SELECT count(*) FROM %s "
				"WHERE content_hash = "
				"sha256(convert_to('other', 'UTF8')) "
				"AND hashed_at = updated_at"),
			 10);
	close_it(&o);
}

static void a_migration_goes_on_where_another_was_cut_off(void **state)
{
	struct stand *s = *state;
	struct opened o;
	unsigned n;

	run(s, ORIGINAL);
	run(s, "INSERT INTO %s (url, content) "
	       "SELECT 'u' || i, 'text' FROM generate_series(1, 30) i");
	/* After each number of steps a new process takes over. */
	for (n = 0; n < 20; n++) {
		struct schema_progress progress = { .phase = NULL };
		bool more = false;

		open_it(&o, s);
		pthread_mutex_init(&progress.lock, NULL);
		if (schema_migrate_step(&o.layout, &o.session, &progress, &more,
					&o.err))
			fail_msg("step %u: %s", n, o.err.message);
		pthread_mutex_destroy(&progress.lock);
		close_it(&o);
		if (!more)
			break;
	}
	assert_int_equal(n, 4);
	assert_int_equal(ask(s, "SELECT count(*) FROM %s "
				"WHERE hashed_at = updated_at"),
			 30);
}

static void the_ruin_of_an_index_is_built_anew(void **state)
{
	struct stand *s = *state;
	struct opened o;
	char sql[200];
	PGresult *res;

	run(s, ORIGINAL);
	run(s, "INSERT INTO %s (url) VALUES ('u')");
	snprintf(sql, sizeof(sql),
		 "CREATE INDEX CONCURRENTLY scraped_documents_stale ON "
		 "%s.scraped_documents ((1 / (id - id)))",
		 s->schema);
	res = PQexec(s->conn, sql);
	assert_int_equal(PQresultStatus(res), PGRES_FATAL_ERROR);
	PQclear(res);
	assert_int_equal(ask(s, "SELECT count(*) FROM pg_index "
				"WHERE NOT indisvalid AND indexrelid = "
				"'%s_stale'::regclass"),
			 1);
	open_it(&o, s);
	migrate(&o);
	assert_int_equal(ask(s, "SELECT count(*) FROM pg_index "
				"WHERE indisvalid AND indpred IS NOT NULL "
				"AND indexrelid = '%s_stale'::regclass"),
			 1);
	close_it(&o);
}

static void a_column_of_another_type_stops_a_migration_before_it(void **state)
{
	struct schema_progress progress = { .phase = NULL };
	struct stand *s = *state;
	struct opened o;
	bool more;

	run(s, ORIGINAL);
	run(s, "ALTER TABLE %s ADD COLUMN metadata json");
	open_it(&o, s);
	pthread_mutex_init(&progress.lock, NULL);
	o.status = schema_migrate_step(&o.layout, &o.session, &progress, &more,
				       &o.err);
	pthread_mutex_destroy(&progress.lock);
	assert_true(o.layout.plain);
	assert_refused(&o, WR_ESCHEMA, "metadata has type json");
	assert_int_equal(ask(s, "SELECT count(*) FROM pg_attribute WHERE "
				"attrelid = '%s'::regclass AND attnum > 0"),
			 8);
	open_it(&o, s);
	close_it(&o);
}

static void a_table_that_is_locked_is_waited_for(void **state)
{
	struct schema_progress progress = { .phase = NULL };
	struct stand *s = *state;
	struct opened o;
	bool more = false;

	run(s, ORIGINAL);
	open_it(&o, s);
	run(s, "BEGIN");
	run(s, "LOCK TABLE %s IN ROW EXCLUSIVE MODE");
	pthread_mutex_init(&progress.lock, NULL);
	assert_int_equal(schema_migrate_step(&o.layout, &o.session, &progress,
					     &more, &o.err),
			 0);
	assert_true(more);
	assert_true(o.layout.plain);
	assert_string_equal(progress.phase, "waiting for a lock on the table");
	pthread_mutex_destroy(&progress.lock);
	run(s, "COMMIT");
	migrate(&o);
	assert_false(o.layout.plain);
	close_it(&o);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_store_is_made_once_and_found_again),
		TEST(wishes_that_a_store_does_not_fulfil_are_named),
		TEST(without_citus_it_is_said_what_is_missing),
		TEST(a_name_that_is_too_long_is_refused),
		TEST(ten_that_start_at_once_make_one_store),
		TEST(the_column_learns_the_dimension),
		TEST(another_dimension_than_that_of_the_vectors_is_refused),
		TEST(the_second_who_records_does_not_overrule_the_first),
		TEST(the_originals_table_is_taken_as_it_is),
		TEST(a_table_that_cannot_be_a_store_says_why),
		TEST(columns_and_lengths_of_the_users_own_do_no_harm),
		TEST(an_original_is_migrated_in_place),
		TEST(a_migration_goes_on_where_another_was_cut_off),
		TEST(the_ruin_of_an_index_is_built_anew),
		TEST(a_column_of_another_type_stops_a_migration_before_it),
		TEST(a_table_that_is_locked_is_waited_for),
	};

	if (!url()) {
		fprintf(stderr, "no such server; scripts/servers run COMMAND "
				"starts them\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
