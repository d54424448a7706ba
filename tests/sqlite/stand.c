#include "stand.h"

#include "base/clock.h"
#include "base/loop_sim.h"
#include "base/mem.h"
#include "base/str.h"
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int stand_setup(void **state)
{
	struct stand *st = mem_zalloc(1, sizeof(*st));

	assert_non_null(st);
	*state = st;
	/* In memory where there is such a place: commits are quick there. */
	snprintf(st->folder, sizeof(st->folder), "%s/windrow-sqlite-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	assert_non_null(mkdtemp(st->folder));
	snprintf(st->path, sizeof(st->path), "%s/store.db", st->folder);
	snprintf(st->url, sizeof(st->url), "sqlite:///%s", st->path);
	st->busy_ms = 5000;
	assert_int_equal(loop_sim_new(&st->loop, 1), 0);
	return 0;
}

int stand_teardown(void **state)
{
	struct stand *st = *state;
	struct dirent *entry;
	char path[STAND_PATH + 256];
	DIR *dir;

	stand_close(st);
	loop_sim_free(st->loop);
	assert_int_equal(chmod(st->folder, 0700), 0);
	dir = opendir(st->folder);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", st->folder,
			 entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	assert_int_equal(rmdir(st->folder), 0);
	mem_free(st);
	return 0;
}

/* ------------------------------------------------------------- the store -- */

int stand_open(struct stand *st, enum wr_create create)
{
	struct backend_config config = { .location = st->url,
					 .create = create,
					 .loop = st->loop,
					 .busy_timeout_ms = st->busy_ms };

	assert_null(st->self);
	memset(&st->err, 0, sizeof(st->err));
	return sqlite_backend.open(&st->self, &config, &st->settings, &st->err);
}

void stand_make(struct stand *st)
{
	struct settings wanted;
	struct backend_op op = { .kind = BACKEND_SETTINGS,
				 .u.settings = &wanted };

	if (stand_open(st, WR_CREATE_IF_MISSING))
		fail_msg("%s: %s", st->url, st->err.message);
	if (st->settings.dim)
		return;
	wanted = st->settings;
	snprintf(wanted.embedder, SETTING_TEXT, "test");
	wanted.dim = STAND_DIM;
	if (stand_run(st, &op))
		fail_msg("%s: %s", st->url, st->err.message);
	st->settings = wanted;
}

static void on_closed(void *arg)
{
	*(bool *)arg = true;
}

void stand_close(struct stand *st)
{
	bool closed = false;

	if (!st->self)
		return;
	sqlite_backend.close(st->self, on_closed, &closed);
	while (!closed && loop_sim_step(st->loop))
		continue;
	assert_true(closed);
	st->self = NULL;
}

void stand_forget(struct stand *st)
{
	stand_close(st);
	memset(&st->settings, 0, sizeof(st->settings));
}

static void on_done(struct backend_op *op)
{
	op->done = NULL;
}

int stand_run(struct stand *st, struct backend_op *op)
{
	op->done = on_done;
	sqlite_backend.run(st->self, op);
	assert_non_null(op->done);
	while (op->done && loop_sim_step(st->loop))
		continue;
	assert_null(op->done);
	st->err = op->error;
	/* Never expected: a statement that is wrong. */
	if (st->err.status == WR_EREMOTE || st->err.status == WR_EBUG)
		fail_msg("op of kind %d: %s", (int)op->kind, st->err.message);
	return op->error.status;
}

/* -------------------------------------------------------------- writing -- */

static const float stand_vector[STAND_DIM] = { 1, 2, 3, 4 };

static void make_record(struct record *rec, struct wr_str key,
			struct wr_str content)
{
	*rec = (struct record){ .key = key,
				.key_hash = digest_hash(key),
				.title = str_of("a title"),
				.content = content,
				.fetched_at = clock_now_us() };
	digest_of(content, rec->content_hash);
	record_meta_hash(rec->meta_hash, rec->title, rec->metadata);
}

int stand_put(struct stand *st, const char *key, const char *content)
{
	struct record rec;
	struct write w = { .rec = &rec, .vector = stand_vector };
	struct backend_op op = { .kind = BACKEND_WRITE,
				 .u.write = { &w, 1, 0 } };

	make_record(&rec, str_of(key), str_of(content));
	return stand_run(st, &op);
}

int stand_put_many(struct stand *st, const char *prefix, int first, int n)
{
	struct record *recs = mem_zalloc((size_t)n, sizeof(*recs));
	struct write *items = mem_zalloc((size_t)n, sizeof(*items));
	char(*keys)[40] = mem_zalloc((size_t)n, sizeof(*keys));
	char *content = mem_alloc(4000);
	struct backend_op op = { .kind = BACKEND_WRITE,
				 .u.write = { items, (size_t)n, 86400000000 } };
	int status;

	memset(content, 'x', 4000);
	for (int i = 0; i < n; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%s%08d", prefix, first + i);
		make_record(&recs[i], str_of(keys[i]),
			    (struct wr_str){ content, 4000 });
		items[i] = (struct write){ .rec = &recs[i],
					   .vector = stand_vector,
					   .known_absent = true };
	}
	status = stand_run(st, &op);
	mem_free(content);
	mem_free(keys);
	mem_free(items);
	mem_free(recs);
	return status;
}

/* -------------------------------------------------------------- reading -- */

bool stand_has(struct stand *st, const char *key)
{
	struct wr_str wanted = str_of(key);
	uint8_t stored = 0;
	struct backend_op op = { .kind = BACKEND_KNOWN };

	op.u.known.keys = &wanted;
	op.u.known.n = 1;
	op.u.known.stored = &stored;
	if (stand_run(st, &op))
		fail_msg("known: %s", st->err.message);
	return stored & KNOWN_STORED;
}

uint64_t stand_stat(struct stand *st, const char *name)
{
	struct result result;
	struct backend_op op = { .kind = BACKEND_STATS,
				 .u.stats.result = &result };
	uint64_t value = UINT64_MAX;

	result_init(&result);
	if (stand_run(st, &op))
		fail_msg("stats: %s", st->err.message);
	for (size_t i = 0; i < result.nstats; i++)
		if (!strcmp(result.stats[i].name, name))
			value = result.stats[i].value;
	result_release(&result);
	return value;
}

bool stand_finds(struct stand *st, unsigned flags, const char *words)
{
	struct result result;
	struct backend_op op = { .kind = BACKEND_CHECK,
				 .u.check = { flags, &result } };
	bool found = false;

	result_init(&result);
	if (stand_run(st, &op))
		fail_msg("check: %s", st->err.message);
	for (size_t i = 0; i < result.nfindings; i++)
		found |= strstr(result.findings[i].what, words) != NULL;
	result_release(&result);
	return found;
}

size_t stand_search(struct stand *st, const char *text, const float *vector)
{
	struct text_query query = { 0 };
	struct result result;
	struct arena arena;
	struct backend_op op = { .kind = BACKEND_SEARCH };
	size_t found;

	arena_init(&arena);
	result_init(&result);
	if (text && query_parse(&query, str_of(text), &arena))
		fail_msg("out of memory");
	op.u.search.mode = text ? WR_SEARCH_TEXT : WR_SEARCH_VECTOR;
	op.u.search.text = text ? &query : NULL;
	op.u.search.vector = vector;
	op.u.search.limit = 1000;
	op.u.search.result = &result;
	if (stand_run(st, &op))
		fail_msg("search for %s: %s", text, st->err.message);
	found = result.ndocs;
	result_release(&result);
	arena_release(&arena);
	return found;
}

/* ------------------------------------------------------------------ SQL -- */

int64_t stand_sql_number(struct stand *st, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;

	assert_int_equal(sqlite3_open(st->path, &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

void stand_sql(struct stand *st, const char *sql)
{
	sqlite3 *db = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(st->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_exec(db, sql, NULL, NULL, &message))
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

const char *stand_beside(struct stand *st, const char *ending)
{
	static char path[STAND_PATH + 20];

	snprintf(path, sizeof(path), "%s%s", st->path, ending);
	return path;
}

int stand_in_child(struct stand *st, int (*f)(struct stand *st))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(f(st));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

void assert_error(const struct stand *st, int status, const char *words)
{
	if (st->err.status != status || !strstr(st->err.message, words))
		fail_msg("status %d (%s), wanted %d with \"%s\"",
			 st->err.status, st->err.message, status, words);
}
