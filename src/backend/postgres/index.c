/*
 * Building the indexes that searches use, while others go on writing.
 *
 * What a build that was cut off has left behind is of no use to anybody: it is
 * dropped and built anew.
 */
#include "backend/postgres/postgres.h"
#include "base/error.h"
#include "base/str.h"
#include <inttypes.h>
#include <stdio.h>

enum {
	DIM_MAX = 4000, /* of halfvec in an HNSW index */
	M_DEFAULT = 16,
	EF_DEFAULT = 64,
	NODE_BYTES = 400 /* of a vector in the graph, beside its numbers */
};

#define MIB (INT64_C(1) << 20)

struct index_kind {
	unsigned bit;
	const char *ending, *method, *operators; /* the end of its name */
	enum pgsql create, drop;
};

static const struct index_kind kinds[] = {
	{ WR_INDEX_VECTOR, "_hnsw", "hnsw", "cosine_ops", PGSQL_INDEX_VECTOR,
	  PGSQL_INDEX_DROP_VECTOR },
	{ WR_INDEX_TEXT, "_words", "gin", "vector_ops", PGSQL_INDEX_TEXT,
	  PGSQL_INDEX_DROP_TEXT },
};

enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* --------------------------------------------------- what is possible -- */

static int check_vector(const struct layout *l, struct wr_error *err)
{
	if (!l->has_pgvector)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "vectors are indexed by pgvector, which this "
				 "database does not have: CREATE EXTENSION "
				 "vector, or search without an index");
	if (!l->dim)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "the store has no dimension yet: ingest "
				 "something with an embedder first");
	if (l->dim > DIM_MAX || (l->dim > DIM_MAX / 2 && !l->halfvec_oid))
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "this pgvector (%s) indexes vectors of up to "
				 "%d dimensions, the store's have %u: searches "
				 "compare each one",
				 l->pgvector_version,
				 l->halfvec_oid ? DIM_MAX : DIM_MAX / 2,
				 (unsigned)l->dim);
	return 0;
}

static int check_text(const struct layout *l, struct wr_error *err)
{
	if (!l->fulltext)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "the store was made without full text");
	if (!l->has_words)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "the table has no column of words to index: "
				 "windrow migrate makes it");
	return 0;
}

static int check_kind(const struct layout *l, const struct index_kind *kind,
		      struct wr_error *err)
{
	return kind->bit == WR_INDEX_VECTOR ? check_vector(l, err)
					    : check_text(l, err);
}

/* ------------------------------------------------------------ the state -- */

struct state {
	bool ours, valid, building; /* the one with our name */
	bool other;		    /* another one that serves */
};

static int read_state(struct admin *a, const struct index_kind *kind,
		      struct state *state, struct wr_error *err)
{
	const struct layout *l = a->layout;
	char name[2 * LAYOUT_NAME];
	struct arena arena;
	struct params p;
	PGresult *res;
	int status;

	*state = (struct state){ 0 };
	snprintf(name, sizeof(name), "%s%s", l->table, kind->ending);
	arena_init(&arena);
	params_init(&p, &arena);
	params_add_int8(&p, l->oid);
	params_add_text(&p, str_of(name));
	params_add_text(&p, str_of(kind->method));
	params_add_text(&p, str_of(kind->operators));
	status = session_query(&a->session, l->sql[PGSQL_INDEX_STATE], &p, &res,
			       err);
	for (int i = 0; !status && i < PQntuples(res); i++) {
		if (!wire_bool(res, i, 0)) {
			state->other = true;
			continue;
		}
		state->ours = true;
		state->valid = wire_bool(res, i, 1);
		state->building = wire_bool(res, i, 2);
	}
	PQclear(res);
	arena_release(&arena);
	return status;
}

/* ------------------------------------------------------------- building -- */

static int set_two(struct admin *a, const char *const names[2],
		   const char *const values[2], struct wr_error *err)
{
	const struct wr_str name[2] = { str_of(names[0]), str_of(names[1]) };
	const struct wr_str value[2] = { str_of(values[0]), str_of(values[1]) };
	struct arena arena;
	struct params p;
	int status;

	arena_init(&arena);
	params_init(&p, &arena);
	params_add_texts(&p, name, 2);
	params_add_texts(&p, value, 2);
	status = session_query(&a->session, a->layout->sql[PGSQL_SET_SESSION],
			       &p, NULL, err);
	arena_release(&arena);
	return status;
}

/*
 * A graph that does not fit into the memory for it is built many times slower.
 * It is given what it needs, but not more than the server was told to share:
 * the one measure of the machine that there is.  Never less than is set.
 */
