/*
 * A batch of writes: one exchange, which is one transaction.
 *
 * The statements do what decide_write() says without asking it.  A row that
 * they leave alone they do not return; where that can mean more than one thing
 * the row is read, and decide_write() has the word for it.
 */
#include "backend/postgres/literals.h"
#include "backend/postgres/rows.h"
#include "backend/postgres/upsert.h"
#include "base/clock.h"
#include "base/error.h"
#include <string.h>

enum {
	/* Characters of a content whose words are stored: so many make a
	   tsvector of a megabyte, its limit, only of rare texts, */
	WORDS_OF = 250000,
	/* and so many of no text. */
	WORDS_OF_ANY = 60000
};

/* Rows of one kind, a statement. */
struct group {
	struct upsert_kind kind;
	struct write **rows;
	size_t n;
	struct group *next;
};

enum statement {
	STATEMENT_DURABLE,
	STATEMENT_UPSERT,
	STATEMENT_VECTOR,
	STATEMENT_DELETE
};

struct batch {
	struct upsert_batch upsert;
	struct place *places; /* of all rows; they come sorted */
	size_t at;
	bool *told;	      /* has the row its outcome? */
	struct group *groups; /* in the order of their first rows */
	enum statement *statements;
	size_t nstatements;
	struct write **vectors; /* of these statements, in their order */
	size_t nvectors, next_vector;
	/* The second exchange. */
	struct place *asked;
	size_t nasked;
};

/* ------------------------------------------------------------- sending -- */

static struct group *group_of(struct task *t, struct batch *b,
			      const struct write *w)
{
	struct group **link = &b->groups;
	struct upsert_kind kind;
	struct group *g;

	upsert_kind_of(&kind, w);
	for (; *link; link = &(*link)->next)
		if (upsert_kind_equal(&(*link)->kind, &kind))
			return *link;
	g = arena_zalloc(&t->arena, 1, sizeof(*g));
	if (!g)
		return NULL;
	g->rows = arena_zalloc(&t->arena, t->op->u.write.n, sizeof(*g->rows));
	if (!g->rows)
		return NULL;
	g->kind = kind;
	*link = g;
	return g;
}

/* Sorted by what is to be done: upserts by kind, vectors; deletes wait. */
static int sort_rows(struct task *t, struct batch *b)
{
	for (size_t i = 0; i < t->op->u.write.n; i++) {
		struct write *w = &t->op->u.write.items[i];
		struct group *g;

		b->places[i] = (struct place){ .key = w->rec->key, .i = i };
		if (w->kind == WRITE_VECTOR)
			b->vectors[b->nvectors++] = w;
		if (w->kind != WRITE_UPSERT)
			continue;
		g = group_of(t, b, w);
		if (!g)
			return WR_ENOMEM;
		g->rows[g->n++] = w;
	}
	return 0;
}

static int count_statement(struct batch *b, enum statement s, int status)
{
	if (!status)
		b->statements[b->nstatements++] = s;
	return status;
}

/*
 * An acknowledgement is a promise.  On the workers nobody knows what is set, so
 * that it is set there in any case.
 */
static int add_durable(struct task *t, struct batch *b, struct wr_error *err)
{
	static const struct task_setting on = { "synchronous_commit", "on" };
	struct params none;

	if (t->pg->layout->distributed)
		return task_begin_spread(t, &on, 1, err);
	params_init(&none, &t->arena);
	return count_statement(b, STATEMENT_DURABLE,
			       task_add(t, PGSQL_DURABLE, &none, err));
}

static int add_with_literals(struct task *t, enum pgsql which, struct params *p,
			     struct wr_error *err)
{
	struct buf sql = { 0 };
	int status = literals_fill(&sql, t->pg->layout->sql[which], p);

	if (!status)
		status = link_add(t->link, sql.ptr, p, err);
	buf_release(&sql);
	return status;
}

