/* Documents in key order, a page at a time, and those that wait. */
#include "backend/postgres/document.h"
#include "backend/postgres/filter_sql.h"
#include "backend/postgres/rows.h"

static struct wr_str or_empty(struct wr_str s)
{
	return s.ptr ? s : str_of("");
}

static int64_t or_any(uint64_t bytes)
{
	return bytes && bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX;
}

static int add_in_order(struct task *t, enum pgsql which,
			const struct params *params, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params none;
	int status;

	params_init(&none, &arena);
	status = task_add(t, PGSQL_PLAN_IN_ORDER, &none, err);
	if (!status)
		status = task_add(t, which, params, err);
	arena_release(&arena);
	return status;
}

/* ---------------------------------------------------------------- scan -- */

static int scan_begin(struct task *t, struct wr_error *err)
{
	struct backend_op *op = t->op;
	unsigned parts = op->u.scan.parts;
	struct arena arena = { 0 };
	struct params params;
	int status;

	op->u.scan.more = false;
	op->u.scan.result->ndocs = 0;
	params_init(&params, &arena);
	status = filter_sql_params(&params, op->u.scan.filter, t->pg->layout);
	params_add_text(&params, or_empty(op->u.scan.after));
	params_add_int8(&params, op->u.scan.limit);
	params_add_bool(&params, parts & WR_PART_CONTENT);
	params_add_bool(&params, parts & WR_PART_EMBEDDING);
	params_add_int8(&params, or_any(op->u.scan.max_bytes));
	if (!status)
		status = add_in_order(t, PGSQL_SCAN, &params, err);
	arena_release(&arena);
	return status;
}

static int scan_result(struct task *t, unsigned i, const PGresult *res,
		       struct wr_error *err)
{
	struct backend_op *op = t->op;
	struct result *result = op->u.scan.result;
	int n = i == 1 ? PQntuples(res) : 0;
	int status = 0;

	(void)err;
	for (int row = 0; !status && row < n; row++) {
		struct document *doc = result_add(result);

		status = doc ? document_read(doc, result, t->pg->layout, res,
					     row)
			     : WR_ENOMEM;
	}
	if (n)
		op->u.scan.more = (uint32_t)n >= op->u.scan.limit ||
				  wire_int8(res, n - 1, DOCUMENT_COLUMNS) >=
					  or_any(op->u.scan.max_bytes);
	return status;
}

const struct task_kind scan_task = {
	.what = "reading a page of documents",
	.reads = true,
	.begin = scan_begin,
	.result = scan_result,
};

/* ------------------------------------------------------------- pending -- */

static int add_count(struct task *t, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params none;
	int status;

	params_init(&none, &arena);
	status = task_add(t,
			  t->pg->layout->plain ? PGSQL_PENDING_COUNT_PLAIN
					       : PGSQL_PENDING_COUNT,
			  &none, err);
	arena_release(&arena);
	return status;
}

static int pending_begin(struct task *t, struct wr_error *err)
{
	struct backend_op *op = t->op;
	struct arena arena = { 0 };
	struct params params;
	int status;

	op->u.pending.result->ndocs = 0;
	params_init(&params, &arena);
	params_add_text(&params, or_empty(op->u.pending.after));
	params_add_int8(&params, op->u.pending.limit);
	params_add_int8(&params, or_any(op->u.pending.max_bytes));
	status = add_in_order(
		t, t->pg->layout->plain ? PGSQL_PENDING_PLAIN : PGSQL_PENDING,
		&params, err);
	arena_release(&arena);
	if (!status && op->u.pending.remaining)
		status = add_count(t, err);
	return status;
}

/* The digest is made here: nobody need vouch for the one that is stored. */
static int take_pending(struct result *result, const PGresult *res, int row)
{
	struct document *doc = result_add(result);

	if (!doc)
		return WR_ENOMEM;
	doc->found = true;
	doc->pending = true;
	if (arena_dup(&result->arena, &doc->key, wire_text(res, row, 0)) ||
	    arena_dup(&result->arena, &doc->content,
		      or_empty(wire_text(res, row, 1))))
		return WR_ENOMEM;
	digest_of(doc->content, doc->content_hash);
	return 0;
}

static int pending_result(struct task *t, unsigned i, const PGresult *res,
			  struct wr_error *err)
{
	struct backend_op *op = t->op;
	int status = 0;

	(void)err;
	for (int row = 0; i == 1 && !status && row < PQntuples(res); row++)
		status = take_pending(op->u.pending.result, res, row);
	if (i == 2)
		*op->u.pending.remaining = (uint64_t)wire_int8(res, 0, 0);
	return status;
}

const struct task_kind pending_task = {
	.what = "reading documents that wait",
	.reads = true,
	.begin = pending_begin,
	.result = pending_result,
};
