/*
 * The original's table becomes a store, in place, while others write to it:
 * columns first, then indexes, then the digests of the rows that are there.
 * What is left to do is seen from the table itself, so that any process can go
 * on where another one was cut off.
 */
#include "backend/postgres/schema_steps.h"
#include "backend/settings.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

enum {
	/* Who waits for a lock on the table holds up all who come after. */
	LOCK_MS = 1000,
	ROWS = 200,	  /* a transaction */
	STEP_US = 1000000 /* of rows */
};

/* How far it is, in the settings: after which key rows are still to be done. */
static const char position_name[] = "migration.rows";

static void show(struct schema_progress *p, const char *phase, uint64_t done,
		 uint64_t total)
{
	pthread_mutex_lock(&p->lock);
	p->phase = phase;
	p->done = done;
	p->total = total;
	pthread_mutex_unlock(&p->lock);
}

static void show_more(struct schema_progress *p, uint64_t rows)
{
	pthread_mutex_lock(&p->lock);
	p->done += rows;
	if (p->total && p->done > p->total)
		p->total = p->done;
	pthread_mutex_unlock(&p->lock);
}

/* ------------------------------------------------------------- columns -- */

/* Behind the lock. */
static int add_columns(struct layout *l, struct session *s,
		       struct wr_error *err)
{
	struct settings chosen = {
		.urls = WR_URLS_AS_GIVEN,
		.fulltext = l->fulltext ? WR_FULLTEXT_ON : WR_FULLTEXT_OFF,
		.dim = l->dim,
	};
	int status = schema_query(l, s, PGSQL_ADOPT_COLUMNS, NULL, NULL, err);

	if (!status && l->fulltext)
		status = schema_query(l, s, PGSQL_ADOPT_WORDS, NULL, NULL, err);
	if (!status)
		status = schema_query(l, s, PGSQL_META_CREATE, NULL, NULL, err);
	if (!status)
		status = schema_query(l, s, PGSQL_META_CLEAR, NULL, NULL, err);
	if (!status)
		status = schema_put_choices(l, s, &chosen, err);
	if (!status)
		status = schema_put(l, s, "adopted", "yes", err);
	if (!status)
		status = schema_put(l, s, position_name, "", err);
	if (!status)
		status = schema_put_number(l, s, "migration.1", clock_now_us(),
					   err);
	if (!status)
		status = schema_put_number(l, s, "version", SCHEMA_LATEST, err);
	return status;
}

/* Somebody holds the table: it is tried again in the next step. */
static bool is_locked(const struct wr_error *err)
{
	return !strcmp(err->sqlstate, "55P03") ||
	       !strcmp(err->sqlstate, "40P01");
}

static int step_columns(struct layout *l, struct session *s,
			struct schema_progress *progress, struct wr_error *err)
{
	struct layout before = *l;
	bool adds = true;
	int status;

	show(progress, "adding columns", 0, 0);
	status = schema_begin(s, err);
	if (!status)
		status = layout_read(l, s, err);
	/* Another process may have been first. */
	if (!status)
		adds = l->plain || !l->has_meta;
	if (!status && adds)
		status = schema_lock_timeout(s, LOCK_MS, err);
	if (!status && adds)
		status = add_columns(l, s, err);
	/* A column of the user's with one of these names may have any type. */
	if (!status)
		status = layout_read(l, s, err);
	if (!status)
		status = session_do(s, "COMMIT", err);
	if (!status)
		return layout_render(l, err);
	schema_rollback(s);
	*l = before;
	if (!is_locked(err))
		return status;
	show(progress, "waiting for a lock on the table", 0, 0);
	error_clear(err);
	return 0;
}

/* ------------------------------------------------------------- indexes -- */

static const struct {
	const char *name; /* behind the table's */
	enum pgsql create;
} indexes[] = {
	{ "_pending", PGSQL_ADOPT_INDEX_PENDING },
	{ "_stale", PGSQL_ADOPT_INDEX_STALE },
	{ "_content", PGSQL_ADOPT_INDEX_CONTENT },
};

enum { NINDEXES = sizeof(indexes) / sizeof(indexes[0]) };

struct index_state {
	bool there, valid, building;
};

static int find_index(const struct layout *l, struct session *s,
		      const char *name, struct index_state *to,
		      struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;
	bool ours = true;
	int status;

	memset(to, 0, sizeof(*to));
	params_init(&p, &arena);
	params_add_text(&p, str_of(l->schema));
	params_add_text(&p, str_of(l->table));
	params_add_text(&p, str_of(name));
	status = session_query(s, pgsql_texts[PGSQL_CATALOG_INDEX], &p, &res,
			       err);
	arena_release(&arena);
	if (status)
		return status;
	if (PQntuples(res)) {
		to->there = true;
		to->valid = wire_bool(res, 0, 0);
		ours = wire_bool(res, 0, 1);
		to->building = wire_bool(res, 0, 2);
	}
	PQclear(res);
	if (!ours)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "index %s.%s is in the way: it belongs to "
				 "another table; rename it",
				 l->schema, name);
	return 0;
}