static enum pgsql statement_of(const struct layout *l,
			       const struct upsert_kind *kind)
{
	if (kind->mode == UPSERT_KEEP)
		return l->plain ? PGSQL_INSERT_PLAIN : PGSQL_INSERT;
	return l->plain ? PGSQL_UPSERT_PLAIN : PGSQL_UPSERT;
}

static int add_group(struct task *t, struct batch *b, const struct group *g,
		     struct wr_error *err)
{
	const struct layout *l = t->pg->layout;
	enum pgsql which = statement_of(l, &g->kind);
	struct arena arena = { 0 };
	struct params params;
	int status;

	params_init(&params, &arena);
	upsert_params(&params, l, &b->upsert, &g->kind, g->rows, g->n);
	status = l->distributed ? add_with_literals(t, which, &params, err)
				: task_add(t, which, &params, err);
	arena_release(&arena);
	return count_statement(b, STATEMENT_UPSERT, status);
}

static int add_vector(struct task *t, struct batch *b, const struct write *w,
		      bool first, struct wr_error *err)
{
	const struct layout *l = t->pg->layout;
	enum pgsql which = l->plain ? PGSQL_VECTOR_PUT_PLAIN : PGSQL_VECTOR_PUT;
	struct arena arena = { 0 };
	struct params params;
	int status = 0;

	params_init(&params, &arena);
	params_add_text(&params, w->rec->key);
	params_add_bytes(&params,
			 rows_bytes(w->rec->content_hash, DIGEST_SIZE));
	params_add_vector(&params, &l->vector, w->vector, l->dim);
	if (first)
		status = link_prepare(t->link, l->sql[which], &params, err);
	if (!status)
		status = link_add_again(t->link, &params, err);
	arena_release(&arena);
	return count_statement(b, STATEMENT_VECTOR, status);
}

static int add_deletes(struct task *t, struct batch *b, struct wr_error *err)
{
	struct place *places =
		arena_zalloc(&t->arena, t->op->u.write.n, sizeof(*places));
	struct params params;
	size_t n = 0;

	if (!places)
		return WR_ENOMEM;
	for (size_t i = 0; i < t->op->u.write.n; i++)
		if (t->op->u.write.items[i].kind == WRITE_DELETE)
			places[n++] = b->places[i];
	if (!n)
		return 0;
	params_init(&params, &t->arena);
	rows_add_keys(&params, places, n);
	return count_statement(
		b, STATEMENT_DELETE,
		task_add(t, PGSQL_DOCUMENTS_DELETE, &params, err));
}

static int check_dim(const struct task *t, struct wr_error *err)
{
	const struct layout *l = t->pg->layout;

	for (size_t i = 0; !l->dim && i < t->op->u.write.n; i++)
		if (t->op->u.write.items[i].vector)
			return error_set(err, WR_EDATA, 0, "postgres",
					 "%s: a vector for a store without a "
					 "dimension",
					 t->pg->info.display);
	return 0;
}

/* Once a store. */
static void warn_of_metadata(struct task *t)
{
	struct postgres *pg = t->pg;
	bool brings = false;

	if (!pg->layout->plain || pg->metadata_was_told)
		return;
	for (size_t i = 0; !brings && i < t->op->u.write.n; i++)
		brings = t->op->u.write.items[i].rec->metadata.ptr != NULL;
	if (brings)
		log_message(pg->log, WR_LOG_WARN, "postgres",
			    "%s: the table has no place for metadata, which is "
			    "left out; windrow migrate makes one",
			    pg->info.display);
	pg->metadata_was_told = brings;
}

static int batch_new(struct batch **out, struct task *t)
{
	size_t n = t->op->u.write.n;
	struct batch *b = arena_zalloc(&t->arena, 1, sizeof(*b));

	if (!b)
		return WR_ENOMEM;
	b->upsert.now = clock_now_us();
	b->upsert.touch_after_us = t->op->u.write.touch_after_us;
	b->upsert.words_of = t->begun_again ? WORDS_OF_ANY : WORDS_OF;
	b->places = arena_zalloc(&t->arena, n, sizeof(*b->places));
	b->told = arena_zalloc(&t->arena, n, sizeof(*b->told));
	b->vectors = arena_zalloc(&t->arena, n, sizeof(struct write *));
	/* Besides one a row, one makes the transaction durable. */
	b->statements = arena_zalloc(&t->arena, n + 1, sizeof(*b->statements));
	*out = b;
	return b->places && b->told && b->vectors && b->statements ? 0
								   : WR_ENOMEM;
}

