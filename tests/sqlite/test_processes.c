/* Several processes, and processes that die. */
#include "stand.h"

#include "base/rand.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 4, ROWS = 2000, BATCH = 50, KILLS = 6, KILLED_BATCH = 10 };

/* Its own rows, and between them those that all of them write. */
static int write_rows(struct stand *st, int which)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "w%d-", which);
	if (stand_open(st, WR_CREATE_IF_MISSING)) {
		fprintf(stderr, "open: %s\n", st->err.message);
		return 1;
	}
	for (int i = 0; i < ROWS; i += BATCH) {
		if (stand_put_many(st, prefix, i, BATCH) ||
		    stand_put_many(st, "shared-", i / BATCH * 2, 4)) {
			fprintf(stderr, "write: %s\n", st->err.message);
			return 2;
		}
	}
	stand_close(st);
	return 0;
}

static void processes_write_one_file_and_nothing_is_lost_or_twice(void **state)
{
	struct stand *st = *state;
	pid_t pids[WRITERS];
	char sql[200];
	int status;

	st->busy_ms = 30000;
	stand_make(st);
	stand_forget(st);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i])
			_exit(write_rows(st, i));
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM scraped_documents WHERE url "
			 "LIKE 'w%d-%%'",
			 i);
		assert_int_equal(stand_sql_number(st, sql), ROWS);
	}
	assert_int_equal(
		stand_sql_number(st, "SELECT count(*) = count(DISTINCT url) "
				     "FROM scraped_documents"),
		1);
	assert_int_equal(stand_sql_number(st, "SELECT count(*) FROM "
					      "scraped_documents WHERE url "
					      "LIKE 'shared-%'"),
			 ROWS / BATCH * 2 + 2);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
	assert_false(stand_finds(st, WR_CHECK_DEEP, "damaged"));
	assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
}

static void processes_make_one_store_at_a_time(void **state)
{
	struct stand *st = *state;
	pid_t pids[WRITERS];
	int status, made = 0;

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i]) {
			int opened = stand_open(st, WR_CREATE_NEW);

			if (opened && st->err.status != WR_EEXIST)
				print_error("%s\n", st->err.message);
			_exit(!opened			    ? 0
			      : st->err.status == WR_EEXIST ? 1
							    : 2);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, 1);
		made += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(made, 1);
	assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
}

/* Tells the pipe the number of each batch once it is acknowledged. */
static void write_until_killed(struct stand *st, int first, int pipe_end)
{
	if (stand_open(st, WR_CREATE_IF_MISSING))
		_exit(1);
	for (int i = first;; i++) {
		if (stand_put_many(st, "k", i * KILLED_BATCH, KILLED_BATCH))
			_exit(2);
		if (write(pipe_end, &i, sizeof(i)) != sizeof(i))
			_exit(3);
	}
}

/* Returns the batch after the last acknowledged one. */
static int kill_a_writer(struct stand *st, int first, uint64_t wait_us)
{
	struct timespec wait = { 0, (long)wait_us * 1000 };
	int ends[2], next = first, status, i;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(ends[0]);
		write_until_killed(st, first, ends[1]);
	}
	close(ends[1]);
	/* At work for sure, then at some moment. */
	if (read(ends[0], &i, sizeof(i)) == sizeof(i))
		next = i + 1;
	nanosleep(&wait, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(ends[0], &i, sizeof(i)) == sizeof(i))
		next = i + 1;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return next;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	struct stand *st = *state;
	struct rand_state rand = { (uint64_t)time(NULL) };
	int next = 0;

	print_message("seed %llu\n", (unsigned long long)rand.s);
	stand_make(st);
	stand_forget(st);
	for (int i = 0; i < KILLS; i++) {
		char sql[200];

		next = kill_a_writer(st, next, rand_below(&rand, 60000));
		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM scraped_documents WHERE url < "
			 "'k%08d'",
			 next * KILLED_BATCH);
		assert_int_equal(stand_open(st, WR_CREATE_NEVER), 0);
		assert_int_equal(stand_sql_number(st, sql),
				 next * KILLED_BATCH);
		/* All of a batch or nothing. */
		assert_int_equal(stand_stat(st, "documents") % KILLED_BATCH, 0);
		assert_int_equal(stand_stat(st, "documents_with_embedding"),
				 stand_stat(st, "documents"));
		assert_false(stand_finds(st, WR_CHECK_DEEP, "damaged"));
		assert_false(stand_finds(st, WR_CHECK_DEEP, "differ"));
		stand_close(st);
	}
	assert_true(next >= KILLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAND_TEST(
			processes_write_one_file_and_nothing_is_lost_or_twice),
		STAND_TEST(processes_make_one_store_at_a_time),
		STAND_TEST(what_was_acknowledged_survives_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