/* A build that was cut off leaves a ruin, which is in the way. */
static int drop_ruin(const struct layout *l, struct session *s,
		     const char *name, struct wr_error *err)
{
	struct buf sql = { 0 };
	int status;

	buf_puts(&sql, "DROP INDEX CONCURRENTLY IF EXISTS ");
	layout_quote(&sql, l->schema);
	buf_putc(&sql, '.');
	layout_quote(&sql, name);
	status = buf_status(&sql);
	if (!status)
		status = session_do(s, sql.ptr, err);
	buf_release(&sql);
	return status;
}

/* Another process did the same at the same moment. */
static bool is_there_now(const struct wr_error *err)
{
	return is_locked(err) || !strcmp(err->sqlstate, "42P07") ||
	       !strcmp(err->sqlstate, "23505");
}

/* *built: one was; else all of them are there. */
static int step_index(struct layout *l, struct session *s,
		      struct schema_progress *progress, bool *built,
		      struct wr_error *err)
{
	*built = false;
	for (unsigned i = 0; i < NINDEXES; i++) {
		struct index_state found;
		struct buf name = { 0 };
		int status;

		buf_printf(&name, "%s%s", l->table, indexes[i].name);
		status = buf_status(&name);
		if (!status)
			status = find_index(l, s, name.ptr, &found, err);
		if (!status && !found.valid) {
			show(progress, "building indexes", i, NINDEXES);
			*built = true;
			/* Two at a time only stand in each other's way. */
			if (found.building)
				status = session_do(s, "SELECT pg_sleep(1)",
						    err);
			else if (found.there)
				status = drop_ruin(l, s, name.ptr, err);
			if (!status && !found.building)
				status = schema_query(l, s, indexes[i].create,
						      NULL, NULL, err);
		}
		buf_release(&name);
		if (status && is_there_now(err)) {
			error_clear(err);
			status = 0;
		}
		if (status || *built)
			return status;
	}
	return 0;
}

/* ---------------------------------------------------------------- rows -- */

/* Without a date a row's digests could never count. */
static int step_dates(struct layout *l, struct session *s, bool *more,
		      struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;
	int status;

	params_init(&p, &arena);
	params_add_time(&p, l->time_oid, clock_now_us());
	status = schema_query(l, s, PGSQL_ADOPT_DATES, &p, &res, err);
	arena_release(&arena);
	if (status)
		return status;
	*more = strcmp(PQcmdTuples(res), "0") != 0;
	PQclear(res);
	return 0;
}

static int count_rows(const struct layout *l, struct session *s,
		      uint64_t *count, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;
	int64_t n;
	int status;

	params_init(&p, &arena);
	params_add_int8(&p, l->oid);
	status = session_query(s, pgsql_texts[PGSQL_CATALOG_ROWS], &p, &res,
			       err);
	arena_release(&arena);
	if (status)
		return status;
	n = PQntuples(res) ? wire_int8(res, 0, 0) : 0;
	PQclear(res);
	*count = n > 0 ? (uint64_t)n : 0;
	return 0;
}

/* Where the rows are; *active: there are some to be done. */
static int read_position(struct layout *l, struct session *s, struct buf *at,
			 bool *active, struct wr_error *err)
{
	PGresult *res;
	int status = schema_query(l, s, PGSQL_META_READ, NULL, &res, err);

	if (status)
		return status;
	*active = false;
	buf_clear(at);
	for (int i = 0; i < PQntuples(res); i++)
		if (str_eq(wire_text(res, i, 0), str_of(position_name))) {
			*active = true;
			buf_add_str(at, wire_text(res, i, 1));
		}
	PQclear(res);
	return buf_status(at);
}

static void page_params(struct params *p, struct arena *arena,
			const struct buf *at)
{
	const struct wr_str none = { NULL, 0 };

	params_init(p, arena);
	params_add_text(p, at->len ? buf_str(at) : none);
	params_add_int8(p, ROWS);
}

