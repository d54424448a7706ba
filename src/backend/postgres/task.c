#include "backend/postgres/task.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

/* ----------------------------------------------------------- the end -- */

static void release_state(struct task *t)
{
	if (t->kind->release)
		t->kind->release(t);
	t->state = NULL;
	arena_release(&t->arena);
}

/* Give back all that t has; its op is the caller's to end. */
static void task_release(struct task *t)
{
	if (t->link)
		pool_give(t->pg->pool, t->link);
	list_remove(&t->node);
	release_state(t);
	mem_free(t);
}

/* Never from inside run() or cancel(): they leave it to the loop. */
static void task_end(struct task *t, const struct wr_error *err)
{
	struct backend_op *op = t->op;

	op->error = *err;
	task_release(t);
	op->done(op);
}

static void task_end_later(struct task *t, const struct wr_error *err)
{
	struct postgres *pg = t->pg;
	struct backend_op *op = t->op;

	task_release(t);
	postgres_end_op(pg, op, err);
}

/* ------------------------------------------------------------ running -- */

/* What a kind's functions return, with words for it. */
static int settle(const struct task *t, int status, struct wr_error *err)
{
	if (status == WR_ENOMEM)
		return error_nomem(err, "postgres");
	if (status && err->status != status)
		return error_set(err, status, 0, "postgres", "%s",
				 t->kind->what);
	return status;
}

static void run_exchange(struct task *t)
{
	struct postgres *pg = t->pg;

	link_run(t->link, &t->exchange,
		 loop_now_us(pg->loop) +
			 (int64_t)pg->statement_timeout_ms * 1000);
}

/* t has a link. */
static int begin(struct task *t, struct wr_error *err)
{
	int status;

	error_clear(err);
	t->round = 0;
	t->state = NULL;
	status = settle(t, t->kind->begin(t, err), err);
	if (!status)
		run_exchange(t);
	return status;
}

static int on_result(struct exchange *x, unsigned i, const PGresult *res,
		     struct wr_error *err)
{
	struct task *t = list_item(x, struct task, exchange);

	return t->kind->result ? t->kind->result(t, i, res, err) : 0;
}

/* The link had been idle, and the server closed it meanwhile, most likely. */
static bool can_begin_again(const struct task *t, const struct wr_error *err)
{
	return t->kind->reads && !t->begun_again && !t->canceled &&
	       err->status == WR_EIO && link_is_broken(t->link) &&
	       link_is_used(t->link);
}

static void begin_again(struct task *t)
{
	pool_give(t->pg->pool, t->link);
	t->link = NULL;
	t->begun_again = true;
	release_state(t);
	t->wait.fresh = true;
	pool_take(t->pg->pool, &t->wait);
}

static bool can_begin_otherwise(const struct task *t,
				const struct wr_error *err)
{
	return t->kind->may_begin_again && !t->begun_again && !t->canceled &&
	       !t->round && !link_is_broken(t->link) &&
	       t->kind->may_begin_again(t, err);
}

static int begin_otherwise(struct task *t, struct wr_error *err)
{
	t->begun_again = true;
	release_state(t);
	return begin(t, err);
}

/* 1: another exchange runs. */
static int go_on(struct task *t, struct wr_error *err)
{
	bool more = false;
	int status;

	if (!t->kind->next)
		return 0;
	status = settle(t, t->kind->next(t, &more, err), err);
	if (status || !more)
		return status;
	if (t->canceled)
		return error_set(err, WR_ECANCELED, 0, "postgres",
				 "%s: cancelled", t->kind->what);
	t->round++;
	run_exchange(t);
	return 1;
}

static void on_done(struct exchange *x, const struct wr_error *err)
{
	struct task *t = list_item(x, struct task, exchange);
	struct wr_error ours = { 0 };

	if (!err->status) {
		if (go_on(t, &ours) <= 0)
			task_end(t, &ours);
	} else if (can_begin_again(t, err)) {
		begin_again(t);
	} else if (!can_begin_otherwise(t, err)) {
		task_end(t, err);
	} else if (begin_otherwise(t, &ours)) {
		task_end(t, &ours);
	}
}

static void on_link(struct pool_wait *w, struct link *l,
		    const struct wr_error *err)
{
	struct task *t = list_item(w, struct task, wait);
	struct wr_error ours;

	if (!l) {
		task_end(t, err);
		return;
	}
	t->link = l;
	if (begin(t, &ours))
		task_end(t, &ours);
}

void task_start(struct postgres *pg, struct backend_op *op,
		const struct task_kind *kind)
{
	struct task *t = mem_zalloc(1, sizeof(*t));
	struct wr_error err;

	op->backend_data = t;
	if (!t) {
		error_nomem(&err, "postgres");
		postgres_end_op(pg, op, &err);
		return;
	}
	t->pg = pg;
	t->op = op;
	t->kind = kind;
	t->exchange.result = on_result;
	t->exchange.done = on_done;
	t->exchange.what = kind->what;
	t->wait.ready = on_link;
	arena_init(&t->arena);
	list_append(&pg->tasks, &t->node);
	t->link = pool_try(pg->pool);
	if (!t->link)
		pool_take(pg->pool, &t->wait);
	else if (begin(t, &err))
		task_end_later(t, &err);
}

void task_cancel(struct task *t)
{
	struct wr_error err;

	if (t->canceled)
		return;
	t->canceled = true;
	if (t->link) {
		link_cancel(t->link);
		return;
	}
	pool_leave(t->pg->pool, &t->wait);
	error_set(&err, WR_ECANCELED, 0, "postgres", "%s: cancelled",
		  t->kind->what);
	task_end_later(t, &err);
}

int task_add(struct task *t, enum pgsql which, const struct params *p,
	     struct wr_error *err)
{
	return link_add(t->link, t->pg->layout->sql[which], p, err);
}

/* Citus hands on what is set by SET LOCAL in a block, and nothing else. */
static int set_one(struct task *t, const struct task_setting *setting,
		   struct wr_error *err)
{
	struct buf sql = { 0 };
	int status;

	buf_printf(&sql, "SET LOCAL %s = '%s'", setting->name, setting->value);
	status = buf_status(&sql);
	if (!status)
		status = link_tell(t->link, sql.ptr, err);
	buf_release(&sql);
	return status;
}

int task_begin_spread(struct task *t, const struct task_setting *settings,
		      size_t n, struct wr_error *err)
{
	static const struct task_setting hand_on = {
		"citus.propagate_set_commands", "local"
	};
	int status = link_begin(t->link, err);

	if (!status)
		status = set_one(t, &hand_on, err);
	for (size_t i = 0; !status && i < n; i++)
		status = set_one(t, &settings[i], err);
	return status;
}
