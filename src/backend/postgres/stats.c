/*
 * Statistics: from what the server knows already where the table is large,
 * counted where it is small, or that is asked for.
 */
#include "backend/postgres/task.h"
#include "backend/settings.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

enum {
	COUNTED_MAX = 100000, /* documents that are counted unasked */
	SAMPLED = 3000
};

enum step { STEP_TABLE, STEP_COUNT, STEP_SAMPLE };

struct stats {
	enum step step;
	bool is_known; /* the server has counted it once */
	uint64_t documents;
	double with_vector; /* share */
};

static int stats_begin(struct task *t, struct wr_error *err)
{
	struct result *result = t->op->u.stats.result;
	struct params p;
	int status;

	t->state = arena_zalloc(&t->arena, 1, sizeof(struct stats));
	if (!t->state)
		return WR_ENOMEM;
	result->nstats = result->nproperties = 0;
	params_init(&p, &t->arena);
	params_add_int8(&p, t->pg->layout->oid);
	status = task_add(t, PGSQL_STATS_TABLE, &p, err);
	if (!status && t->pg->layout->distributed)
		status = task_add(t, PGSQL_STATS_CITUS, &p, err);
	return status;
}

/* ------------------------------------------------------------- the table -- */

static int put_property(struct result *result, const char *name,
			const PGresult *res, int column)
{
	struct wr_str text = wire_text(res, 0, column), copy;

	if (arena_dup(&result->arena, &copy, text.ptr ? text : str_of("")))
		return WR_ENOMEM;
	return result_add_property(result, name, copy.ptr);
}

static int put_sizes(struct result *result, const PGresult *res, int column)
{
	if (result_add_stat(result, "table_bytes",
			    (uint64_t)wire_int8(res, 0, column)) ||
	    result_add_stat(result, "index_bytes",
			    (uint64_t)wire_int8(res, 0, column + 1)))
		return WR_ENOMEM;
	return 0;
}

static const char *type_name(enum vector_kind kind)
{
	switch (kind) {
	case VECTOR_AS_ARRAY:
		return "array";
	case VECTOR_AS_VECTOR:
		return "vector";
	case VECTOR_AS_HALFVEC:
		return "halfvec";
	}
	return "";
}