/* Rows after at, which moves on; empty at the end. */
static int settle_page(struct layout *l, struct session *s, struct buf *at,
		       uint64_t *n, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;
	int status;

	page_params(&p, &arena, at);
	status = schema_query(l, s, PGSQL_ADOPT_ROWS, &p, &res, err);
	arena_release(&arena);
	if (status)
		return status;
	*n = (uint64_t)wire_int8(res, 0, 0);
	buf_clear(at);
	buf_add_str(at, wire_text(res, 0, 1));
	PQclear(res);
	return buf_status(at);
}

/* The same in two statements. */
static int settle_distributed(struct layout *l, struct session *s,
			      struct buf *at, uint64_t *n, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	struct wr_str urls[ROWS];
	PGresult *res;
	int status;

	page_params(&p, &arena, at);
	status =
		schema_query(l, s, PGSQL_ADOPT_PAGE_DISTRIBUTED, &p, &res, err);
	if (status)
		goto out;
	*n = (uint64_t)PQntuples(res);
	for (int i = 0; i < PQntuples(res) && i < ROWS; i++)
		urls[i] = wire_text(res, i, 0);
	params_init(&p, &arena);
	params_add_texts(&p, urls, *n);
	if (*n)
		status = schema_query(l, s, PGSQL_ADOPT_ROWS_DISTRIBUTED, &p,
				      NULL, err);
	buf_clear(at);
	if (*n)
		buf_add_str(at, urls[*n - 1]);
	PQclear(res);
	if (!status)
		status = buf_status(at);
out:
	arena_release(&arena);
	return status;
}

/* Rows, and how far they are, in one transaction. */
static int settle_rows(struct layout *l, struct session *s,
		       struct schema_progress *progress, struct buf *at,
		       bool *more, struct wr_error *err)
{
	uint64_t n = 0;
	int status = session_do(
		s, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", err);

	if (!status)
		status = l->distributed ? settle_distributed(l, s, at, &n, err)
					: settle_page(l, s, at, &n, err);
	*more = at->len > 0;
	if (!status && *more)
		status = schema_put(l, s, position_name, at->ptr, err);
	else if (!status)
		status = schema_drop(l, s, position_name, err);
	if (!status)
		status = session_do(s, "COMMIT", err);
	if (!status)
		show_more(progress, n);
	else
		schema_rollback(s);
	return status;
}

static int step_rows(struct layout *l, struct session *s,
		     struct schema_progress *progress, bool *more,
		     struct wr_error *err)
{
	int64_t until = session_now_us() + STEP_US;
	struct buf at = { 0 };
	uint64_t total;
	bool active;
	int status = read_position(l, s, &at, &active, err);

	/* The original has written since: from the start. */
	if (!status && !active)
		status = schema_query_bool(l, s, PGSQL_ADOPT_STALE, more, err);
	if (status || (!active && !*more))
		goto out;
	*more = false;
	if (!at.len)
		status = step_dates(l, s, more, err);
	if (status || *more)
		goto out;
	if (!progress->phase || strcmp(progress->phase, "computing digests")) {
		status = count_rows(l, s, &total, err);
		if (!status)
			show(progress, "computing digests", 0, total);
	}
	*more = true;
	while (!status && *more && session_now_us() < until) {
		status = settle_rows(l, s, progress, &at, more, err);
		/* It is tried again from where it was. */
		if (status && is_locked(err)) {
			error_clear(err);
			status = 0;
			break;
		}
	}
out:
	buf_release(&at);
	return status;
}

/* --------------------------------------------------------------- a step -- */

static int step(struct layout *l, struct session *s,
		struct schema_progress *progress, bool *more,
		struct wr_error *err)
{
	int status;

	*more = true;
	if (l->plain || !l->has_meta)
		return step_columns(l, s, progress, err);
	/* A store of Windrow's own is up to date once it is open. */
	if (!l->adopted) {
		*more = false;
		return 0;
	}
	status = step_index(l, s, progress, more, err);
	if (status || *more)
		return status;
	return step_rows(l, s, progress, more, err);
}

int schema_migrate_step(struct layout *l, struct session *s,
			struct schema_progress *progress, bool *more,
			struct wr_error *err)
{
	bool needs = l->plain || !l->has_meta || l->adopted;
	int status;

	*more = false;
	if (needs && !l->is_owner)
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "role %s does not own %s.%s: let its owner "
				 "run windrow migrate",
				 l->user, l->schema, l->table);
	status = step(l, s, progress, more, err);
	if (status && schema_is_denied(err) && !l->has_meta)
		status = error_set(err, WR_EAUTH, 0, "postgres",
				   "role %s may not create %s.%s_windrow, for "
				   "the settings: GRANT CREATE ON SCHEMA %s to "
				   "it",
				   l->user, l->schema, l->table, l->schema);
	if (status || !*more)
		show(progress, NULL, 0, 0);
	return status;
}
