/* Finding, making and refusing files. */
#include "stand.h"

#include "base/str.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned mode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		fail_msg("%s is not there", path);
	return st.st_mode & 0777;
}

static void write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void new_files_are_for_their_owner_alone(void **state)
{
	struct stand *st = *state;
	mode_t old = umask(0);

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	umask(old);
	assert_int_equal(mode_of(st->path), 0600);
	assert_int_equal(mode_of(stand_beside(st, "-wal")), 0600);
	assert_int_equal(mode_of(stand_beside(st, "-shm")), 0600);
	assert_int_equal(mode_of(stand_beside(st, "-lock")), 0600);
}

static void a_closed_store_is_one_file(void **state)
{
	struct stand *st = *state;
	struct stat there;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_true(stand_has(st, "a"));
	stand_forget(st);
	assert_int_not_equal(stat(stand_beside(st, "-wal"), &there), 0);
	assert_int_not_equal(stat(stand_beside(st, "-shm"), &there), 0);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_true(stand_has(st, "a"));
	stand_forget(st);
	assert_int_not_equal(stat(stand_beside(st, "-wal"), &there), 0);
}

static void a_missing_folder_is_named(void **state)
{
	struct stand *st = *state;

	snprintf(st->url, sizeof(st->url), "sqlite:///%s/not/there/store.db",
		 st->folder);
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), WR_ENOENT);
	assert_error(st, WR_ENOENT, "/not/there");
	assert_error(st, WR_ENOENT, "no folder");
}

static void a_missing_store_is_named_with_what_makes_one(void **state)
{
	struct stand *st = *state;

	assert_int_equal(stand_open(st, WR_CREATE_NEVER), WR_ENOENT);
	assert_error(st, WR_ENOENT, st->path);
	assert_error(st, WR_ENOENT, "windrow init");
	assert_int_not_equal(access(st->path, F_OK), 0);
}

static void an_empty_file_is_no_store_but_can_become_one(void **state)
{
	struct stand *st = *state;

	write_file(st->path, "", 0);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), WR_ENOENT);
	assert_int_equal(stand_open(st, WR_CREATE_NEW), 0);
	assert_true(st->settings.version > 0);
}

static void a_store_is_not_made_twice(void **state)
{
	struct stand *st = *state;

	assert_int_equal(stand_open(st, WR_CREATE_NEW), 0);
	stand_forget(st);
	assert_int_equal(stand_open(st, WR_CREATE_NEW), WR_EEXIST);
	assert_error(st, WR_EEXIST, st->path);
}

static void a_folder_is_no_store(void **state)
{
	struct stand *st = *state;

	snprintf(st->url, sizeof(st->url), "sqlite:///%s", st->folder);
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), WR_EINVAL);
	assert_error(st, WR_EINVAL, "is a folder");
}

static void urls_that_name_no_file_are_refused(void **state)
{
	struct stand *st = *state;
	static const char *const urls[] = {
		"sqlite://",	       "sqlite:///",
		"sqlite:///:memory:",  "sqlite://host/a.db",
		"sqlite:relative.db",  "sqlite:///a%zz.db",
		"sqlite:///a%00.db",   "sqlite:///a%",
		"sqlite:///a?mode=ro",
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		snprintf(st->url, sizeof(st->url), "%s", urls[i]);
		if (stand_open(st, WR_CREATE_IF_MISSING) != WR_EINVAL)
			fail_msg("%s: %s", urls[i], st->err.message);
	}
	snprintf(st->url, sizeof(st->url), "sqlite:///:memory:");
	stand_open(st, WR_CREATE_IF_MISSING);
	assert_error(st, WR_EINVAL, "mem:");
}

static void a_path_is_percent_decoded(void **state)
{
	struct stand *st = *state;

	snprintf(st->path, sizeof(st->path), "%s/a b?%%.db", st->folder);
	snprintf(st->url, sizeof(st->url), "sqlite:///%s/a%%20b%%3f%%25.db",
		 st->folder);
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), 0);
	assert_int_equal(access(st->path, F_OK), 0);
}

static void a_relative_path_starts_at_the_current_folder(void **state)
{
	struct stand *st = *state;
	char *old = getcwd(NULL, 0);

	assert_int_equal(chdir(st->folder), 0);
	snprintf(st->url, sizeof(st->url), "sqlite:///store.db");
	stand_make(st);
	assert_int_equal(chdir(old), 0);
	/* It stays the same file. */
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_true(stand_has(st, "a"));
	assert_int_equal(access(st->path, F_OK), 0);
	free(old);
}

static void a_file_that_is_no_database_is_told_apart(void **state)
{
	struct stand *st = *state;
	char text[5000];

	memset(text, 'x', sizeof(text));
	write_file(st->path, text, sizeof(text));
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), WR_ECORRUPT);
	assert_error(st, WR_ECORRUPT, "windrow doctor");
	assert_error(st, WR_ECORRUPT, st->path);
}