static int64_t memory_for(const struct layout *l, int64_t rows, int64_t set,
			  int64_t shared)
{
	int64_t row = (int64_t)l->dim * 4 + NODE_BYTES;
	int64_t most = shared > 256 * MIB ? shared : 256 * MIB;
	int64_t need;

	if (__builtin_mul_overflow(rows + rows / 4, row, &need) || need > most)
		need = most;
	return need > set ? need : set;
}

/*
 * Behind a pooler the server's end of the connection goes to others, who would
 * have what is set here, and the next statement may go to another end: then
 * nothing is set.  A pooler makes up the number of the server's process.
 */
static bool is_pooled(const struct admin *a, const PGresult *res)
{
	return wire_int4(res, 0, 3) != PQbackendPID(a->session.conn);
}

/* They end with the connection. */
static int set_limits(struct admin *a, struct wr_error *err)
{
	static const char *const names[2] = { "statement_timeout",
					      "maintenance_work_mem" };
	char memory[32];
	const char *const values[2] = { "0", memory };
	struct arena arena;
	struct params p;
	PGresult *res;
	bool sets;
	int status;

	arena_init(&arena);
	params_init(&p, &arena);
	params_add_int8(&p, a->layout->oid);
	status = session_query(&a->session, a->layout->sql[PGSQL_INDEX_MEMORY],
			       &p, &res, err);
	sets = !status && PQntuples(res) && !is_pooled(a, res);
	if (sets)
		snprintf(memory, sizeof(memory), "%" PRId64 "kB",
			 memory_for(a->layout, wire_int8(res, 0, 0),
				    wire_int8(res, 0, 1),
				    wire_int8(res, 0, 2)) /
				 1024);
	PQclear(res);
	arena_release(&arena);
	return sets ? set_two(a, names, values, err) : status;
}

static int create(struct admin *a, const struct index_kind *kind,
		  struct wr_error *err)
{
	const struct backend_op *op = a->op;
	uint32_t m = op->u.index.m ? op->u.index.m : M_DEFAULT;
	uint32_t ef = op->u.index.ef_construction ? op->u.index.ef_construction
						  : EF_DEFAULT;
	struct buf sql = { 0 };
	int status;

	/* pgvector wants it to be twice as much at least. */
	if (!op->u.index.ef_construction && ef < 2 * m)
		ef = 2 * m;
	buf_puts(&sql, a->layout->sql[kind->create]);
	if (kind->bit == WR_INDEX_VECTOR)
		buf_printf(&sql, " WITH (m = %u, ef_construction = %u)",
			   (unsigned)m, (unsigned)ef);
	status = buf_status(&sql);
	if (!status)
		status = set_limits(a, err);
	if (!status)
		status = session_do(&a->session, sql.ptr, err);
	buf_release(&sql);
	return status;
}

static int build(struct admin *a, const struct index_kind *kind,
		 struct wr_error *err)
{
	struct state state;
	int status = read_state(a, kind, &state, err);

	if (status || state.valid || state.other)
		return status;
	if (state.building)
		return error_set(err, WR_EBUSY, 0, "postgres",
				 "the index %s%s is being built by somebody "
				 "else",
				 a->layout->table, kind->ending);
	if (state.ours)
		status = session_do(&a->session, a->layout->sql[kind->drop],
				    err);
	if (!status)
		status = create(a, kind, err);
	if (!status)
		a->op->u.index.total++;
	return status;
}

static int drop(struct admin *a, const struct index_kind *kind,
		struct wr_error *err)
{
	struct state state;
	int status = read_state(a, kind, &state, err);

	if (status || !state.ours)
		return status;
	status = session_do(&a->session, a->layout->sql[kind->drop], err);
	if (!status)
		a->op->u.index.total++;
	return status;
}

int admin_index(struct admin *a, struct wr_error *err)
{
	struct backend_op *op = a->op;
	unsigned asked = op->u.index.which;
	unsigned possible = 0;
	struct wr_error why[NKINDS] = { { 0 } };
	int status = 0;

	op->u.index.total = 0;
	if (!a->layout->is_owner)
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "indexes are built by the owner of the table, "
				 "which %s is not",
				 a->layout->user);
	for (int i = 0; i < NKINDS; i++)
		if (op->u.index.drop ||
		    !check_kind(a->layout, &kinds[i], &why[i]))
			possible |= kinds[i].bit;
	/* All of them are all that there can be, and one at least. */
	for (int i = 0; i < NKINDS; i++)
		if (asked ? asked & kinds[i].bit & ~possible : !possible) {
			if (err)
				*err = why[i];
			return why[i].status;
		}
	for (int i = 0; !status && i < NKINDS; i++)
		if ((asked ? asked : possible) & kinds[i].bit)
			status = op->u.index.drop ? drop(a, &kinds[i], err)
						  : build(a, &kinds[i], err);
	return status;
}
