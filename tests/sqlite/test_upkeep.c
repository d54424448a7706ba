/* Old files, foreign writers, check-ups, and the full text index over time. */
#include "stand.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Frozen: the SQL of a store as version 1 of the schema had it. */
static void make_old_file(struct stand *st)
{
	char text[8192], path[1024];
	const char *folder = getenv("WINDROW_TEST_DATA");
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/old-v1.sql",
		 folder ? folder : "tests/sqlite");
	file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s", path);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	stand_sql(st, text);
}

static void a_store_of_the_first_version_still_opens(void **state)
{
	static const float vector[STAND_DIM] = { 1, 0, 0, 0 };
	struct stand *st = *state;

	make_old_file(st);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_int_equal(st->settings.urls, WR_URLS_CONSERVATIVE);
	assert_int_equal(st->settings.fulltext, WR_FULLTEXT_ON);
	assert_int_equal(st->settings.dim, STAND_DIM);
	assert_string_equal(st->settings.embedder, "test");
	assert_true(stand_has(st, "https://example.org/one"));
	assert_int_equal(stand_stat(st, "documents"), 2);
	assert_int_equal(stand_stat(st, "documents_pending"), 1);
	assert_int_equal(stand_search(st, "gazelles", NULL), 1);
	assert_int_equal(stand_search(st, NULL, vector), 1);
	assert_int_equal(stand_put(st, "https://example.org/one", "new words"),
			 0);
	assert_int_equal(stand_search(st, "gazelles", NULL), 0);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
}

static void a_foreign_change_makes_the_digests_void(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_false(stand_finds(st, 0, "another program"));
	stand_sql(st, "UPDATE scraped_documents SET content = 'other', "
		      "updated_at = updated_at + 1");
	assert_true(stand_finds(st, 0, "another program"));
	/* Written again, though its digest is the stored one. */
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_int_equal(stand_sql_number(st, "SELECT content = 'text' FROM "
					      "scraped_documents"),
			 1);
	assert_false(stand_finds(st, 0, "another program"));
}

static void a_row_that_another_program_inserts_is_a_document(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	stand_sql(st, "INSERT INTO scraped_documents (url, title, content) "
		      "VALUES ('a', 'title', 'text')");
	assert_true(stand_has(st, "a"));
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_int_equal(stand_stat(st, "documents"), 1);
	assert_false(stand_finds(st, 0, "another program"));
	assert_int_equal(stand_search(st, "text", NULL), 1);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
}

static void what_another_program_changes_or_deletes_leaves_the_index(
	void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "gazelles run"), 0);
	assert_int_equal(stand_put(st, "b", "lions run"), 0);
	stand_sql(st, "UPDATE scraped_documents SET updated_at = 1, content = "
		      "'a longer text in which zebras run' WHERE url = 'a'");
	assert_int_equal(stand_search(st, "gazelles", NULL), 0);
	assert_int_equal(stand_search(st, "zebras", NULL), 1);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
	assert_int_equal(stand_put(st, "a", "giraffes run"), 0);
	assert_int_equal(stand_search(st, "zebras", NULL), 0);
	stand_sql(st, "DELETE FROM scraped_documents WHERE url = 'b'");
	assert_int_equal(stand_search(st, "run", NULL), 1);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
	assert_false(stand_finds(st, 0, "belong to no document"));
}

static void a_check_finds_what_is_wrong_with_vectors(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put_many(st, "k", 0, 10), 0);
	assert_false(stand_finds(st, 0, "vector"));
	stand_sql(st, "DELETE FROM document_vectors WHERE id = 1;"
		      "INSERT INTO document_vectors VALUES (77, x'00');"
		      "UPDATE document_vectors SET embedding = x'0011' "
		      "WHERE id = 2");
	assert_true(stand_finds(st, 0, "1 documents have lost their vector"));
	assert_true(stand_finds(st, 0, "1 vectors belong to no document"));
	assert_true(stand_finds(st, 0, "2 vectors have another length"));
	/* They do no harm to a search. */
	{
		static const float vector[STAND_DIM] = { 1, 2, 3, 4 };

		assert_int_equal(stand_search(st, NULL, vector), 8);
	}
}

static void a_check_finds_an_index_that_lost_step(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
	/* updated_at stays, so nobody can tell. */
	stand_sql(st, "UPDATE scraped_documents SET content = 'other'");
	assert_true(stand_finds(st, WR_CHECK_DEEP, "differ"));
	stand_sql(st, "INSERT INTO document_texts (document_texts) VALUES "
		      "('rebuild')");
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
}

static void a_check_finds_a_file_that_everybody_can_read(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_false(stand_finds(st, 0, "every user"));
	assert_int_equal(chmod(st->path, 0644), 0);
	assert_true(stand_finds(st, 0, "every user"));
}

static void words_of_an_old_content_are_not_found_any_more(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "gazelles run"), 0);
	assert_int_equal(stand_search(st, "gazelle", NULL), 1);
	assert_int_equal(stand_put(st, "a", "zebras run"), 0);
	assert_int_equal(stand_search(st, "gazelle", NULL), 0);
	assert_int_equal(stand_search(st, "zebra", NULL), 1);
	assert_int_equal(stand_search(st, "title", NULL), 1);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
}

