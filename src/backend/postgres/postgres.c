/*
 * postgres.c - the backend over a PostgreSQL server.
 */
#include "backend/postgres/postgres.h"

#include "backend/postgres/task.h"
#include "base/error.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

/* NULL: an operation of administration, or not there. */
static const struct task_kind *const kinds[BACKEND_NKINDS] = {
	[BACKEND_LOOKUP] = &lookup_task,   [BACKEND_WRITE] = &write_task,
	[BACKEND_KNOWN] = &known_task,	   [BACKEND_GET] = &get_task,
	[BACKEND_SCAN] = &scan_task,	   [BACKEND_SEARCH] = &search_task,
	[BACKEND_PENDING] = &pending_task, [BACKEND_PRUNE] = &prune_task,
	[BACKEND_STATS] = &stats_task,	   [BACKEND_PROGRESS] = &progress_task,
	[BACKEND_KEYS] = &keys_task,
};

/* ---------------------------------------------------------- operations -- */

static void tell_ended(struct loop_task *task)
{
	struct postgres *pg = list_item(task, struct postgres, tell);
	struct list_node told, *n;

	pg->telling = false;
	list_init(&told);
	list_splice(&told, &pg->ended);
	while ((n = list_take(&told))) {
		struct backend_op *op = list_item(n, struct backend_op, link);

		op->done(op);
	}
}

void postgres_end_op(struct postgres *pg, struct backend_op *op,
		     const struct wr_error *err)
{
	op->error = *err;
	op->backend_data = NULL;
	list_append(&pg->ended, &op->link);
	if (!pg->telling)
		loop_post(pg->loop, &pg->tell);
	pg->telling = true;
}

static void run(void *self, struct backend_op *op)
{
	struct postgres *pg = self;

	op->backend_data = NULL;
	error_clear(&op->error);
	if (kinds[op->kind])
		task_start(pg, op, kinds[op->kind]);
	else
		admin_start(pg, op);
}

/* An op that has ended, and waits to be told so, is no task any more. */
static void cancel(void *self, struct backend_op *op)
{
	if (op->backend_data)
		task_cancel(op->backend_data);
	else
		admin_cancel(self, op);
}

/* ------------------------------------------------------------- opening -- */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static void postgres_free(struct postgres *pg)
{
	for (size_t i = 0; i <= pg->nold_layouts; i++) {
		struct layout *l =
			i < pg->nold_layouts ? pg->old_layouts[i] : pg->layout;

		if (l)
			layout_release(l);
		mem_free(l);
	}
	mem_free(pg->old_layouts);
	pthread_mutex_destroy(&pg->progress.lock);
	conninfo_release(&pg->info);
	mem_free(pg);
}

/* What the options say, else what the URL says, else the default. */
static int set_name(char to[LAYOUT_NAME], const char *option, const char *url,
		    const char *otherwise, const char *what,
		    struct wr_error *err)
{
	const char *name = option && *option ? option
			   : url && *url     ? url
					     : otherwise;

	if (strlen(name) >= LAYOUT_NAME)
		return error_set(err, WR_EINVAL, 0, "postgres",
				 "the name of the %s is longer than %d bytes",
				 what, LAYOUT_NAME - 1);
	snprintf(to, LAYOUT_NAME, "%s", name);
	return 0;
}

static int make_pool(struct postgres *pg, const struct backend_config *config,
		     struct wr_error *err)
{
	struct pool_config c = {
		.loop = pg->loop,
		.log = pg->log,
		.info = &pg->info,
		.size = or_default(config->pool_size, 20),
		.overflow = config->max_overflow == WR_NONE
				    ? 0
				    : or_default(config->max_overflow, 10),
		.recycle_s = or_default(config->pool_recycle_s, 3600),
		.timeout_ms = or_default(config->pool_timeout_ms, 30000),
		.connect_timeout_ms = pg->connect_timeout_ms,
	};

	return pool_new(&pg->pool, &c) ? error_nomem(err, "postgres") : 0;
}

static int find_store(struct postgres *pg, const struct backend_config *config,
		      struct settings *settings, struct wr_error *err)
{
	struct session s = { .info = &pg->info };
	struct layout *l = pg->layout;
	int status;

	status = set_name(l->schema, config->schema, pg->info.schema, "public",
			  "schema", err);
	if (!status)
		status = set_name(l->table, config->table, pg->info.table,
				  "scraped_documents", "table", err);
	if (!status)
		status = session_open(&s, pg->connect_timeout_ms, err);
	/* Somebody may hold a lock on the tables for as long as they like. */
	s.deadline_us =
		session_now_us() + (int64_t)pg->statement_timeout_ms * 1000;
	if (!status)
		status = schema_open(l, &s, config, settings, err);
	session_close(&s);
	return status == WR_ENOMEM ? error_nomem(err, "postgres") : status;
}

static int postgres_new(struct postgres **out,
			const struct backend_config *config)
{
	struct postgres *pg = mem_zalloc(1, sizeof(*pg));

	*out = pg;
	if (!pg)
		return WR_ENOMEM;
	pthread_mutex_init(&pg->progress.lock, NULL);
	pg->loop = config->loop;
	pg->log = config->log;
	pg->tell.run = tell_ended;
	list_init(&pg->tasks);
	list_init(&pg->admins);
	list_init(&pg->ended);
	pg->layout = mem_zalloc(1, sizeof(*pg->layout));
	if (pg->layout)
		return 0;
	postgres_free(pg);
	*out = NULL;
	return WR_ENOMEM;
}

static int postgres_open(void **self, const struct backend_config *config,
			 struct settings *settings, struct wr_error *err)
{
	struct wr_error ours;
	struct postgres *pg;
	int status;

	*self = NULL;
	if (postgres_new(&pg, config))
		return error_nomem(err, "postgres");
	error_clear(&ours);
	status = conninfo_init(&pg->info, config->location, &ours);
	pg->connect_timeout_ms =
		or_default(config->connect_timeout_ms,
			   or_default(pg->info.connect_timeout_ms, 10000));
	pg->statement_timeout_ms =
		or_default(config->statement_timeout_ms, 30000);
	if (!status)
		status = find_store(pg, config, settings, &ours);
	if (!status)
		status = make_pool(pg, config, &ours);
	if (status) {
		if (err)
			*err = ours;
		postgres_free(pg);
		return status;
	}
	pg->settings = *settings;
	*self = pg;
	return 0;
}

/* ------------------------------------------------------------- closing -- */

static void pool_closed(void *arg)
{
	struct postgres *pg = arg;
	void (*closed)(void *arg) = pg->closed;
	void *closed_arg = pg->closed_arg;

	postgres_free(pg);
	closed(closed_arg);
}

static void postgres_close(void *self, void (*closed)(void *arg), void *arg)
{
	struct postgres *pg = self;

	pg->closed = closed;
	pg->closed_arg = arg;
	pool_close(pg->pool, pool_closed, pg);
}

const struct backend_ops postgres_backend = {
	.scheme = "postgresql",
	.caps = BACKEND_CAN_HYBRID | BACKEND_LISTS_KEYS | BACKEND_WRITES_BLIND,
	.lookups = 2,
	.writes = 4,
	.open = postgres_open,
	.run = run,
	.cancel = cancel,
	.close = postgres_close,
};