static void another_programs_database_is_left_alone(void **state)
{
	struct stand *st = *state;

	stand_sql(st, "CREATE TABLE bookmarks (url TEXT)");
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), WR_ESCHEMA);
	assert_error(st, WR_ESCHEMA, "another program");
	assert_int_equal(
		stand_sql_number(st, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void a_newer_schema_is_refused_with_both_versions(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	stand_forget(st);
	stand_sql(st, "PRAGMA user_version = 999");
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), WR_ESCHEMA);
	assert_error(st, WR_ESCHEMA, "999");
	assert_error(st, WR_ESCHEMA, "up to 1");
}

static void a_store_that_becomes_newer_is_not_written_any_more(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	stand_sql(st, "PRAGMA user_version = 999");
	assert_int_equal(stand_put(st, "b", "text"), WR_ESCHEMA);
	assert_error(st, WR_ESCHEMA, "999");
	assert_int_equal(
		stand_sql_number(st, "SELECT count(*) FROM scraped_documents"),
		1);
}

static void choices_are_fixed_when_the_store_is_made(void **state)
{
	struct stand *st = *state;

	st->settings.urls = WR_URLS_AS_GIVEN;
	st->settings.fulltext = WR_FULLTEXT_OFF;
	stand_make(st);
	stand_forget(st);
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), 0);
	assert_int_equal(st->settings.urls, WR_URLS_AS_GIVEN);
	assert_int_equal(st->settings.fulltext, WR_FULLTEXT_OFF);
	assert_int_equal(st->settings.dim, STAND_DIM);
	assert_string_equal(st->settings.embedder, "test");
	stand_forget(st);
	st->settings.fulltext = WR_FULLTEXT_ON;
	assert_int_equal(stand_open(st, WR_CREATE_IF_MISSING), WR_ESCHEMA);
}

/* As somebody who may not write here; root may do anything. */
static void become_nobody(void)
{
	if (!geteuid() && (setgid(65534) || setuid(65534)))
		_exit(99);
}

static int open_as_nobody(struct stand *st)
{
	int status;

	become_nobody();
	status = stand_open(st, WR_CREATE_IF_MISSING);
	if (status != WR_EAUTH)
		fprintf(stderr, "status %d: %s\n", status, st->err.message);
	return status == WR_EAUTH ? 0 : 1;
}

static void a_folder_without_permission_is_an_authorisation_error(void **state)
{
	struct stand *st = *state;

	assert_int_equal(chmod(st->folder, 0500), 0);
	assert_int_equal(stand_in_child(st, open_as_nobody), 0);
	assert_int_equal(chmod(st->folder, 0), 0);
	assert_int_equal(stand_in_child(st, open_as_nobody), 0);
	assert_int_equal(chmod(st->folder, 0700), 0);
}

static int write_as_nobody(struct stand *st)
{
	int status;

	become_nobody();
	if (stand_open(st, WR_CREATE_IF_MISSING) || !stand_has(st, "a"))
		return 1;
	status = stand_put(st, "b", "text");
	if (status != WR_EAUTH)
		fprintf(stderr, "status %d: %s\n", status, st->err.message);
	return status == WR_EAUTH && stand_has(st, "a") ? 0 : 2;
}

static void a_read_only_file_can_be_read_but_not_written(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	/* With -wal and -shm left in place, as a writer at work has them. */
	assert_int_equal(chmod(st->folder, 0755), 0);
	assert_int_equal(chmod(st->path, 0444), 0);
	assert_int_equal(chmod(stand_beside(st, "-wal"), 0444), 0);
	assert_int_equal(chmod(stand_beside(st, "-shm"), 0444), 0);
	assert_int_equal(chmod(stand_beside(st, "-lock"), 0444), 0);
	{
		struct stand child = *st;

		child.self = NULL;
		assert_int_equal(stand_in_child(&child, write_as_nobody), 0);
	}
	assert_int_equal(chmod(st->path, 0600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAND_TEST(new_files_are_for_their_owner_alone),
		STAND_TEST(a_closed_store_is_one_file),
		STAND_TEST(a_missing_folder_is_named),
		STAND_TEST(a_missing_store_is_named_with_what_makes_one),
		STAND_TEST(an_empty_file_is_no_store_but_can_become_one),
		STAND_TEST(a_store_is_not_made_twice),
		STAND_TEST(a_folder_is_no_store),
		STAND_TEST(urls_that_name_no_file_are_refused),
		STAND_TEST(a_path_is_percent_decoded),
		STAND_TEST(a_relative_path_starts_at_the_current_folder),
		STAND_TEST(a_file_that_is_no_database_is_told_apart),
		STAND_TEST(another_programs_database_is_left_alone),
		STAND_TEST(a_newer_schema_is_refused_with_both_versions),
		STAND_TEST(a_store_that_becomes_newer_is_not_written_any_more),
		STAND_TEST(choices_are_fixed_when_the_store_is_made),
		STAND_TEST(
			a_folder_without_permission_is_an_authorisation_error),
		STAND_TEST(a_read_only_file_can_be_read_but_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
