/* What a doctor looks at. */
#include "backend/postgres/postgres.h"
#include "base/error.h"
#include "base/str.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	LARGE = 20000,	/* documents from which on an index pays */
	SMALL = 100000, /* documents that are looked at in any case */
	STEP_ROWS = 1000,
	COUNTED_MAX = 100000
};

/* The server stops writing at 2^31; it begins to vacuum at 200,000,000. */
#define AGE_MAX INT64_C(1000000000)

struct check {
	struct admin *a;
	struct result *result;
	struct arena arena;
	struct params p;
	int64_t documents;
};

static struct params *begin(struct check *c)
{
	arena_release(&c->arena);
	params_init(&c->p, &c->arena);
	return &c->p;
}

static int ask(struct check *c, enum pgsql which, PGresult **res,
	       struct wr_error *err)
{
	return session_query(&c->a->session, c->a->layout->sql[which], &c->p,
			     res, err);
}

static int ask_of_table(struct check *c, enum pgsql which, PGresult **res,
			struct wr_error *err)
{
	params_add_int8(begin(c), c->a->layout->oid);
	return ask(c, which, res, err);
}

/* ------------------------------------------------------------ the server -- */

static int check_settings(struct check *c, const PGresult *res)
{
	struct wr_str commit = wire_text(res, 0, 3);

	if (!wire_bool(res, 0, 0) &&
	    result_add_finding(c->result, WR_LOG_ERROR,
			       "ALTER SYSTEM SET fsync = on, and restart it",
			       "the server runs with fsync off: a power cut "
			       "may damage the whole database"))
		return WR_ENOMEM;
	if (!wire_bool(res, 0, 1) &&
	    result_add_finding(c->result, WR_LOG_WARN,
			       "ALTER SYSTEM SET full_page_writes = on",
			       "the server runs with full_page_writes off: a "
			       "power cut may damage pages"))
		return WR_ENOMEM;
	if (!wire_bool(res, 0, 2) &&
	    result_add_finding(c->result, WR_LOG_WARN,
			       "ALTER SYSTEM SET autovacuum = on",
			       "autovacuum is off: tables grow, and the server "
			       "stops when its transaction ids run out"))
		return WR_ENOMEM;
	if ((str_eq(commit, str_of("off")) || str_eq(commit, str_of("local")) ||
	     str_eq(commit, str_of("remote_write"))) &&
	    result_add_finding(
		    c->result, WR_LOG_INFO,
		    "nothing: Windrow turns it on for what it writes",
		    "synchronous_commit is %.*s: what other programs "
		    "were told is committed may be lost",
		    (int)commit.len, commit.ptr))
		return WR_ENOMEM;
	if (wire_int8(res, 0, 4) > AGE_MAX)
		return result_add_finding(
			c->result, WR_LOG_ERROR, "VACUUM, as a superuser",
			"the database's oldest transaction is %" PRId64
			" ago: at 2,147,483,648 the server stops writing",
			wire_int8(res, 0, 4));
	return 0;
}

static int check_server(struct check *c, struct wr_error *err)
{
	const struct layout *l = c->a->layout;
	PGresult *res;
	int status;

	begin(c);
	status = ask(c, PGSQL_CHECK_SERVER, &res, err);
	if (!status)
		status = check_settings(c, res);
	PQclear(res);
	if (!status && !l->utf8)
		status = result_add_finding(
			c->result, WR_LOG_WARN,
			"make a database with ENCODING 'UTF8', and move the "
			"documents by export and ingest",
			"the database's encoding is not UTF8: pages with other "
			"characters cannot be stored");
	return status;
}

/* pgvector 0.8 and later go on where a filter refused what was found. */
static int check_pgvector(struct check *c)
{
	const struct layout *l = c->a->layout;
	unsigned major = 0, minor = 0;

	if (!l->has_pgvector)
		return result_add_finding(
			c->result, WR_LOG_INFO,
			"install pgvector, CREATE EXTENSION vector, and make "
			"the store anew, or keep it if it stays small",
			"the database is without pgvector: a search by vector "
			"reads every vector");
	if (sscanf(l->pgvector_version, "%u.%u", &major, &minor) == 2 &&
	    !major && minor < 8)
		return result_add_finding(
			c->result, WR_LOG_WARN,
			"install pgvector 0.8 or newer, and ALTER EXTENSION "
			"vector UPDATE",
			"pgvector %s does not go on looking where a filter "
			"leaves too little: such searches read every vector",
			l->pgvector_version);
	return 0;
}

/* ------------------------------------------------------------- the table -- */

