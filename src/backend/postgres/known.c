/* Which of many keys are stored?  Answered by the index of keys. */
#include "backend/places.h"
#include "backend/postgres/rows.h"
#include <string.h>

struct known {
	struct place *places; /* n, sorted */
	size_t at;
	bool of_row; /* the row is asked, not the key alone */
};

static int ask(struct task *t, const struct known *s, struct wr_error *err)
{
	const struct layout *l = t->pg->layout;
	int64_t since = t->op->u.known.since;
	struct arena arena = { 0 };
	struct params none, params;
	int status;

	params_init(&none, &arena);
	params_init(&params, &arena);
	rows_add_keys(&params, s->places, t->op->u.known.n);
	if (s->of_row)
		params_add_time(&params, l->time_oid,
				since ? since : INT64_MIN);
	status = task_add(t, PGSQL_PLAN_BY_INDEX, &none, err);
	if (!status)
		status = task_add(t,
				  s->of_row ? PGSQL_KNOWN_DETAILS : PGSQL_KNOWN,
				  &params, err);
	arena_release(&arena);
	return status;
}

static int begin(struct task *t, struct wr_error *err)
{
	struct backend_op *op = t->op;
	size_t n = op->u.known.n;
	struct known *s = arena_zalloc(&t->arena, 1, sizeof(*s));

	if (!s)
		return WR_ENOMEM;
	t->state = s;
	s->of_row = op->u.known.details || op->u.known.since;
	s->places = arena_zalloc(&t->arena, n, sizeof(*s->places));
	if (!s->places)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		s->places[i].key = op->u.known.keys[i];
		s->places[i].i = i;
		op->u.known.stored[i] = 0;
		if (op->u.known.details)
			op->u.known.fetched_at[i] = 0;
	}
	places_sort(s->places, n);
	return ask(t, s, err);
}

static void take_row(struct task *t, const PGresult *res, int row)
{
	struct backend_op *op = t->op;
	struct known *s = t->state;
	size_t n = op->u.known.n;
	struct wr_str key = wire_text(res, row, 0);
	size_t k = places_find(s->places, n, key, &s->at);

	/* A key may have been asked for twice. */
	for (; k < n && str_eq(s->places[k].key, key); k++) {
		size_t i = s->places[k].i;

		op->u.known.stored[i] = KNOWN_STORED;
		if (!op->u.known.details)
			continue;
		op->u.known.fetched_at[i] = wire_time(res, row, 1);
		if (wire_bool(res, row, 2))
			op->u.known.stored[i] |= KNOWN_VECTOR;
	}
}

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	(void)err;
	for (int row = 0; i == 1 && row < PQntuples(res); row++)
		take_row(t, res, row);
	return 0;
}

const struct task_kind known_task = {
	.what = "asking which keys are stored",
	.reads = true,
	.begin = begin,
	.result = result,
};
