/* Documents by key, some hundreds at a time. */
#include "backend/postgres/document.h"
#include "backend/postgres/rows.h"

enum { AT_ONCE = 256 };

struct gets {
	struct place *places; /* n, sorted */
	size_t first, end;    /* those that are asked for now */
	size_t at;
};

static int ask(struct task *t, struct wr_error *err)
{
	unsigned parts = t->op->u.get.parts;
	struct gets *s = t->state;
	struct arena arena = { 0 };
	struct params params;
	int status;

	params_init(&params, &arena);
	rows_add_keys(&params, s->places + s->first, s->end - s->first);
	params_add_bool(&params, parts & WR_PART_CONTENT);
	params_add_bool(&params, parts & WR_PART_EMBEDDING);
	status = task_add(t, PGSQL_DOCUMENTS_BY_URL, &params, err);
	arena_release(&arena);
	return status;
}

static void choose(struct gets *s, size_t n)
{
	s->first = s->end;
	s->end = n - s->first > AT_ONCE ? s->first + AT_ONCE : n;
	s->at = s->first;
}

static int begin(struct task *t, struct wr_error *err)
{
	struct result *result = t->op->u.get.result;
	size_t n = t->op->u.get.n;
	struct gets *s = arena_zalloc(&t->arena, 1, sizeof(*s));

	if (!s)
		return WR_ENOMEM;
	t->state = s;
	s->places = arena_zalloc(&t->arena, n, sizeof(*s->places));
	if (!s->places)
		return WR_ENOMEM;
	result->ndocs = 0;
	for (size_t i = 0; i < n; i++) {
		s->places[i].key = t->op->u.get.keys[i];
		s->places[i].i = i;
		if (!result_add(result))
			return WR_ENOMEM;
	}
	places_sort(s->places, n);
	choose(s, n);
	return ask(t, err);
}

static int take_row(struct task *t, const PGresult *res, int row)
{
	struct result *result = t->op->u.get.result;
	struct gets *s = t->state;
	struct wr_str key = wire_text(res, row, DOCUMENT_URL);
	size_t k = places_find(s->places, s->end, key, &s->at);
	int status = 0;

	for (; !status && k < s->end && str_eq(s->places[k].key, key); k++)
		status = document_read(&result->docs[s->places[k].i], result,
				       t->pg->layout, res, row);
	return status;
}

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	int status = 0;

	(void)i;
	(void)err;
	for (int row = 0; !status && row < PQntuples(res); row++)
		status = take_row(t, res, row);
	return status;
}

static int next(struct task *t, bool *more, struct wr_error *err)
{
	struct gets *s = t->state;

	if (s->end == t->op->u.get.n)
		return 0;
	choose(s, t->op->u.get.n);
	*more = true;
	return ask(t, err);
}

const struct task_kind get_task = {
	.what = "reading documents",
	.reads = true,
	.begin = begin,
	.result = result,
	.next = next,
};
