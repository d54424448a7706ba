/*
 * Deleting by filter, in steps that are bounded in what they look at and in
 * what they delete: find the keys of a stretch, then delete them.
 */
#include "backend/postgres/filter_sql.h"
#include "backend/postgres/rows.h"

enum { STRETCH = 20000 /* keys that a step looks at */ };

struct prune {
	struct wr_str *hits; /* at most limit */
	size_t nhits;
	struct wr_str last; /* ptr NULL: there is no more */
};

static int add_filter(struct task *t, struct params *params)
{
	return filter_sql_params(params, t->op->u.prune.filter, t->pg->layout);
}

static int begin(struct task *t, struct wr_error *err)
{
	struct backend_op *op = t->op;
	struct prune *s = arena_zalloc(&t->arena, 1, sizeof(*s));
	struct wr_str after = op->u.prune.after;
	struct params none, params;
	int status;

	if (!s)
		return WR_ENOMEM;
	t->state = s;
	op->u.prune.removed = 0;
	op->u.prune.more = false;
	params_init(&none, &t->arena);
	params_init(&params, &t->arena);
	status = add_filter(t, &params);
	params_add_text(&params, after.ptr ? after : str_of(""));
	if (!op->u.prune.dry_run)
		params_add_int8(&params, op->u.prune.limit);
	params_add_int8(&params, STRETCH);
	if (!status)
		status = task_add(t, PGSQL_PLAN_IN_ORDER, &none, err);
	if (!status)
		status = task_add(t,
				  op->u.prune.dry_run ? PGSQL_PRUNE_COUNT
						      : PGSQL_PRUNE_FIND,
				  &params, err);
	return status;
}

static int take_found(struct task *t, const PGresult *res)
{
	struct prune *s = t->state;
	uint32_t limit = t->op->u.prune.limit;
	int n = PQntuples(res);

	s->hits = arena_zalloc(&t->arena, (size_t)n, sizeof(*s->hits));
	if (!s->hits)
		return WR_ENOMEM;
	for (int row = 0; row < n; row++) {
		struct wr_str key;

		if (arena_dup(&t->arena, &key, wire_text(res, row, 0)))
			return WR_ENOMEM;
		if (wire_bool(res, row, 1)) {
			/* One over the limit: go on behind the one before. */
			if (s->nhits == limit) {
				s->last = s->hits[s->nhits - 1];
				return 0;
			}
			s->hits[s->nhits++] = key;
		}
		if (wire_bool(res, row, 2))
			s->last = key;
	}
	return 0;
}

static int take_count(struct task *t, const PGresult *res)
{
	struct prune *s = t->state;

	t->op->u.prune.removed = (uint64_t)wire_int8(res, 0, 0);
	if (wire_int8(res, 0, 1) < STRETCH)
		return 0;
	return arena_dup(&t->arena, &s->last, wire_text(res, 0, 2));
}

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	(void)err;
	if (t->round) {
		t->op->u.prune.removed = (uint64_t)PQntuples(res);
		return 0;
	}
	if (i == 0)
		return 0;
	return t->op->u.prune.dry_run ? take_count(t, res) : take_found(t, res);
}

static int end(struct task *t)
{
	const struct prune *s = t->state;
	struct buf *last = t->op->u.prune.last;

	t->op->u.prune.more = s->last.ptr != NULL;
	if (!last)
		return 0;
	buf_clear(last);
	if (s->last.ptr)
		buf_add_str(last, s->last);
	return buf_status(last);
}

static int next(struct task *t, bool *more, struct wr_error *err)
{
	const struct prune *s = t->state;
	struct params params;
	int status;

	if (t->round || !s->nhits)
		return end(t);
	params_init(&params, &t->arena);
	status = add_filter(t, &params);
	params_add_texts(&params, s->hits, s->nhits);
	*more = true;
	return status ? status : task_add(t, PGSQL_PRUNE_DELETE, &params, err);
}

const struct task_kind prune_task = {
	.what = "deleting documents",
	.begin = begin,
	.result = result,
	.next = next,
};
