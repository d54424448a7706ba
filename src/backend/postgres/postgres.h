/*
 * postgres.h - a PostgreSQL store: what its files share.
 *
 * Two kinds of operations.  Those of the data's way are tasks: they run on the
 * loop, over a link of the pool (task.h).  Those of administration (open,
 * settings, migrate, index, check) run on a worker, one at a time, over a
 * session of their own.
 */
#ifndef BACKEND_POSTGRES_POSTGRES_H
#define BACKEND_POSTGRES_POSTGRES_H

#include "backend/backend.h"
#include "backend/postgres/layout.h"
#include "backend/postgres/pool.h"
#include "backend/postgres/schema.h"

struct postgres {
	/* immutable after open() */
	struct loop *loop;
	const struct log *log;
	struct conninfo info;
	uint32_t connect_timeout_ms, statement_timeout_ms;

	/*
	 * Loop thread.  While an administrative operation runs it has a copy;
	 * what it changed is taken over when it is done.
	 */
	struct layout *layout;
	struct settings settings;
	struct pool *pool;
	struct list_node tasks;	 /* under way */
	bool metadata_was_told;	 /* that there is no place for it */
	struct list_node admins; /* operations that wait for the worker */
	struct admin *admin;	 /* the one that runs; NULL: none */
	/* Those before layout: its statements may be theirs. */
	struct layout **old_layouts;
	size_t nold_layouts;
	/* Operations whose end is to be told, for that is never done inside
	 * the call that leads to it. */
	struct list_node ended;
	struct loop_task tell;
	bool telling; /* tell is posted */
	void (*closed)(void *arg);
	void *closed_arg;

	/* Shared with the worker; has a lock of its own. */
	struct schema_progress progress;
};

/*
 * The administrative operations, on the worker: 0 or a status.  l is theirs to
 * change: what they leave in it is taken over.
 */
struct admin {
	struct postgres *pg;
	struct backend_op *op;
	struct layout *layout; /* a copy */
	struct settings settings;
	struct session session;
	atomic_bool canceled;
	struct loop_job job;
	struct wr_error error;
};

/* Queue op for the worker. */
void admin_start(struct postgres *pg, struct backend_op *op);
void admin_cancel(struct postgres *pg, struct backend_op *op);

/* op ends, with err, from the loop; needs no memory. */
void postgres_end_op(struct postgres *pg, struct backend_op *op,
		     const struct wr_error *err);

int admin_settings(struct admin *a, struct wr_error *err);
int admin_migrate(struct admin *a, struct wr_error *err);
int admin_index(struct admin *a, struct wr_error *err);
int admin_check(struct admin *a, struct wr_error *err);

#endif
