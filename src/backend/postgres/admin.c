/*
 * Administration: one operation at a time, on a worker, over a connection that
 * is made for it.
 */
#include "backend/postgres/postgres.h"
#include "base/error.h"
#include "base/mem.h"
#include <stddef.h>
#include <string.h>

typedef int (*admin_function)(struct admin *a, struct wr_error *err);

/* NULL: not there. */
static const admin_function functions[BACKEND_NKINDS] = {
	[BACKEND_CHECK] = admin_check,
	[BACKEND_INDEX] = admin_index,
	[BACKEND_MIGRATE] = admin_migrate,
	[BACKEND_SETTINGS] = admin_settings,
};

static void start_next(struct postgres *pg);

/* ------------------------------------------------------------ layouts -- */

/* The same but for the arena: the statements stay those of the old one. */
static struct layout *copy_layout(const struct layout *l)
{
	struct layout *copy = mem_alloc(sizeof(*copy));

	if (!copy)
		return NULL;
	memcpy(copy, l, sizeof(*copy));
	memset(&copy->arena, 0, sizeof(copy->arena));
	return copy;
}

static bool is_changed(const struct layout *copy, const struct layout *from)
{
	const char *a = (const char *)copy, *b = (const char *)from;
	size_t start = offsetof(struct layout, arena);
	size_t end = start + sizeof(copy->arena);

	return copy->arena.blocks || memcmp(a, b, start) ||
	       memcmp(a + end, b + end, sizeof(*copy) - end);
}

static void drop_layout(struct layout *l)
{
	if (!l)
		return;
	layout_release(l);
	mem_free(l);
}

/* Where there is no memory to keep the old one, it stays the valid one. */
static int take_layout(struct postgres *pg, struct admin *a)
{
	struct layout **old;

	if (!is_changed(a->layout, pg->layout))
		return 0;
	old = mem_resize(pg->old_layouts, pg->nold_layouts + 1, sizeof(*old));
	if (!old)
		return WR_ENOMEM;
	pg->old_layouts = old;
	old[pg->nold_layouts++] = pg->layout;
	pg->layout = a->layout;
	a->layout = NULL;
	return 0;
}

/* ------------------------------------------------------------ running -- */

static void admin_work(struct loop_job *job)
{
	struct admin *a = list_item(job, struct admin, job);
	struct postgres *pg = a->pg;
	struct wr_error *err = &a->error;
	int status = session_open(&a->session, pg->connect_timeout_ms, err);

	/* The others take as long as the table is large; they are cancelled,
	 * and a server that is gone is noticed. */
	if (a->op->kind == BACKEND_SETTINGS)
		a->session.deadline_us =
			session_now_us() +
			(int64_t)pg->statement_timeout_ms * 1000;
	if (!status)
		status = functions[a->op->kind](a, err);
	session_close(&a->session);
	if (!status)
		error_clear(err);
	else if (atomic_load(&a->canceled))
		error_set(err, WR_ECANCELED, 0, "postgres", "cancelled");
	else if (status == WR_ENOMEM)
		error_nomem(err, "postgres");
	else if (err->status != status)
		error_set(err, status, 0, "postgres",
			  "administration of the store");
}

static void admin_done(struct loop_job *job)
{
	struct admin *a = list_item(job, struct admin, job);
	struct postgres *pg = a->pg;
	struct backend_op *op = a->op;

	op->error = a->error;
	/* Also after an error: a part may have been done. */
	if (take_layout(pg, a) && !op->error.status)
		error_nomem(&op->error, "postgres");
	pg->settings = a->settings;
	pg->admin = NULL;
	drop_layout(a->layout);
	mem_free(a);
	start_next(pg);
	op->done(op);
}

static int start(struct postgres *pg, struct backend_op *op)
{
	struct admin *a = mem_zalloc(1, sizeof(*a));

	if (!a)
		return WR_ENOMEM;
	a->layout = copy_layout(pg->layout);
	if (!a->layout) {
		mem_free(a);
		return WR_ENOMEM;
	}
	a->pg = pg;
	a->op = op;
	a->settings = pg->settings;
	a->session.info = &pg->info;
	a->session.canceled = &a->canceled;
	a->session.deadline_us = INT64_MAX;
	a->job.work = admin_work;
	a->job.done = admin_done;
	pg->admin = a;
	loop_offload(pg->loop, &a->job);
	return 0;
}

static void start_next(struct postgres *pg)
{
	struct list_node *n;
	struct wr_error err;

	while (!pg->admin && (n = list_take(&pg->admins))) {
		struct backend_op *op = list_item(n, struct backend_op, link);

		if (!start(pg, op))
			return;
		error_nomem(&err, "postgres");
		postgres_end_op(pg, op, &err);
	}
}

void admin_start(struct postgres *pg, struct backend_op *op)
{
	struct wr_error err;

	if (!functions[op->kind]) {
		error_set(&err, WR_ENOTSUP, 0, "postgres",
			  "a PostgreSQL store cannot do that");
		postgres_end_op(pg, op, &err);
		return;
	}
	list_append(&pg->admins, &op->link);
	start_next(pg);
}

void admin_cancel(struct postgres *pg, struct backend_op *op)
{
	struct wr_error err;

	if (pg->admin && pg->admin->op == op) {
		atomic_store(&pg->admin->canceled, true);
		return;
	}
	for (struct list_node *n = pg->admins.next; n != &pg->admins;
	     n = n->next) {
		if (n != &op->link)
			continue;
		list_remove(n);
		error_set(&err, WR_ECANCELED, 0, "postgres", "cancelled");
		postgres_end_op(pg, op, &err);
		return;
	}
}