/* Whatever is typed is looked for and never understood as syntax. */
static void no_query_breaks_the_syntax_of_the_index(void **state)
{
	static const char *const queries[] = {
		"\"",
		"\"\"",
		"a\"b",
		"foo-bar",
		"c++",
		"url:a",
		"title:x",
		"NEAR(a b)",
		"a AND",
		"OR",
		"NOT x",
		"-",
		"- -",
		"^a",
		"a*",
		"(",
		")",
		"{a b}:c",
		"\xf0\x9f\x98\x80",
		"a -\"",
		"-\"a b\"",
		"+",
		"''",
		";DROP TABLE",
		"a -+",
		"a -\xf0\x9f\x98\x80",
	};
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "k", "a b c foo-bar"), 0);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		stand_search(st, queries[i], NULL);
	assert_int_equal(stand_search(st, "foo-bar", NULL), 1);
	assert_int_equal(stand_search(st, "bar-foo", NULL), 0);
	assert_int_equal(stand_search(st, "a -\xf0\x9f\x98\x80", NULL), 1);
}

/* What is unchanged dirties no page: the -wal file does not grow. */
static void a_batch_that_changes_nothing_writes_nothing(void **state)
{
	struct stand *st = *state;
	struct stat before, after;

	stand_make(st);
	assert_int_equal(stand_put_many(st, "k", 0, 100), 0);
	assert_int_equal(stat(stand_beside(st, "-wal"), &before), 0);
	assert_true(before.st_size > 16384);
	assert_int_equal(stand_put_many(st, "k", 0, 100), 0);
	assert_int_equal(stat(stand_beside(st, "-wal"), &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(stand_put_many(st, "l", 0, 1), 0);
	assert_int_equal(stat(stand_beside(st, "-wal"), &after), 0);
	assert_true(after.st_size > before.st_size);
}

/* Merged into the store as it grows, and used anew. */
static void the_wal_file_stays_bounded(void **state)
{
	struct stand *st = *state;
	uint64_t most = 0;

	st->settings.fulltext = WR_FULLTEXT_OFF;
	stand_make(st);
	for (int i = 0; i < 60; i++) {
		uint64_t size;

		assert_int_equal(stand_put_many(st, "k", i * 500, 500), 0);
		size = stand_stat(st, "wal_bytes");
		most = size > most ? size : most;
	}
	assert_true(stand_stat(st, "file_bytes") > 100 * 1000 * 1000);
	if (most > 48 * 1024 * 1024)
		fail_msg("the -wal file grew to %llu bytes",
			 (unsigned long long)most);
}

static uint64_t prune(struct stand *st, const struct filter *filter)
{
	struct buf last = { 0 };
	struct backend_op op = { .kind = BACKEND_PRUNE };
	uint64_t removed = 0;

	op.u.prune.filter = filter;
	op.u.prune.limit = 30;
	op.u.prune.last = &last;
	do {
		if (stand_run(st, &op))
			fail_msg("prune: %s", st->err.message);
		removed += op.u.prune.removed;
		op.u.prune.after = buf_str(&last);
	} while (op.u.prune.more);
	buf_release(&last);
	return removed;
}

/* The rows go, their words and vectors too; and those that come between. */
static void pruning_takes_words_and_vectors_along(void **state)
{
	static const float vector[STAND_DIM] = { 1, 2, 3, 4 };
	struct stand *st = *state;
	struct filter filter = { .url_prefix = { "k", 1 }, .until = INT64_MAX };

	stand_make(st);
	assert_int_equal(stand_put_many(st, "k", 0, 100), 0);
	assert_int_equal(stand_put(st, "l", "stays"), 0);
	assert_int_equal(prune(st, &filter), 100);
	assert_int_equal(stand_stat(st, "documents"), 1);
	assert_int_equal(stand_search(st, "title", NULL), 1);
	assert_int_equal(stand_search(st, NULL, vector), 1);
	assert_int_equal(stand_sql_number(st, "SELECT count(*) FROM "
					      "document_vectors"),
			 1);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
	assert_int_equal(prune(st, &filter), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAND_TEST(a_store_of_the_first_version_still_opens),
		STAND_TEST(a_foreign_change_makes_the_digests_void),
		STAND_TEST(a_row_that_another_program_inserts_is_a_document),
		STAND_TEST(
			what_another_program_changes_or_deletes_leaves_the_index),
		STAND_TEST(a_check_finds_what_is_wrong_with_vectors),
		STAND_TEST(a_check_finds_an_index_that_lost_step),
		STAND_TEST(a_check_finds_a_file_that_everybody_can_read),
		STAND_TEST(words_of_an_old_content_are_not_found_any_more),
		STAND_TEST(no_query_breaks_the_syntax_of_the_index),
		STAND_TEST(a_batch_that_changes_nothing_writes_nothing),
		STAND_TEST(the_wal_file_stays_bounded),
		STAND_TEST(pruning_takes_words_and_vectors_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
