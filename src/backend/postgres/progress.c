/*
 * How far the work is that takes long: a migration of this process, or an index
 * that anybody builds.
 */
#include "backend/postgres/task.h"
#include "base/str.h"
#include <string.h>

static int progress_begin(struct task *t, struct wr_error *err)
{
	struct result *result = t->op->u.progress.result;
	struct params p;

	result->nproperties = result->nstats = 0;
	params_init(&p, &t->arena);
	params_add_int8(&p, t->pg->layout->oid);
	return task_add(t, PGSQL_PROGRESS, &p, err);
}

static int put(struct result *result, const char *phase, uint64_t done,
	       uint64_t total)
{
	if (result_add_property(result, "phase", phase) ||
	    result_add_stat(result, "done", done))
		return WR_ENOMEM;
	return total ? result_add_stat(result, "total", total) : 0;
}

/* 1: there is one. */
static int put_migration(struct postgres *pg, struct result *result)
{
	const char *phase;
	uint64_t done, total;
	int status;

	pthread_mutex_lock(&pg->progress.lock);
	phase = pg->progress.phase;
	done = pg->progress.done;
	total = pg->progress.total;
	pthread_mutex_unlock(&pg->progress.lock);
	if (!phase)
		return 0;
	status = put(result, phase, done, total);
	return status ? status : 1;
}

static int progress_result(struct task *t, unsigned i, const PGresult *res,
			   struct wr_error *err)
{
	struct result *result = t->op->u.progress.result;
	int status = put_migration(t->pg, result);
	int64_t done, total;
	struct wr_str phase;
	char text[64];

	(void)i;
	(void)err;
	if (status || !PQntuples(res))
		return status < 0 ? status : 0;
	phase = str_clip(wire_text(res, 0, 0), sizeof(text) - 1);
	if (phase.len)
		memcpy(text, phase.ptr, phase.len);
	text[phase.len] = '\0';
	/* A phase counts one or the other. */
	total = wire_int8(res, 0, 2);
	done = wire_int8(res, 0, 1);
	if (!total) {
		done = wire_int8(res, 0, 3);
		total = wire_int8(res, 0, 4);
	}
	return put(result, text, (uint64_t)done, (uint64_t)total);
}

const struct task_kind progress_task = {
	.what = "asking for progress",
	.reads = true,
	.begin = progress_begin,
	.result = progress_result,
};
