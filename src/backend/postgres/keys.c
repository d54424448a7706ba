/* All keys that are stored, in their order, in bulk. */
#include "backend/postgres/rows.h"
#include "backend/postgres/task.h"
#include "base/str.h"

static int begin(struct task *t, struct wr_error *err)
{
	struct backend_op *op = t->op;
	struct params params;
	int status;

	op->u.keys.keys = NULL;
	op->u.keys.n = 0;
	op->u.keys.more = false;
	params_init(&params, &t->arena);
	status = task_add(t, PGSQL_PLAN_IN_ORDER, &params, err);
	if (status)
		return status;
	params_init(&params, &t->arena);
	params_add_text(&params,
			op->u.keys.after.ptr ? op->u.keys.after : str_of(""));
	params_add_text(&params,
			op->u.keys.until.ptr ? op->u.keys.until : str_of(""));
	params_add_int8(&params, op->u.keys.limit);
	return task_add(t, PGSQL_KEYS, &params, err);
}

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	struct backend_op *op = t->op;
	int status;

	(void)err;
	if (i == 0)
		return 0;
	status = wire_texts(res, 0, 0, &op->u.keys.result->arena,
			    &op->u.keys.keys, &op->u.keys.n);
	op->u.keys.more = op->u.keys.n == op->u.keys.limit;
	return status;
}

const struct task_kind keys_task = {
	.what = "listing keys",
	.reads = true,
	.begin = begin,
	.result = result,
};
