/*
 * sqlite.c - the backend over one SQLite file.
 *
 * Ops wait in two queues: one connection works through the writes, a few others
 * through the reads, each on a worker of the loop.
 */
#include "backend/backend.h"
#include "backend/settings.h"
#include "backend/sqlite/conn.h"
#include "backend/sqlite/location.h"
#include "base/error.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

enum { WRITER, NREADERS = 3, NCONNS = 1 + NREADERS };

struct slot {
	struct loop_job job;
	struct backend_op *op; /* loop thread only; NULL: idle */
	struct store *store;
	struct conn conn; /* the worker's while op runs */
};

struct store {
	/* Immutable. */
	struct conn_shared shared;
	struct loop *loop;

	/* Loop thread only. */
	struct settings settings;
	struct list_node writes, reads; /* ops that wait for a connection */
	struct list_node canceled;	/* ops whose end is to be told */
	struct loop_task tell;
	bool telling; /* tell is posted */
	struct slot slots[NCONNS];

	struct loop_job closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

typedef int (*op_function)(struct conn *c, struct backend_op *op,
			   struct wr_error *err);

static const op_function functions[BACKEND_NKINDS] = {
	[BACKEND_LOOKUP] = op_lookup,	[BACKEND_WRITE] = op_write,
	[BACKEND_KNOWN] = op_known,	[BACKEND_GET] = op_get,
	[BACKEND_SCAN] = op_scan,	[BACKEND_SEARCH] = op_search,
	[BACKEND_PENDING] = op_pending, [BACKEND_PRUNE] = op_prune,
	[BACKEND_STATS] = op_stats,	[BACKEND_CHECK] = op_check,
	[BACKEND_MIGRATE] = op_migrate, [BACKEND_SETTINGS] = op_settings,
	[BACKEND_INDEX] = op_index,	[BACKEND_PROGRESS] = op_progress,
};

static bool is_write(const struct backend_op *op)
{
	switch (op->kind) {
	case BACKEND_WRITE:
	case BACKEND_MIGRATE:
	case BACKEND_SETTINGS:
		return true;
	case BACKEND_PRUNE:
		return !op->u.prune.dry_run;
	case BACKEND_CHECK: /* FTS5's own check counts as a write */
		return op->u.check.flags & WR_CHECK_DEEP;
	default:
		return false;
	}
}

/* ------------------------------------------------------ running an op -- */

/* Reads see one state of the store. */
static int run_op(struct conn *c, struct backend_op *op)
{
	struct wr_error *err = &op->error;
	int status = conn_ready(c, err);

	if (!status && !is_write(op))
		status = db_run(&c->db, SQL_BEGIN_READ, err);
	if (!status)
		status = functions[op->kind](c, op, err);
	conn_settle(c);
	return status;
}

static void slot_work(struct loop_job *job)
{
	struct slot *slot = list_item(job, struct slot, job);
	struct backend_op *op = slot->op;
	int status;

	error_clear(&op->error);
	status = run_op(&slot->conn, op);
	/* Interrupted, SQLite may say so in other words. */
	if (status && atomic_load(&slot->conn.db.canceled))
		status = WR_ECANCELED;
	if (!status)
		error_clear(&op->error);
	else if (status == WR_ENOMEM)
		error_nomem(&op->error, "sqlite");
	else if (status == WR_ECANCELED)
		error_set(&op->error, WR_ECANCELED, 0, "sqlite", "cancelled");
	else
		assert(op->error.status == status);
}

static void start_ops(struct store *s);

static void slot_done(struct loop_job *job)
{
	struct slot *slot = list_item(job, struct slot, job);
	struct store *s = slot->store;
	struct backend_op *op = slot->op;

	if (slot->conn.settings_news)
		s->settings = slot->conn.settings;
	slot->conn.settings_news = false;
	slot->op = NULL;
	start_ops(s);
	op->done(op);
}

static void start_op(struct store *s, struct slot *slot,
		     struct list_node *queue)
{
	struct list_node *n = slot->op ? NULL : list_take(queue);