static int put_layout(struct result *result, const struct layout *l)
{
	const struct property all[] = {
		{ "database", l->database },
		{ "schema", l->schema },
		{ "table", l->table },
		{ "layout", l->plain	 ? "original"
			    : l->adopted ? "original, migrated"
					 : "windrow" },
		{ "distributed", l->distributed ? "yes" : "no" },
		{ "pgvector", l->has_pgvector ? l->pgvector_version : "none" },
		{ "vector_type", type_name(l->vector.kind) },
		{ "language", l->fulltext ? l->language : "" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (result_add_property(result, all[i].name, all[i].value))
			return WR_ENOMEM;
	return 0;
}

static int put_pool(struct result *result, const struct pool *pool)
{
	struct pool_counts n;

	pool_count(pool, &n);
	const struct stat_pair all[] = {
		{ "connections_idle", n.idle },
		{ "connections_busy", n.busy },
		{ "connections_opening", n.connecting },
		{ "connections_waited_for", n.waiting },
		{ "connections_opened", n.opened },
		{ "connections_lost", n.lost },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (result_add_stat(result, all[i].name, all[i].value))
			return WR_ENOMEM;
	return 0;
}

static int put_table(struct task *t, const PGresult *res, struct wr_error *err)
{
	struct result *result = t->op->u.stats.result;
	struct postgres *pg = t->pg;
	struct stats *s = t->state;

	if (!PQntuples(res))
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "the table is gone from %s", pg->info.display);
	s->is_known = !wire_is_null(res, 0, 0) && !wire_is_null(res, 0, 1);
	s->documents = (uint64_t)wire_int8(res, 0, 0);
	s->with_vector = wire_float8(res, 0, 1);
	if (settings_describe(&pg->settings, postgres_backend.scheme, result) ||
	    put_property(result, "server_version", res, 4) ||
	    put_property(result, "tls", res, 5) ||
	    put_property(result, "indexes", res, 6) ||
	    put_layout(result, pg->layout) || put_pool(result, pg->pool))
		return WR_ENOMEM;
	return pg->layout->distributed ? 0 : put_sizes(result, res, 2);
}

/* ---------------------------------------------------------- its contents -- */

struct counts {
	uint64_t documents, with_embedding, pending, bytes, oldest, newest;
};

static int put_counts(struct task *t, const struct counts *n, bool exact)
{
	struct result *result = t->op->u.stats.result;
	const struct stat_pair all[] = {
		{ "documents", n->documents },
		{ "documents_with_embedding", n->with_embedding },
		{ "documents_pending", n->pending },
		{ "content_bytes", n->bytes },
		{ "oldest_fetched_at", n->oldest },
		{ "newest_fetched_at", n->newest },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (result_add_stat(result, all[i].name, all[i].value))
			return WR_ENOMEM;
	return result_add_property(result, "statistics",
				   exact ? "exact" : "estimated");
}

static uint64_t time_of(const PGresult *res, int column)
{
	return wire_is_null(res, 0, column)
		       ? 0
		       : (uint64_t)wire_time(res, 0, column);
}

static int put_counted(struct task *t, const PGresult *res)
{
	const struct counts n = {
		.documents = (uint64_t)wire_int8(res, 0, 0),
		.with_embedding = (uint64_t)wire_int8(res, 0, 1),
		.pending = (uint64_t)wire_int8(res, 0, 2),
		.bytes = (uint64_t)wire_int8(res, 0, 3),
		.oldest = time_of(res, 4),
		.newest = time_of(res, 5),
	};

	return put_counts(t, &n, true);
}

static int put_sampled(struct task *t, const PGresult *res)
{
	const struct stats *s = t->state;
	int64_t sampled = wire_int8(res, 0, 0);
	double all = (double)s->documents;
	struct counts n = {
		.documents = s->documents,
		.with_embedding = (uint64_t)(all * s->with_vector + 0.5),
		.oldest = time_of(res, 2),
		.newest = time_of(res, 3),
	};

	if (sampled > 0)
		n.bytes = (uint64_t)((double)wire_int8(res, 0, 1) /
				     (double)sampled * all);
	n.pending = wire_is_null(res, 0, 4) ? n.documents - n.with_embedding
					    : (uint64_t)wire_int8(res, 0, 4);
	return put_counts(t, &n, false);
}

static int stats_result(struct task *t, unsigned i, const PGresult *res,
			struct wr_error *err)
{
	const struct stats *s = t->state;

	switch (s->step) {
	case STEP_TABLE:
		return i ? put_sizes(t->op->u.stats.result, res, 0)
			 : put_table(t, res, err);
	case STEP_COUNT:
		return put_counted(t, res);
	case STEP_SAMPLE:
		return put_sampled(t, res);
	}
	return 0;
}

static int add_sample(struct task *t, struct wr_error *err)
{
	const struct stats *s = t->state;
	struct params p;

	params_init(&p, &t->arena);
	params_add_int8(&p, COUNTED_MAX);
	params_add_float8(&p, 100.0 * SAMPLED / (double)s->documents);
	params_add_text(&p, str_of(t->pg->layout->schema));
	params_add_text(&p, str_of(t->pg->layout->table));
	return task_add(t, PGSQL_STATS_SAMPLE, &p, err);
}

static int stats_next(struct task *t, bool *more, struct wr_error *err)
{
	struct stats *s = t->state;
	struct params p;

	if (s->step != STEP_TABLE)
		return 0;
	*more = true;
	if (s->is_known && s->documents >= COUNTED_MAX &&
	    !t->op->u.stats.exact) {
		s->step = STEP_SAMPLE;
		return add_sample(t, err);
	}
	s->step = STEP_COUNT;
	params_init(&p, &t->arena);
	return task_add(t, PGSQL_STATS_COUNT, &p, err);
}

const struct task_kind stats_task = {
	.what = "reading statistics",
	.reads = true,
	.begin = stats_begin,
	.result = stats_result,
	.next = stats_next,
};