static int begin(struct task *t, struct wr_error *err)
{
	struct batch *b = NULL;
	int status = batch_new(&b, t);

	t->state = b;
	if (!status)
		status = check_dim(t, err);
	if (!status)
		status = sort_rows(t, b);
	if (!status)
		warn_of_metadata(t);
	if (!status)
		status = add_durable(t, b, err);
	for (struct group *g = b ? b->groups : NULL; !status && g; g = g->next)
		status = add_group(t, b, g, err);
	for (size_t i = 0; !status && i < b->nvectors; i++)
		status = add_vector(t, b, b->vectors[i], !i, err);
	return status ? status : add_deletes(t, b, err);
}

/* ------------------------------------------------------------- answers -- */

static void tell(struct batch *b, size_t i, struct write *w,
		 enum wr_outcome outcome, enum wr_skip skip)
{
	w->outcome = outcome;
	w->skip = skip;
	b->told[i] = true;
}

/* The row of a key that came back; n where it is none of the batch. */
static size_t find_row(struct batch *b, size_t n, const PGresult *res, int row)
{
	return places_find(b->places, n, wire_text(res, row, 0), &b->at);
}

static void take_upserts(struct task *t, struct batch *b, const PGresult *res)
{
	size_t n = t->op->u.write.n;

	b->at = 0;
	for (int row = 0; row < PQntuples(res); row++) {
		size_t i = find_row(b, n, res, row);

		if (i == n)
			continue;
		tell(b, i, &t->op->u.write.items[i],
		     wire_bool(res, row, 1)   ? WR_INSERTED
		     : wire_bool(res, row, 2) ? WR_UPDATED
					      : WR_UNCHANGED,
		     WR_SKIP_NONE);
	}
}

static void take_deletes(struct task *t, struct batch *b, const PGresult *res)
{
	size_t n = t->op->u.write.n;

	b->at = 0;
	for (int row = 0; row < PQntuples(res); row++) {
		size_t i = find_row(b, n, res, row);

		if (i < n)
			tell(b, i, &t->op->u.write.items[i], WR_UPDATED,
			     WR_SKIP_NONE);
	}
}

static void take_vector(struct task *t, struct batch *b, const PGresult *res)
{
	struct write *w = b->vectors[b->next_vector++];
	bool updated = PQntuples(res) > 0;

	tell(b, (size_t)(w - t->op->u.write.items), w,
	     updated ? WR_UPDATED : WR_SKIPPED,
	     updated ? WR_SKIP_NONE : WR_SKIP_GONE);
}

static int take_rows(struct task *t, struct batch *b, const PGresult *res);

static int result(struct task *t, unsigned i, const PGresult *res,
		  struct wr_error *err)
{
	struct batch *b = t->state;

	(void)err;
	if (t->round)
		return take_rows(t, b, res);
	switch (b->statements[i]) {
	case STATEMENT_DURABLE:
		break;
	case STATEMENT_UPSERT:
		take_upserts(t, b, res);
		break;
	case STATEMENT_VECTOR:
		take_vector(t, b, res);
		break;
	case STATEMENT_DELETE:
		take_deletes(t, b, res);
		break;
	}
	return 0;
}

/* ------------------------------------------------- what did not come back --
 */

static void tell_deletes(struct task *t, struct batch *b)
{
	for (size_t i = 0; i < t->op->u.write.n; i++) {
		struct write *w = &t->op->u.write.items[i];

		if (w->kind != WRITE_DELETE || b->told[i])
			continue;
		if (w->retried && w->predicted == WR_UPDATED)
			tell(b, i, w, WR_UPDATED, WR_SKIP_NONE);
		else
			tell(b, i, w, WR_SKIPPED, WR_SKIP_GONE);
	}
}