	if (!n)
		return;
	slot->op = list_item(n, struct backend_op, link);
	slot->conn.settings = s->settings;
	atomic_store(&slot->conn.db.canceled, false);
	loop_offload(s->loop, &slot->job);
}

static void start_ops(struct store *s)
{
	start_op(s, &s->slots[WRITER], &s->writes);
	for (int i = WRITER + 1; i < NCONNS; i++)
		start_op(s, &s->slots[i], &s->reads);
}

static void run(void *self, struct backend_op *op)
{
	struct store *s = self;

	list_append(is_write(op) ? &s->writes : &s->reads, &op->link);
	op->backend_data = NULL;
	start_ops(s);
}

/* ----------------------------------------------------------- cancelling -- */

static void tell_canceled(struct loop_task *task)
{
	struct store *s = list_item(task, struct store, tell);
	struct list_node told;
	struct list_node *n;

	s->telling = false;
	list_init(&told);
	list_splice(&told, &s->canceled);
	while ((n = list_take(&told))) {
		struct backend_op *op = list_item(n, struct backend_op, link);

		error_set(&op->error, WR_ECANCELED, 0, "sqlite", "cancelled");
		op->done(op);
	}
}

static bool is_queued(const struct list_node *queue,
		      const struct backend_op *op)
{
	for (const struct list_node *n = queue->next; n != queue; n = n->next)
		if (n == &op->link)
			return true;
	return false;
}

static void cancel(void *self, struct backend_op *op)
{
	struct store *s = self;

	for (int i = 0; i < NCONNS; i++) {
		if (s->slots[i].op == op) {
			db_interrupt(&s->slots[i].conn.db);
			return;
		}
	}
	if (!is_queued(&s->writes, op) && !is_queued(&s->reads, op))
		return; /* cancelled already */
	list_remove(&op->link);
	list_append(&s->canceled, &op->link);
	if (!s->telling)
		loop_post(s->loop, &s->tell);
	s->telling = true;
}

/* ---------------------------------------------------- opening, closing -- */

static void store_free(struct store *s)
{
	for (int i = 0; i < NCONNS; i++)
		if (s->slots[i].conn.shared)
			conn_release(&s->slots[i].conn);
	mem_free(s->shared.path);
	mem_free(s);
}

static int init_slots(struct store *s)
{
	for (int i = 0; i < NCONNS; i++) {
		struct slot *slot = &s->slots[i];

		slot->store = s;
		slot->job.work = slot_work;
		slot->job.done = slot_done;
		if (conn_init(&slot->conn, &s->shared, i == WRITER)) {
			slot->conn.shared = NULL;
			return WR_ENOMEM;
		}
	}
	return 0;
}

static int store_open(void **self, const struct backend_config *config,
		      struct settings *settings, struct wr_error *err)
{
	struct wr_error ours;
	struct store *s = mem_zalloc(1, sizeof(*s));
	int status;

	*self = NULL;
	if (!s)
		return error_nomem(err, "sqlite");
	error_clear(&ours);
	s->loop = config->loop;
	s->shared.create = config->create;
	s->shared.log = config->log;
	s->shared.busy_timeout_ms = config->busy_timeout_ms;
	s->tell.run = tell_canceled;
	list_init(&s->writes);
	list_init(&s->reads);
	list_init(&s->canceled);
	status = settings_refuse(config, "sqlite", &ours);
	if (!status)
		status =
			location_path(&s->shared.path, config->location, &ours);
	if (!status && init_slots(s))
		status = error_nomem(&ours, "sqlite");
	if (!status) {
		struct conn *c = &s->slots[WRITER].conn;

		db_set_patience(&c->db, config->busy_timeout_ms);
		status = conn_connect(c, config->create, settings, &ours);
	}
	if (status) {
		if (err)
			*err = ours;
		store_free(s);
		return status;
	}
	s->settings = *settings;
	*self = s;
	return 0;
}

/* Readers first: the last one out merges the -wal file. */
static void closing_work(struct loop_job *job)
{
	struct store *s = list_item(job, struct store, closing);

	for (int i = NCONNS - 1; i >= 0; i--)
		conn_close(&s->slots[i].conn, i == WRITER);
}

static void closing_done(struct loop_job *job)
{
	struct store *s = list_item(job, struct store, closing);
	void (*closed)(void *arg) = s->closed;
	void *arg = s->closed_arg;

	store_free(s);
	closed(arg);
}

static void store_close(void *self, void (*closed)(void *arg), void *arg)
{
	struct store *s = self;

	s->closed = closed;
	s->closed_arg = arg;
	s->closing.work = closing_work;
	s->closing.done = closing_done;
	loop_offload(s->loop, &s->closing);
}

const struct backend_ops sqlite_backend = {
	.scheme = "sqlite",
	.lookups = 2,
	.writes = 2,
	.open = store_open,
	.run = run,
	.cancel = cancel,
	.close = store_close,
};
