/*
 * Which of many keys are stored?  Answered by the index of keys.
 *
 * The server looks each key up, or, where nearly all that is stored in a
 * stretch is asked for, tells all of the stretch: reading on in an index is
 * cheaper than finding the way again.  A page tells which is the better.
 */
#include "backend/places.h"
#include "backend/postgres/rows.h"
#include <string.h>

enum {
	MANY = 8192,	 /* fewer keys are just looked up */
	SAMPLE = 2048,	 /* rows of the first page */
	PAGE = 16384,	 /* and of those behind it */
	ROWS_PER_KEY = 2 /* more of them: look each key up */
};

struct known {
	struct place *places; /* n, sorted */
	size_t at;
	size_t first; /* those before it are answered */
	bool of_row;  /* the row is asked, not the key alone */
	bool in_range;
	struct wr_str from; /* where the next page begins; in t's arena */
	int rows;	    /* of the page: wanted */
	bool over;
};

static int ask_each(struct task *t, const struct known *s, struct wr_error *err)
{
	const struct layout *l = t->pg->layout;
	int64_t since = t->op->u.known.since;
	struct arena arena = { 0 };
	struct params params;
	int status;

	params_init(&params, &arena);
	rows_add_keys(&params, s->places + s->first,
		      t->op->u.known.n - s->first);
	if (s->of_row)
		params_add_time(&params, l->time_oid,
				since ? since : INT64_MIN);
	status = task_add(t, s->of_row ? PGSQL_KNOWN_DETAILS : PGSQL_KNOWN,
			  &params, err);
	arena_release(&arena);
	return status;
}

static int ask_range(struct task *t, const struct known *s,
		     struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params params;
	int status;

	params_init(&params, &arena);
	params_add_text(&params, s->from);
	params_add_text(&params, s->places[t->op->u.known.n - 1].key);
	params_add_int8(&params, s->rows);
	status = task_add(t, PGSQL_KNOWN_RANGE, &params, err);
	arena_release(&arena);
	return status;
}

static int ask(struct task *t, const struct known *s, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params none;
	int status;

	params_init(&none, &arena);
	status = task_add(t, PGSQL_PLAN_BY_INDEX, &none, err);
	arena_release(&arena);
	if (status)
		return status;
	return s->in_range ? ask_range(t, s, err) : ask_each(t, s, err);
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
	/* Other programs' tables may have another order than that of bytes. */
	s->in_range = n >= MANY && !s->of_row && !t->pg->layout->adopted;
	if (s->in_range) {
		s->from = s->places[0].key.ptr ? s->places[0].key : str_of("");
		s->rows = SAMPLE;
	}
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

/* Is it the last page?  If not: from where, and how, to go on. */
static int end_page(struct task *t, const PGresult *res)
{
	struct known *s = t->state;
	int rows = PQntuples(res);
	size_t before = s->first;

	s->over = rows < s->rows;
	if (s->over)
		return 0;
	if (arena_dup(&t->arena, &s->from, wire_text(res, rows - 1, 0)))
		return WR_ENOMEM;
	/* at is the first key that is not less than the last one told. */
	s->first = s->at;
	s->rows = PAGE;
	s->in_range = (size_t)rows <= (s->first - before) * ROWS_PER_KEY;
	return 0;
}

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	struct known *s = t->state;

	(void)err;
	if (i == 0)
		return 0;
	for (int row = 0; row < PQntuples(res); row++)
		take_row(t, res, row);
	if (s->in_range)
		return end_page(t, res);
	s->over = true;
	return 0;
}

static int next(struct task *t, bool *more, struct wr_error *err)
{
	struct known *s = t->state;

	*more = !s->over;
	return *more ? ask(t, s, err) : 0;
}

const struct task_kind known_task = {
	.what = "asking which keys are stored",
	.reads = true,
	.begin = begin,
	.result = result,
	.next = next,
};