static int check_table(struct check *c, struct wr_error *err)
{
	const struct layout *l = c->a->layout;
	int64_t live, dead, age;
	struct wr_str lacking;
	PGresult *res;
	int status = ask_of_table(c, PGSQL_CHECK_TABLE, &res, err);

	if (status || !PQntuples(res))
		goto out;
	live = wire_int8(res, 0, 1);
	dead = wire_int8(res, 0, 2);
	age = wire_int8(res, 0, 3);
	lacking = wire_text(res, 0, 4);
	c->documents = wire_int8(res, 0, 0);
	if (live > c->documents)
		c->documents = live;
	if (lacking.len)
		status = result_add_finding(
			c->result, WR_LOG_WARN, "GRANT them, if it is to write",
			"%s lacks %.*s on %s.%s", l->user, (int)lacking.len,
			lacking.ptr, l->schema, l->table);
	if (!status && dead > 50000 && dead > live / 2)
		status = result_add_finding(
			c->result, WR_LOG_WARN,
			"VACUUM (ANALYZE) it, and see what keeps autovacuum "
			"from it: a transaction that stays open, perhaps",
			"autovacuum is behind: %" PRId64 " dead rows beside "
			"%" PRId64 " documents",
			dead, live);
	if (!status && age > AGE_MAX)
		status = result_add_finding(
			c->result, WR_LOG_WARN, "VACUUM (FREEZE) it",
			"the table's oldest transaction is %" PRId64 " ago",
			age);
	if (!status && l->plain)
		status = result_add_finding(
			c->result, WR_LOG_INFO, "windrow migrate",
			"the table is as the original program made it: without "
			"digests each content is read to see whether it "
			"changed, and metadata has no place");
out:
	PQclear(res);
	return status;
}

struct found_indexes {
	bool pending, stale, content, hnsw, words;
};

/* Is it the table's name and that ending? */
static bool is_index(const struct layout *l, struct wr_str name,
		     const char *ending)
{
	struct wr_str table = str_of(l->table), end = str_of(ending);

	return name.len == table.len + end.len && str_starts(name, table) &&
	       !memcmp(name.ptr + table.len, end.ptr, end.len);
}

static int check_index(struct check *c, const PGresult *res, int row,
		       struct found_indexes *found)
{
	const struct layout *l = c->a->layout;
	struct wr_str name = wire_text(res, row, 0);
	struct wr_str method = wire_text(res, row, 3);
	bool searches =
		str_eq(method, str_of("hnsw")) || str_eq(method, str_of("gin"));

	found->pending |= is_index(l, name, "_pending");
	found->stale |= is_index(l, name, "_stale");
	found->content |= is_index(l, name, "_content");
	found->hnsw |= str_eq(method, str_of("hnsw"));
	found->words |= str_eq(method, str_of("gin"));
	if (wire_bool(res, row, 1) || wire_bool(res, row, 2))
		return 0;
	return result_add_finding(
		c->result, WR_LOG_WARN,
		searches ? "windrow index"
			 : "DROP INDEX CONCURRENTLY, then windrow migrate",
		"the index %.*s is not valid: building it was cut off",
		(int)name.len, name.ptr);
}

static int check_missing(struct check *c, const struct found_indexes *found)
{
	const struct layout *l = c->a->layout;
	char missing[64];

	snprintf(missing, sizeof(missing), "%s%s%s",
		 found->pending ? "" : " _pending",
		 found->stale ? "" : " _stale",
		 found->content ? "" : " _content");
	if (!l->plain && *missing &&
	    result_add_finding(c->result, WR_LOG_WARN, "windrow migrate",
			       "indexes that Windrow works with are not there: "
			       "%s and%s",
			       l->table, missing))
		return WR_ENOMEM;
	if (c->documents < LARGE)
		return 0;
	if (l->has_pgvector && l->dim && !found->hnsw &&
	    result_add_finding(c->result, WR_LOG_INFO,
			       "windrow index --vector, once it is loaded",
			       "%" PRId64 " documents and no index of vectors: "
			       "a search reads them all",
			       c->documents))
		return WR_ENOMEM;
	if (l->has_words && !found->words)
		return result_add_finding(
			c->result, WR_LOG_INFO,
			"windrow index --text, once it is loaded",
			"%" PRId64 " documents and no index of words: a "
			"search reads them all",
			c->documents);
	return 0;
}

static int check_indexes(struct check *c, struct wr_error *err)
{
	struct found_indexes found = { 0 };
	PGresult *res;
	int status = ask_of_table(c, PGSQL_CHECK_INDEXES, &res, err);

	for (int i = 0; !status && i < PQntuples(res); i++)
		status = check_index(c, res, i, &found);
	PQclear(res);
	return status ? status : check_missing(c, &found);
}

