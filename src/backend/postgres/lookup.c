/*
 * What is stored under the keys of a batch?  Digests travel, never contents.
 * Where equal content may lend its vector a second exchange asks for it.
 */
#include "backend/decide.h"
#include "backend/places.h"
#include "backend/postgres/rows.h"
#include <string.h>

struct lookups {
	struct place *places; /* n, sorted */
	size_t at;
	/* The second exchange: item of each digest that is asked for. */
	size_t *asked, nasked;
};

static int begin(struct task *t, struct wr_error *err)
{
	const struct lookup *items = t->op->u.lookup.items;
	size_t n = t->op->u.lookup.n;
	struct lookups *s = arena_zalloc(&t->arena, 1, sizeof(*s));
	const struct stored_row none = { 0 };

	if (!s)
		return WR_ENOMEM;
	t->state = s;
	s->places = arena_zalloc(&t->arena, n, sizeof(*s->places));
	if (!s->places)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		s->places[i].key = items[i].rec->key;
		s->places[i].i = i;
		decide_lookup(&t->op->u.lookup.items[i], &none);
	}
	places_sort(s->places, n);
	return rows_ask(t, s->places, n, err);
}

static void take_row(struct task *t, const PGresult *res, int row)
{
	struct lookups *s = t->state;
	size_t n = t->op->u.lookup.n;
	struct wr_str key = wire_text(res, row, 0);
	size_t k = places_find(s->places, n, key, &s->at);
	struct found_row found;

	rows_read(&found, res, row);
	for (; k < n && str_eq(s->places[k].key, key); k++) {
		struct lookup *item = &t->op->u.lookup.items[s->places[k].i];

		rows_leave_metadata_out(&found, t->pg->layout, item->rec);
		decide_lookup(item, &found.stored);
	}
}

static int take_rows(struct task *t, const PGresult *res)
{
	for (int row = 0; row < PQntuples(res); row++)
		take_row(t, res, row);
	return 0;
}

static int take_vectors(struct task *t, const PGresult *res)
{
	const struct layout *l = t->pg->layout;
	const struct lookups *s = t->state;

	for (int row = 0; row < PQntuples(res); row++) {
		int64_t place = wire_int8(res, row, 0);
		struct lookup *item;

		if (place < 1 || (uint64_t)place > s->nasked)
			continue;
		item = &t->op->u.lookup.items[s->asked[place - 1]];
		item->reused = wire_vector(res, row, 1, &l->vector,
					   item->vector, l->dim);
	}
	return 0;
}

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	(void)i;
	(void)err;
	return t->round ? take_vectors(t, res) : take_rows(t, res);
}

/* The original's table has no digest to find a content by. */
static int choose(struct task *t, size_t *bytes)
{
	const struct layout *l = t->pg->layout;
	struct lookups *s = t->state;
	size_t n = t->op->u.lookup.n;

	if (l->plain || !l->dim)
		return 0;
	s->asked = arena_zalloc(&t->arena, n, sizeof(*s->asked));
	if (!s->asked)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (decide_reuse(&t->op->u.lookup.items[i]))
			s->asked[s->nasked++] = i;
	*bytes = s->nasked * DIGEST_SIZE;
	return 0;
}

static int next(struct task *t, bool *more, struct wr_error *err)
{
	bool distributed = t->pg->layout->distributed;
	struct lookups *s = t->state;
	struct params params;
	struct array a;
	size_t bytes = 0;
	int status;

	if (t->round)
		return 0;
	status = choose(t, &bytes);
	if (status || !s->nasked)
		return status;
	params_init(&params, &t->arena);
	array_begin(&a, &params, OID_BYTEA_ARRAY, OID_BYTEA, s->nasked, bytes);
	for (size_t i = 0; i < s->nasked; i++)
		array_put_text(&a, rows_bytes(t->op->u.lookup.items[s->asked[i]]
						      .rec->content_hash,
					      DIGEST_SIZE));
	array_end(&a);
	*more = true;
	return task_add(t,
			distributed ? PGSQL_VECTORS_BY_CONTENT_DISTRIBUTED
				    : PGSQL_VECTORS_BY_CONTENT,
			&params, err);
}

const struct task_kind lookup_task = {
	.what = "looking a batch up",
	.reads = true,
	.begin = begin,
	.result = result,
	.next = next,
};
