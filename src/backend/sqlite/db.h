/*
 * db.h - one SQLite connection with its prepared statements.
 *
 * A db belongs to one thread at a time; db_interrupt() alone comes from another
 * one.  Statements are prepared when they are first used and kept.  Whoever
 * steps one resets it before the function returns.
 */
#ifndef BACKEND_SQLITE_DB_H
#define BACKEND_SQLITE_DB_H

#include "backend/sqlite/sql.h"
#include "windrow.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct db {
	sqlite3 *handle; /* NULL: not open; changes under guard */
	sqlite3_stmt *stmts[SQL_COUNT];
	const char *path; /* borrowed */
	bool broken;	  /* to be opened anew before it is used again */
	int wal_pages;	  /* in the -wal file after the last commit */
	dev_t wal_dev;	  /* of the -wal file; wal_ino 0: not looked yet */
	ino_t wal_ino;

	/* The operation that it serves: how long it may wait. */
	int64_t deadline_us; /* db_now_us() */
	uint64_t jitter;
	atomic_bool canceled;

	pthread_mutex_t guard; /* handle, against db_interrupt() */
};

enum { DB_PAGE_SIZE = 16384 };

int db_init(struct db *db, const char *path);
/* It must be closed. */
void db_release(struct db *db);

/*
 * Open the file, which must exist.  cache_kib bounds the memory of its pages.
 * Reads nothing yet.
 */
int db_open(struct db *db, unsigned cache_kib, struct wr_error *err);
/* Closes without a check-point, unless last_checkpoint is set. */
void db_close(struct db *db, bool last_checkpoint);

/* The operation that follows may wait so long for locks. */
void db_set_patience(struct db *db, uint32_t ms);
/* Any thread: end what runs now soon. */
void db_interrupt(struct db *db);
/* Wait a moment; false where patience is out or it was cancelled. */
bool db_pause(struct db *db, int tries);
int64_t db_now_us(void);

/* The statement, ready to be bound; NULL with the error set. */
sqlite3_stmt *db_stmt(struct db *db, enum sql which, struct wr_error *err);
/* 1: a row, 0: done, or a negative status. */
int db_step(struct db *db, sqlite3_stmt *stmt, struct wr_error *err);
/* Step a statement that gives no rows (or whose rows do not matter). */
int db_do(struct db *db, sqlite3_stmt *stmt, struct wr_error *err);
/* The same for one without parameters. */
int db_run(struct db *db, enum sql which, struct wr_error *err);
/* Several statements, once. */
int db_exec(struct db *db, const char *sql, struct wr_error *err);

/* ptr NULL binds NULL.  The text must stay until the statement is reset. */
void db_bind(sqlite3_stmt *stmt, int i, struct wr_str text);
void db_bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t size);
/* Until the next step; NULL for NULL. */
struct wr_str db_column(sqlite3_stmt *stmt, int i);

/* Fill err in from what the connection said last; marks it as broken. */
int db_fail(struct db *db, int code, struct wr_error *err);
/* Leave no transaction and no statement behind. */
void db_settle(struct db *db);

/* Is the file at the path, and its -wal, still the one that is open? */
bool db_file_is_there(struct db *db);
bool db_wal_is_there(struct db *db);

#endif