/* ---------------------------------------------------------- the documents --
 */

static const char *up_to(int64_t n)
{
	return n < COUNTED_MAX ? "" : "at least ";
}

static int check_rows(struct check *c, struct wr_error *err)
{
	const struct layout *l = c->a->layout;
	int64_t stale = 0, pending = 0;
	PGresult *res;
	int status;

	params_add_int8(begin(c), COUNTED_MAX);
	status = ask(c, PGSQL_CHECK_ROWS, &res, err);
	if (!status && PQntuples(res)) {
		stale = l->plain ? 0 : wire_int8(res, 0, 0);
		pending = wire_int8(res, 0, 1);
	}
	PQclear(res);
	if (!status && stale)
		status = result_add_finding(
			c->result, WR_LOG_INFO,
			"nothing, or windrow migrate: until then their digests "
			"are made as they are needed",
			"%s%" PRId64 " documents were changed by another "
			"program",
			up_to(stale), stale);
	if (!status && pending)
		status = result_add_finding(c->result, WR_LOG_INFO,
					    "windrow embed --pending",
					    "%s%" PRId64 " documents wait for "
					    "their embedding",
					    up_to(pending), pending);
	return status;
}

static int check_dims(struct check *c, struct wr_error *err)
{
	const struct layout *l = c->a->layout;
	int64_t n = 0;
	PGresult *res;
	int status;

	/* The column's own type sees to it. */
	if (!l->dim || l->column_dim == l->dim)
		return 0;
	params_add_int8(begin(c), l->dim);
	status = ask(c, PGSQL_CHECK_DIMS, &res, err);
	if (!status && PQntuples(res))
		n = wire_int8(res, 0, 0);
	PQclear(res);
	if (!status && n)
		status = result_add_finding(
			c->result, WR_LOG_WARN,
			"searches leave them out; ingest these documents again",
			"%" PRId64 " vectors have another length than the "
			"store's %u",
			n, (unsigned)l->dim);
	return status;
}

/* 1: there are more rows behind last. */
static int check_step(struct check *c, struct buf *last, int64_t *wrong,
		      struct wr_error *err)
{
	PGresult *res;
	struct wr_str key;
	int status;

	params_add_text(begin(c), last->len ? buf_str(last) : str_of(""));
	params_add_int8(&c->p, STEP_ROWS);
	status = ask(c, PGSQL_CHECK_DIGESTS, &res, err);
	if (!status && PQntuples(res)) {
		*wrong += wire_int8(res, 0, 1);
		key = wire_text(res, 0, 2);
		buf_clear(last);
		buf_add_str(last, key);
		status = buf_status(last);
		if (!status && wire_int8(res, 0, 0) == STEP_ROWS)
			status = 1;
	}
	PQclear(res);
	return status;
}

/* Reads each content, which finds what is damaged, too. */
static int check_digests(struct check *c, struct wr_error *err)
{
	struct buf last = { 0 };
	int64_t wrong = 0;
	int status;

	do
		status = check_step(c, &last, &wrong, err);
	while (status > 0);
	buf_release(&last);
	if (status == WR_ECORRUPT)
		return result_add_finding(
			c->result, WR_LOG_ERROR,
			"restore a copy of the database: its files are damaged",
			"%s", err->message);
	if (!status && wrong)
		status = result_add_finding(
			c->result, WR_LOG_WARN,
			"UPDATE them SET hashed_at = NULL: then their digests "
			"are made anew",
			"%" PRId64 " documents have a digest that is not "
			"that of their content",
			wrong);
	return status;
}

static int check_contents(struct check *c, struct wr_error *err)
{
	bool deep = c->a->op->u.check.flags & WR_CHECK_DEEP;
	int status = 0;

	if (deep || c->documents <= SMALL)
		status = check_dims(c, err);
	else
		status = result_add_finding(
			c->result, WR_LOG_INFO, "windrow doctor --deep",
			"the table is large and was not read through");
	if (!status && deep)
		status = check_digests(c, err);
	return status;
}

int admin_check(struct admin *a, struct wr_error *err)
{
	struct check c = { .a = a, .result = a->op->u.check.result };
	int status;

	arena_init(&c.arena);
	status = check_server(&c, err);
	if (!status)
		status = check_pgvector(&c);
	if (!status)
		status = check_table(&c, err);
	if (!status)
		status = check_indexes(&c, err);
	if (!status)
		status = check_rows(&c, err);
	if (!status)
		status = check_contents(&c, err);
	arena_release(&c.arena);
	return status;
}