static void tell_kept(struct batch *b, size_t i, struct write *w)
{
	switch (w->policy) {
	case WR_SKIP:
		tell(b, i, w, WR_SKIPPED, WR_SKIP_STORED);
		break;
	case WR_FAIL:
		tell(b, i, w, WR_FAILED, WR_SKIP_NONE);
		break;
	case WR_UPDATE:
		tell(b, i, w, WR_UNCHANGED, WR_SKIP_NONE);
		break;
	}
}

/* Was it left because it is the same, because it is older, or is it ours? */
static bool is_plain(const struct upsert_kind *kind)
{
	return kind->mode == UPSERT_KEEP ||
	       (kind->mode == UPSERT_UPDATE && !kind->guard);
}

static void tell_group(struct task *t, struct batch *b, const struct group *g)
{
	for (size_t k = 0; k < g->n; k++) {
		struct write *w = g->rows[k];
		size_t i = (size_t)(w - t->op->u.write.items);

		if (b->told[i])
			continue;
		if (is_plain(&g->kind))
			tell_kept(b, i, w);
		else
			b->asked[b->nasked++] = b->places[i];
	}
}

/*
 * The row was there, and was left alone.  What is read now may have changed
 * since: then it is the same page that was there, or a newer one.
 */
static void tell_row(struct task *t, struct batch *b, size_t i,
		     const struct stored_row *row)
{
	struct write *w = &t->op->u.write.items[i];
	struct decision d;

	decide_write(&d, w, row, b->upsert.touch_after_us, b->upsert.now);
	if (d.row == ROW_KEEP || d.row == ROW_TOUCH)
		tell(b, i, w, d.outcome, d.skip);
	else if (w->policy == WR_UPDATE && row->fetched_at > w->rec->fetched_at)
		tell(b, i, w, WR_SKIPPED, WR_SKIP_STALE);
	else
		tell_kept(b, i, w);
}

static int take_rows(struct task *t, struct batch *b, const PGresult *res)
{
	b->at = 0;
	for (int row = 0; row < PQntuples(res); row++) {
		struct found_row found;
		size_t k = places_find(b->asked, b->nasked,
				       wire_text(res, row, 0), &b->at);

		if (k == b->nasked)
			continue;
		rows_read(&found, res, row);
		rows_leave_metadata_out(
			&found, t->pg->layout,
			t->op->u.write.items[b->asked[k].i].rec);
		tell_row(t, b, b->asked[k].i, &found.stored);
	}
	return 0;
}

static void tell_gone(struct task *t, struct batch *b)
{
	const struct stored_row none = { 0 };

	for (size_t k = 0; k < b->nasked; k++)
		if (!b->told[b->asked[k].i])
			tell_row(t, b, b->asked[k].i, &none);
}

static int next(struct task *t, bool *more, struct wr_error *err)
{
	struct batch *b = t->state;

	if (t->round) {
		tell_gone(t, b);
		return 0;
	}
	tell_deletes(t, b);
	b->asked = arena_zalloc(&t->arena, t->op->u.write.n, sizeof(*b->asked));
	if (!b->asked)
		return WR_ENOMEM;
	for (const struct group *g = b->groups; g; g = g->next)
		tell_group(t, b, g);
	if (!b->nasked)
		return 0;
	places_sort(b->asked, b->nasked);
	*more = true;
	return rows_ask(t, b->asked, b->nasked, err);
}

/* The words of a content may be too many for a tsvector: take fewer. */
static bool may_begin_again(const struct task *t, const struct wr_error *err)
{
	return t->pg->layout->has_words && !strcmp(err->sqlstate, "54000");
}

const struct task_kind write_task = {
	.what = "writing a batch",
	.begin = begin,
	.result = result,
	.next = next,
	.may_begin_again = may_begin_again,
};
