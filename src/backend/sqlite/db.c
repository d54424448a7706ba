#include "backend/sqlite/db.h"

#include "backend/sqlite/status.h"
#include "base/error.h"
#include "base/rand.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------- waiting -- */

int64_t db_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void db_set_patience(struct db *db, uint32_t ms)
{
	db->deadline_us = db_now_us() + (int64_t)ms * 1000;
}

/* 0.5 to 1 ms at first, 8 to 16 ms later: writers' turns are that long. */
bool db_pause(struct db *db, int tries)
{
	struct rand_state rnd = { db->jitter };
	int64_t window = 1000 << (tries < 4 ? tries : 4);
	int64_t us =
		window / 2 + (int64_t)rand_below(&rnd, (uint64_t)window / 2);
	struct timespec ts;

	db->jitter = rnd.s;
	if (atomic_load(&db->canceled) || db_now_us() + us > db->deadline_us)
		return false;
	ts = (struct timespec){ 0, us * 1000 };
	nanosleep(&ts, NULL);
	return !atomic_load(&db->canceled);
}

/* SQLite waits for a lock. */
static int on_busy(void *arg, int tries)
{
	return db_pause(arg, tries);
}

void db_interrupt(struct db *db)
{
	atomic_store(&db->canceled, true);
	pthread_mutex_lock(&db->guard);
	if (db->handle)
		sqlite3_interrupt(db->handle);
	pthread_mutex_unlock(&db->guard);
}

/* ----------------------------------------------------- opening, closing -- */

int db_init(struct db *db, const char *path)
{
	struct timespec ts;

	memset(db, 0, sizeof(*db));
	db->path = path;
	atomic_init(&db->canceled, false);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	db->jitter = (uint64_t)ts.tv_nsec ^ ((uint64_t)getpid() << 32) ^
		     (uint64_t)(uintptr_t)db;
	return pthread_mutex_init(&db->guard, NULL) ? WR_ENOMEM : 0;
}

void db_release(struct db *db)
{
	pthread_mutex_destroy(&db->guard);
}

static void set_handle(struct db *db, sqlite3 *handle)
{
	pthread_mutex_lock(&db->guard);
	db->handle = handle;
	pthread_mutex_unlock(&db->guard);
}

static int on_commit(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = arg;

	(void)handle;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/*
 * Check-points are the writer's, made under the lock: not automatic ones, and
 * none when a connection closes.
 */
static int configure(struct db *db, unsigned cache_kib, struct wr_error *err)
{
	char sql[256];

	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_handler(db->handle, on_busy, db);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
			  NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_wal_hook(db->handle, on_commit, db);
	/* Page size and cache count only for what is not made or read yet. */
	snprintf(sql, sizeof(sql),
		 "PRAGMA page_size = %d; PRAGMA synchronous = FULL;"
		 "PRAGMA cache_size = -%u; PRAGMA temp_store = MEMORY;"
		 "PRAGMA mmap_size = 0; PRAGMA foreign_keys = OFF;"
		 "PRAGMA secure_delete = FAST; PRAGMA cell_size_check = ON",
		 DB_PAGE_SIZE, cache_kib);
	return db_exec(db, sql, err);
}

int db_open(struct db *db, unsigned cache_kib, struct wr_error *err)
{
	sqlite3 *handle = NULL;
	int code, status;

	code = sqlite3_open_v2(db->path, &handle,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_EXRESCODE,
			       NULL);
	db->broken = false;
	db->wal_pages = 0;
	db->wal_ino = 0;
	set_handle(db, handle);
	status = code ? db_fail(db, code, err) : configure(db, cache_kib, err);
	if (status)
		db_close(db, false);
	return status;
}

void db_close(struct db *db, bool last_checkpoint)
{
	sqlite3 *handle = db->handle;

	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	if (!handle)
		return;
	if (last_checkpoint)
		sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0,
				  NULL);
	set_handle(db, NULL);
	sqlite3_close_v2(handle);
	db->broken = false;
}

/* ---------------------------------------------------------- statements -- */

sqlite3_stmt *db_stmt(struct db *db, enum sql which, struct wr_error *err)
{
	sqlite3_stmt **stmt = &db->stmts[which];
	int code;

	if (*stmt)
		return *stmt;
	code = sqlite3_prepare_v3(db->handle, sql_texts[which], -1,
				  SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (code)
		db_fail(db, code, err);
	return *stmt;
}

int db_step(struct db *db, sqlite3_stmt *stmt, struct wr_error *err)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return db_fail(db, code, err);
}

int db_do(struct db *db, sqlite3_stmt *stmt, struct wr_error *err)
{
	int status = db_step(db, stmt, err);

	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

int db_run(struct db *db, enum sql which, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, which, err);

	return stmt ? db_do(db, stmt, err) : err->status;
}

int db_exec(struct db *db, const char *sql, struct wr_error *err)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code ? db_fail(db, code, err) : 0;
}

/*
 * A value that cannot be bound (too long a text, no memory) leaves NULL or the
 * failure of sqlite3_step() behind: url and the vector are NOT NULL, and the
 * length of other texts is held against the limit by the writer.
 */
void db_bind(sqlite3_stmt *stmt, int i, struct wr_str text)
{
	sqlite3_bind_text64(stmt, i, text.ptr, text.len, SQLITE_STATIC,
			    SQLITE_UTF8);
}

void db_bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t size)
{
	sqlite3_bind_blob64(stmt, i, p, size, SQLITE_STATIC);
}

struct wr_str db_column(sqlite3_stmt *stmt, int i)
{
	const void *p = sqlite3_column_text(stmt, i);
	int len = sqlite3_column_bytes(stmt, i);

	return (struct wr_str){ p, p && len > 0 ? (size_t)len : 0 };
}

/* ------------------------------------------------------------- failing -- */

int db_fail(struct db *db, int code, struct wr_error *err)
{
	bool reopen = false;
	int status = status_of_sqlite(db->handle, code, db->path, &reopen, err);

	if (reopen)
		db->broken = true;
	if (status == WR_ECANCELED && !atomic_load(&db->canceled))
		return error_set(err, WR_EBUSY, code, "sqlite",
				 "%s: interrupted", db->path);
	return status;
}

void db_settle(struct db *db)
{
	if (!db->handle)
		return;
	for (int i = 0; i < SQL_COUNT; i++) {
		if (!db->stmts[i])
			continue;
		sqlite3_reset(db->stmts[i]);
		sqlite3_clear_bindings(db->stmts[i]);
	}
	if (!sqlite3_get_autocommit(db->handle) &&
	    sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL))
		db->broken = true;
}

/* ------------------------------------------------------- the same file? -- */

bool db_file_is_there(struct db *db)
{
	int moved = 0;

	return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED,
				    &moved) == SQLITE_OK &&
	       !moved;
}

bool db_wal_is_there(struct db *db)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", db->path);
	if (stat(path, &st))
		return !db->wal_ino;
	if (!db->wal_ino) {
		db->wal_dev = st.st_dev;
		db->wal_ino = st.st_ino;
	}
	return st.st_dev == db->wal_dev && st.st_ino == db->wal_ino;
}
