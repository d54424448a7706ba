#include "backend/sqlite/conn.h"

#include "backend/sqlite/schema.h"
#include "base/error.h"
#include "base/log.h"
#include <string.h>

/*
 * The -wal file is merged into the store when it has so many pages; when a
 * reader has kept it from being used anew for long, with a moment's patience.
 */
enum {
	WAL_PAGES = 32 * 1024 * 1024 / DB_PAGE_SIZE,
	WAL_PAGES_MOST = 8 * WAL_PAGES,
	WAL_PATIENCE_MS = 200,
	CLOSE_PATIENCE_MS = 1000
};

int conn_init(struct conn *c, const struct conn_shared *shared, bool writer)
{
	*c = (struct conn){ .shared = shared, .writer = writer };
	lock_init(&c->lock);
	return db_init(&c->db, shared->path);
}

void conn_release(struct conn *c)
{
	db_close(&c->db, false);
	lock_release(&c->lock);
	db_release(&c->db);
}

/* What was open before may have been fixed meanwhile, by another op. */
static bool completes(const struct settings *now, const struct settings *before)
{
	return (!before->dim || now->dim == before->dim) &&
	       (!before->embedder[0] ||
		!strcmp(now->embedder, before->embedder)) &&
	       (!before->model[0] || !strcmp(now->model, before->model));
}

/* What is there now must suit what the store's user was told. */
static int adopt(struct conn *c, const struct settings *before,
		 struct wr_error *err)
{
	const struct settings *now = &c->settings;
	int status;

	if (now->dim == before->dim &&
	    !strcmp(now->embedder, before->embedder) &&
	    !strcmp(now->model, before->model))
		return 0;
	if (completes(now, before)) {
		c->settings_news = true;
		return 0;
	}
	if (now->dim || now->embedder[0])
		return error_set(err, WR_ESCHEMA, 0, "sqlite",
				 "%s was replaced by a store with embedder "
				 "\"%.40s\", dimension %u: open it again",
				 c->db.path, now->embedder, (unsigned)now->dim);
	/* A new one. */
	status = conn_begin(c, err);
	if (!status)
		status = schema_write_settings(&c->db, before, err);
	if (!status)
		status = conn_commit(c, err);
	conn_settle(c);
	if (!status)
		c->settings = *before;
	return status;
}

int conn_ready(struct conn *c, struct wr_error *err)
{
	struct settings before = c->settings;
	enum wr_create create = c->shared->create == WR_CREATE_NEVER
					? WR_CREATE_NEVER
					: WR_CREATE_IF_MISSING;
	int status;

	db_set_patience(&c->db, c->shared->busy_timeout_ms);
	if (c->db.handle && !c->db.broken) {
		if (db_file_is_there(&c->db))
			return 0;
		log_message(c->shared->log, WR_LOG_WARN, "sqlite",
			    "%s was deleted or replaced: opening what is there "
			    "now",
			    c->db.path);
	}
	db_close(&c->db, false);
	status = conn_connect(c, create, &c->settings, err);
	if (!status)
		status = adopt(c, &before, err);
	if (status)
		db_close(&c->db, false);
	return status;
}

void conn_settle(struct conn *c)
{
	db_settle(&c->db);
	lock_give(&c->lock);
}

void conn_close(struct conn *c, bool last)
{
	struct wr_error unused;

	if (c->db.handle && last && !c->db.broken && db_file_is_there(&c->db)) {
		/*
		 * One that writes now will do it when it closes: who has only
		 * read does not wait for it.
		 */
		db_set_patience(&c->db, c->wrote ? CLOSE_PATIENCE_MS : 0);
		atomic_store(&c->db.canceled, false);
		last = !lock_take(&c->lock, &c->db, &unused);
	} else {
		last = false;
	}
	db_close(&c->db, last);
	lock_give(&c->lock);
}

int conn_begin(struct conn *c, struct wr_error *err)
{
	int status = lock_take(&c->lock, &c->db, err);

	if (!status)
		status = db_run(&c->db, SQL_BEGIN_WRITE, err);
	if (!status)
		status = schema_check(&c->db, err);
	/* Remembers the -wal file, the first time. */
	if (!status && !c->db.wal_ino)
		db_wal_is_there(&c->db);
	return status;
}

/*
 * Commits would go on succeeding into a file that has no name any more.  One
 * whose -wal file alone was removed is whole again once that is merged.
 */
static int check_place(struct conn *c, struct wr_error *err)
{
	if (!db_file_is_there(&c->db)) {
		c->db.broken = true;
		return error_set(
			err, WR_EIO, 0, "sqlite",
			"%s was deleted or replaced while it was being "
			"written",
			c->db.path);
	}
	if (!db_wal_is_there(&c->db)) {
		c->db.broken = true;
		sqlite3_wal_checkpoint_v2(c->db.handle, NULL,
					  SQLITE_CHECKPOINT_TRUNCATE, NULL,
					  NULL);
		return error_set(err, WR_EIO, 0, "sqlite",
				 "%s-wal was deleted while it was in use",
				 c->db.path);
	}
	return 0;
}

int conn_commit(struct conn *c, struct wr_error *err)
{
	int status = db_run(&c->db, SQL_COMMIT, err);

	c->wrote = true;
	return status ? status : check_place(c, err);
}

void conn_checkpoint(struct conn *c)
{
	int code, mode = SQLITE_CHECKPOINT_PASSIVE;

	if (c->db.wal_pages < WAL_PAGES || !c->db.handle || c->db.broken)
		return;
	if (c->db.wal_pages >= WAL_PAGES_MOST) {
		mode = SQLITE_CHECKPOINT_TRUNCATE;
		db_set_patience(&c->db, WAL_PATIENCE_MS);
	}
	code = sqlite3_wal_checkpoint_v2(c->db.handle, NULL, mode, NULL, NULL);
	/* What was committed is safe; the next one may do better. */
	if (code && code != SQLITE_BUSY && code != SQLITE_INTERRUPT)
		log_message(c->shared->log, WR_LOG_WARN, "sqlite",
			    "%s: check-point: %s", c->db.path,
			    sqlite3_errmsg(c->db.handle));
}
