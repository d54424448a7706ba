/* What goes wrong while a store is in use, and that work goes on afterwards. */
#include "stand.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --------------------------------------------------- the file goes away -- */

static void nothing_is_acknowledged_into_a_deleted_file(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "before", "text"), 0);
	assert_int_equal(unlink(st->path), 0);
	/* The store is made again, with the same choices. */
	assert_int_equal(stand_put(st, "after", "text"), 0);
	assert_int_equal(access(st->path, F_OK), 0);
	assert_true(stand_has(st, "after"));
	assert_false(stand_has(st, "before"));
	stand_forget(st);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_true(stand_has(st, "after"));
}

static void a_deleted_store_is_not_made_again_where_that_was_not_asked(
	void **state)
{
	struct stand *st = *state;

	stand_make(st);
	stand_forget(st);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_int_equal(stand_put(st, "before", "text"), 0);
	assert_int_equal(unlink(st->path), 0);
	assert_int_equal(stand_put(st, "after", "text"), WR_ENOENT);
	assert_error(st, WR_ENOENT, "windrow init");
}

static void a_replaced_file_is_the_store_from_then_on(void **state)
{
	struct stand *st = *state;
	char aside[STAND_PATH + 20];

	stand_make(st);
	assert_int_equal(stand_put(st, "old", "text"), 0);
	stand_close(st);
	snprintf(aside, sizeof(aside), "%s", stand_beside(st, "-aside"));
	assert_int_equal(rename(st->path, aside), 0);
	stand_make(st);
	assert_int_equal(stand_put(st, "new", "text"), 0);
	assert_true(stand_has(st, "new"));
	assert_int_equal(rename(aside, st->path), 0);
	assert_int_equal(unlink(stand_beside(st, "-wal")), 0);
	assert_int_equal(unlink(stand_beside(st, "-shm")), 0);
	assert_true(stand_has(st, "old"));
	assert_false(stand_has(st, "new"));
	assert_int_equal(stand_put(st, "newer", "text"), 0);
	assert_true(stand_has(st, "newer"));
}

static void a_deleted_wal_file_loses_nothing(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "one", "text"), 0);
	assert_int_equal(unlink(stand_beside(st, "-wal")), 0);
	assert_int_equal(stand_put(st, "two", "text"), WR_EIO);
	assert_error(st, WR_EIO, "-wal was deleted");
	assert_int_equal(stand_put(st, "two", "text"), 0);
	stand_forget(st);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_true(stand_has(st, "one"));
	assert_true(stand_has(st, "two"));
}

/* ---------------------------------------------------------------- locks -- */

static void a_lock_that_is_held_times_out_and_names_its_file(void **state)
{
	struct stand *st = *state;
	int fd;

	st->busy_ms = 60;
	stand_make(st);
	fd = open(stand_beside(st, "-lock"), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(stand_put(st, "a", "text"), WR_EBUSY);
	assert_error(st, WR_EBUSY, stand_beside(st, "-lock"));
	/* Readers do not wait. */
	assert_false(stand_has(st, "a"));
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	close(fd);
}

static void a_removed_lock_file_is_made_again(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put(st, "a", "text"), 0);
	assert_int_equal(unlink(stand_beside(st, "-lock")), 0);
	assert_int_equal(stand_put(st, "b", "text"), 0);
	assert_int_equal(stand_put(st, "c", "text"), 0);
}

