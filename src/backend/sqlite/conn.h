/*
 * conn.h - a connection of a store, and the operation that it carries out.
 *
 * A store has one connection that writes and a few that read.  The loop's
 * thread hands an op to an idle connection; from then until the job is done the
 * connection belongs to a worker.
 */
#ifndef BACKEND_SQLITE_CONN_H
#define BACKEND_SQLITE_CONN_H

#include "backend/backend.h"
#include "backend/sqlite/db.h"
#include "backend/sqlite/lock.h"
#include "base/buf.h"

/* What connections share; does not change while the store is open. */
struct conn_shared {
	char *path;
	enum wr_create create;
	const struct log *log;
	uint32_t busy_timeout_ms;
};

struct conn {
	const struct conn_shared *shared;
	bool writer;
	bool wrote; /* since it was made */
	struct db db;
	struct lock lock;
	/* What the store fixed; a copy, so that no two threads share one. */
	struct settings settings;
	bool settings_news; /* it changed: to be taken over */
};

int conn_init(struct conn *c, const struct conn_shared *shared, bool writer);
void conn_release(struct conn *c);

/*
 * Open the file; make it or bring its schema up to date if that is due.
 * settings: wishes in, what is recorded out.
 */
int conn_connect(struct conn *c, enum wr_create create,
		 struct settings *settings, struct wr_error *err);
/* Connect again if the file was replaced or an error asks for it. */
int conn_ready(struct conn *c, struct wr_error *err);
/* Nothing of the operation stays behind. */
void conn_settle(struct conn *c);
/* The last one closes the store: its -wal file is merged into it. */
void conn_close(struct conn *c, bool last);

/* Take the lock and begin a write transaction. */
int conn_begin(struct conn *c, struct wr_error *err);
/* Commit, and see that it went into the file at the path. */
int conn_commit(struct conn *c, struct wr_error *err);
/* Merge the -wal file into the store if it has grown; the lock is held. */
void conn_checkpoint(struct conn *c);

static inline bool conn_has_text(const struct conn *c)
{
	return c->settings.fulltext == WR_FULLTEXT_ON;
}

/* Was the operation cancelled?  Asked between rows. */
static inline int conn_check(struct conn *c, struct wr_error *err)
{
	if (!atomic_load_explicit(&c->db.canceled, memory_order_relaxed))
		return 0;
	err->status = WR_ECANCELED;
	return WR_ECANCELED;
}

/* The operations: 0 or a negative status with the error set. */
int op_lookup(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_write(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_known(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_get(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_scan(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_search(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_pending(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_prune(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_stats(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_check(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_migrate(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_settings(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_index(struct conn *c, struct backend_op *op, struct wr_error *err);
int op_progress(struct conn *c, struct backend_op *op, struct wr_error *err);

#endif
