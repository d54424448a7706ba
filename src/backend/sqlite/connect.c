/* Finding, making and opening the file. */
#include "backend/sqlite/conn.h"
#include "backend/sqlite/schema.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory for pages: a writer changes many at a time. */
enum { WRITER_CACHE_KIB = 24 * 1024, READER_CACHE_KIB = 6 * 1024 };

/* 0, or WR_ENOENT where there is no file or an empty one. */
static int look(const char *path, struct wr_error *err)
{
	struct stat st;

	if (!stat(path, &st))
		return st.st_size ? 0 : WR_ENOENT;
	if (errno == ENOENT || errno == ENOTDIR)
		return WR_ENOENT;
	return error_errno(err, errno, "sqlite", "%s", path);
}

/* The name of a new file is to survive a power cut as its rows do. */
static int sync_folder(const char *path, struct wr_error *err)
{
	char folder[PATH_MAX];
	char *slash;
	int fd, status = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A folder that may be written but not read cannot be synced. */
	if (fd < 0)
		return 0;
	if (fsync(fd) && errno != EINVAL)
		status = error_errno(err, errno, "sqlite", "folder %s", folder);
	close(fd);
	return status;
}

/*
 * Make the file, readable for its owner alone; the lock is held.  What an older
 * file of that name has left behind would be taken for part of this one.
 */
static int make_file(const char *path, struct wr_error *err)
{
	static const char *const leftovers[] = { "-wal", "-shm", "-journal" };
	char name[PATH_MAX];
	int fd;

	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, leftovers[i]);
		if (unlink(name) && errno != ENOENT)
			return error_errno(err, errno, "sqlite",
					   "cannot remove %s", name);
	}
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "sqlite", "cannot make %s",
				   path);
	close(fd);
	return sync_folder(path, err);
}

static int make_if_missing(struct conn *c, struct wr_error *err)
{
	struct stat st;
	int status = lock_take(&c->lock, &c->db, err);

	if (status)
		return status;
	if (!stat(c->db.path, &st) || errno != ENOENT)
		return 0; /* another process was first */
	return make_file(c->db.path, err);
}

/* Somebody may have turned the WAL mode off with another program. */
static int ensure_wal(struct conn *c, struct wr_error *err)
{
	sqlite3_stmt *stmt;
	int code, status;
	bool wal;

	code = sqlite3_prepare_v2(c->db.handle, "PRAGMA journal_mode", -1,
				  &stmt, NULL);
	if (code)
		return db_fail(&c->db, code, err);
	status = db_step(&c->db, stmt, err);
	wal = status > 0 &&
	      !strcmp((const char *)sqlite3_column_text(stmt, 0), "wal");
	sqlite3_finalize(stmt);
	if (status < 0 || wal || sqlite3_db_readonly(c->db.handle, "main"))
		return status < 0 ? status : 0;
	status = lock_take(&c->lock, &c->db, err);
	return status ? status
		      : db_exec(&c->db, "PRAGMA journal_mode = WAL", err);
}

/* The tables as this program knows them. */
static int ensure_schema(struct conn *c, enum wr_create create,
			 const struct settings *wishes, struct wr_error *err)
{
	uint32_t version, ran = 0;
	int status = schema_version(&c->db, &version, err);

	if (status)
		return status;
	if (!version && create == WR_CREATE_NEVER)
		return error_set(err, WR_ENOENT, 0, "sqlite",
				 "%s is empty: make a store with windrow init",
				 c->db.path);
	if (version < SCHEMA_LATEST) {
		status = lock_take(&c->lock, &c->db, err);
		if (!status)
			status = schema_migrate(&c->db, wishes, &ran, err);
		if (status)
			return status;
	}
	if (create == WR_CREATE_NEW && (version || !ran))
		return error_set(err, WR_EEXIST, 0, "sqlite",
				 "%s is a store already", c->db.path);
	return ran ? 0 : ensure_wal(c, err);
}

static int connect_once(struct conn *c, enum wr_create create,
			struct settings *settings, struct wr_error *err)
{
	struct settings recorded;
	int status = look(c->db.path, err);

	if (status == WR_ENOENT) {
		if (create == WR_CREATE_NEVER)
			return error_set(err, WR_ENOENT, ENOENT, "sqlite",
					 "there is no store %s: make one with "
					 "windrow init",
					 c->db.path);
		status = make_if_missing(c, err);
	}
	if (!status)
		status = db_open(
			&c->db, c->writer ? WRITER_CACHE_KIB : READER_CACHE_KIB,
			err);
	if (!status)
		status = ensure_schema(c, create, settings, err);
	if (!status)
		status = schema_read_settings(&c->db, &recorded, err);
	if (!status)
		status = settings_agree(settings, &recorded, "sqlite", err);
	lock_give(&c->lock);
	if (status)
		db_close(&c->db, false);
	return status;
}

/*
 * While another process makes the store, or turns its WAL mode on, SQLite may
 * find it busy without asking for patience.
 */
int conn_connect(struct conn *c, enum wr_create create,
		 struct settings *settings, struct wr_error *err)
{
	struct settings wishes = *settings;
	int status, tries = 0;

	do {
		*settings = wishes;
		status = connect_once(c, create, settings, err);
	} while (status == WR_EBUSY && db_pause(&c->db, tries++));
	return status;
}