static void another_programs_transaction_is_waited_for(void **state)
{
	struct stand *st = *state;
	sqlite3 *db = NULL;

	st->busy_ms = 60;
	stand_make(st);
	assert_int_equal(sqlite3_open(st->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(stand_put(st, "a", "text"), WR_EBUSY);
	assert_error(st, WR_EBUSY, "another program");
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(stand_put(st, "a", "text"), 0);
}

/* ------------------------------------------------------------ full disk -- */

enum { LIMIT = 8 * 1024 * 1024 };

/* Batches until the limit is hit, and on when it is lifted. */
static int fill_the_disk(struct stand *st)
{
	struct rlimit limit = { LIMIT, RLIM_INFINITY };
	int n = 0;
	char key[32];

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 90;
	stand_make(st);
	while (n < 1000 && !stand_put_many(st, "k", n * 20, 20))
		n++;
	if (n < 10 || n == 1000 || st->err.status != WR_EIO)
		return 91;
	if (!strstr(st->err.message, "file-size limit"))
		return 89;
	/* It stays full, and says so each time. */
	if (stand_put_many(st, "k", n * 20, 20) != WR_EIO)
		return 92;
	snprintf(key, sizeof(key), "k%08d", n * 20 - 1);
	if (!stand_has(st, key))
		return 93;
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 94;
	if (stand_put_many(st, "k", n * 20, 20))
		return 95;
	n++;
	if (stand_stat(st, "documents") != (uint64_t)n * 20)
		return 96;
	stand_forget(st);
	if (stand_open(st, WR_CREATE_NEVER) ||
	    stand_stat(st, "documents") != (uint64_t)n * 20)
		return 97;
	if (stand_finds(st, WR_CHECK_DEEP, "damaged"))
		return 98;
	stand_close(st);
	return 0;
}

static void a_full_disk_says_so_and_work_goes_on_when_there_is_room(
	void **state)
{
	struct stand *st = *state;

	assert_int_equal(stand_in_child(st, fill_the_disk), 0);
}

/* --------------------------------------------------------------- damage -- */

/* Overwrite what is there, from the second page on. */
static void damage(struct stand *st)
{
	struct stat there;
	char rubbish[4096];
	int fd = open(st->path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &there), 0);
	memset(rubbish, 0x5a, sizeof(rubbish));
	for (off_t at = 16384; at < there.st_size; at += sizeof(rubbish))
		assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), at),
				 sizeof(rubbish));
	close(fd);
}

static void a_damaged_file_is_reported_as_such(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put_many(st, "k", 0, 200), 0);
	stand_close(st);
	damage(st);
	/* Wherever it is noticed first. */
	if (!stand_open(st, WR_CREATE_NEVER)) {
		assert_true(stand_finds(st, WR_CHECK_DEEP, ""));
		assert_int_equal(stand_put(st, "a", "text"), WR_ECORRUPT);
	}
	assert_error(st, WR_ECORRUPT, "windrow doctor");
}

static void a_truncated_file_is_reported_as_such(void **state)
{
	struct stand *st = *state;

	stand_make(st);
	assert_int_equal(stand_put_many(st, "k", 0, 200), 0);
	stand_close(st);
	assert_int_equal(truncate(st->path, 3 * 16384), 0);
	if (!stand_open(st, WR_CREATE_NEVER)) {
		assert_true(stand_finds(st, WR_CHECK_DEEP, ""));
		assert_int_equal(stand_put(st, "a", "text"), WR_ECORRUPT);
	}
	assert_error(st, WR_ECORRUPT, "windrow doctor");
}

/* The cause is gone: a good copy is back in place. */
static void work_goes_on_when_a_damaged_file_is_replaced(void **state)
{
	struct stand *st = *state;
	char good[STAND_PATH + 20];

	stand_make(st);
	assert_int_equal(stand_put(st, "good", "text"), 0);
	stand_close(st);
	snprintf(good, sizeof(good), "%s", stand_beside(st, "-good"));
	stand_sql(st, "SELECT 1");
	{
		char sql[STAND_PATH + 60];

		snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", good);
		stand_sql(st, sql);
	}
	stand_make(st);
	stand_put_many(st, "k", 0, 200);
	stand_close(st);
	damage(st);
	if (stand_open(st, WR_CREATE_NEVER))
		stand_forget(st);
	else
		assert_int_equal(stand_put(st, "bad", "text"), WR_ECORRUPT);
	assert_int_equal(rename(good, st->path), 0);
	unlink(stand_beside(st, "-wal"));
	unlink(stand_beside(st, "-shm"));
	if (!st->self)
		assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_int_equal(stand_put(st, "new", "text"), 0);
	assert_true(stand_has(st, "good"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAND_TEST(nothing_is_acknowledged_into_a_deleted_file),
		STAND_TEST(
			a_deleted_store_is_not_made_again_where_that_was_not_asked),
		STAND_TEST(a_replaced_file_is_the_store_from_then_on),
		STAND_TEST(a_deleted_wal_file_loses_nothing),
		STAND_TEST(a_lock_that_is_held_times_out_and_names_its_file),
		STAND_TEST(a_removed_lock_file_is_made_again),
		STAND_TEST(another_programs_transaction_is_waited_for),
		STAND_TEST(
			a_full_disk_says_so_and_work_goes_on_when_there_is_room),
		STAND_TEST(a_damaged_file_is_reported_as_such),
		STAND_TEST(a_truncated_file_is_reported_as_such),
		STAND_TEST(work_goes_on_when_a_damaged_file_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
