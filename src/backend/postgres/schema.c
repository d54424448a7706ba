#include "backend/postgres/schema_steps.h"

#include "backend/settings.h"
#include "base/error.h"
#include "base/str.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* pgvector's types have no more. */
enum { PGVECTOR_DIM_MAX = 16000 };

bool schema_is_denied(const struct wr_error *err)
{
	return !strcmp(err->sqlstate, "42501");
}

/* ---------------------------------------------------------- statements -- */

static int query_text(struct layout *l, struct session *s, const char *text,
		      const struct params *p, PGresult **out,
		      struct wr_error *err)
{
	struct buf sql = { 0 };
	int status = layout_fill(l, &sql, text);

	if (status)
		status = error_set(err, status, 0, "postgres",
				   "a variable is unknown in: %.60s", text);
	else
		status = session_query(s, sql.ptr, p, out, err);
	buf_release(&sql);
	return status;
}

int schema_query(struct layout *l, struct session *s, enum pgsql which,
		 const struct params *p, PGresult **out, struct wr_error *err)
{
	return query_text(l, s, pgsql_texts[which], p, out, err);
}

int schema_query_bool(struct layout *l, struct session *s, enum pgsql which,
		      bool *answer, struct wr_error *err)
{
	PGresult *res;
	int status = schema_query(l, s, which, NULL, &res, err);

	if (status)
		return status;
	*answer = wire_bool(res, 0, 0);
	PQclear(res);
	return 0;
}

int schema_begin(struct session *s, struct wr_error *err)
{
	/* What is read behind the lock must be what is there then. */
	int status = session_do(
		s, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", err);

	if (!status)
		status = session_do(s, pgsql_texts[PGSQL_SCHEMA_LOCK], err);
	return status;
}

void schema_rollback(struct session *s)
{
	struct wr_error ignored;

	(void)!session_do(s, "ROLLBACK", &ignored);
}

/* ------------------------------------------------------------ settings -- */

int schema_put(struct layout *l, struct session *s, const char *name,
	       const char *value, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	int status;

	params_init(&p, &arena);
	params_add_text(&p, str_of(name));
	params_add_text(&p, str_of(value));
	status = schema_query(l, s, PGSQL_META_PUT, &p, NULL, err);
	arena_release(&arena);
	return status;
}

int schema_put_number(struct layout *l, struct session *s, const char *name,
		      int64_t value, struct wr_error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return schema_put(l, s, name, text, err);
}

int schema_drop(struct layout *l, struct session *s, const char *name,
		struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	int status;

	params_init(&p, &arena);
	params_add_text(&p, str_of(name));
	status = schema_query(l, s, PGSQL_META_DROP, &p, NULL, err);
	arena_release(&arena);
	return status;
}

static void copy_text(char *to, size_t size, struct wr_str from)
{
	size_t len = from.len < size ? from.len : size - 1;

	if (len)
		memcpy(to, from.ptr, len);
	to[len] = '\0';
}

static void take_number(uint32_t *to, struct wr_str value, int64_t max)
{
	int64_t number;

	if (!str_to_int64(value, &number) && number >= 0 && number <= max)
		*to = (uint32_t)number;
}

static void take_setting(struct layout *l, struct settings *to,
			 struct wr_str name, struct wr_str value)
{
	if (str_eq(name, str_of("version"))) {
		take_number(&to->version, value, INT32_MAX);
	} else if (str_eq(name, str_of("embedder"))) {
		copy_text(to->embedder, sizeof(to->embedder), value);
	} else if (str_eq(name, str_of("model"))) {
		copy_text(to->model, sizeof(to->model), value);
	} else if (str_eq(name, str_of("dim"))) {
		take_number(&to->dim, value, UINT16_MAX);
	} else if (str_eq(name, str_of("language"))) {
		copy_text(l->language, sizeof(l->language), value);
	} else if (str_eq(name, str_of("adopted"))) {
		l->adopted = str_eq(value, str_of("yes"));
	} else if (str_eq(name, str_of("fulltext"))) {
		to->fulltext = str_eq(value, str_of("on")) ? WR_FULLTEXT_ON
							   : WR_FULLTEXT_OFF;
	} else if (str_eq(name, str_of("urls"))) {
		for (int i = WR_URLS_AS_GIVEN; i <= WR_URLS_AGGRESSIVE; i++)
			if (str_eq(value, str_of(settings_urls_name(i))))
				to->urls = (enum wr_urls)i;
	}
}

/* version is 0 where the table has none of them. */
static int read_settings(struct layout *l, struct session *s,
			 struct settings *to, struct wr_error *err)
{
	PGresult *res;
	int status;

	memset(to, 0, sizeof(*to));
	status = schema_query(l, s, PGSQL_META_READ, NULL, &res, err);
	if (status && schema_is_denied(err))
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "role %s may not read the settings of the "
				 "store: GRANT SELECT ON %s.%s_windrow to it",
				 l->user, l->schema, l->table);
	if (status)
		return status;
	for (int i = 0; i < PQntuples(res); i++)
		take_setting(l, to, wire_text(res, i, 0), wire_text(res, i, 1));
	PQclear(res);
	if (to->version > SCHEMA_LATEST)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "%s.%s has schema version %u, this program "
				 "knows up to %d: use a newer Windrow",
				 l->schema, l->table, (unsigned)to->version,
				 SCHEMA_LATEST);
	if (to->version && (to->urls == WR_URLS_DEFAULT ||
			    to->fulltext == WR_FULLTEXT_DEFAULT))
		return error_set(err, WR_ECORRUPT, 0, "postgres",
				 "the table %s.%s_windrow is damaged: it lacks "
				 "urls or fulltext",
				 l->schema, l->table);
	return 0;
}

/* --------------------------------------------------------------- wishes -- */

static int choose_names(struct layout *l, const struct session *s,
			const struct backend_config *config,
			struct wr_error *err)
{
	const char *schema = config->schema    ? config->schema
			     : s->info->schema ? s->info->schema
					       : "public";
	const char *table = config->table    ? config->table
			    : s->info->table ? s->info->table
					     : "scraped_documents";

	if (!*schema || strlen(schema) >= sizeof(l->schema))
		return error_set(err, WR_EINVAL, 0, "postgres",
				 "a schema's name has 1 to %d bytes",
				 LAYOUT_NAME - 1);
	if (!*table || strlen(table) > LAYOUT_TABLE_MAX)
		return error_set(err, WR_EINVAL, 0, "postgres",
				 "a table's name has 1 to %d bytes, for those "
				 "of its indexes are longer",
				 LAYOUT_TABLE_MAX);
	memcpy(l->schema, schema, strlen(schema) + 1);
	memcpy(l->table, table, strlen(table) + 1);
	return 0;
}

/* The name under which a language is recorded. */
int schema_find_language(struct session *s, const char *wanted,
			 char to[LAYOUT_LANGUAGE], struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;
	bool found;
	int status;

	params_init(&p, &arena);
	params_add_text(&p, str_of(wanted));
	status = session_query(s, pgsql_texts[PGSQL_CATALOG_LANGUAGE], &p, &res,
			       err);
	arena_release(&arena);
	if (status)
		return status;
	found = PQntuples(res) > 0;
	if (found)
		copy_text(to, LAYOUT_LANGUAGE, wire_text(res, 0, 0));
	PQclear(res);
	if (found)
		return 0;
	return error_set(err, WR_EINVAL, 0, "postgres",
			 "the server has no language \"%.60s\" for full text: "
			 "SELECT cfgname FROM pg_ts_config lists those it has",
			 wanted);
}

static const char *const kind_names[] = {
	[VECTOR_AS_ARRAY] = "array",
	[VECTOR_AS_VECTOR] = "vector",
	[VECTOR_AS_HALFVEC] = "halfvec",
};

int schema_find_kind(const char *name, enum vector_kind *kind,
		     struct wr_error *err)
{
	for (int i = VECTOR_AS_ARRAY; i <= VECTOR_AS_HALFVEC; i++)
		if (!strcmp(name, kind_names[i])) {
			*kind = (enum vector_kind)i;
			return 0;
		}
	return error_set(err, WR_EINVAL, 0, "postgres",
			 "the vector type \"%.40s\" is unknown: \"vector\", "
			 "\"halfvec\" or \"array\"",
			 name);
}

static int differs(struct wr_error *err, const char *what, const char *made,
		   const char *wanted)
{
	return error_set(err, WR_ESCHEMA, 0, "postgres",
			 "the store was made with %s %.60s, not with %.60s; "
			 "leave the choice out, or make another store",
			 what, made, wanted);
}

/* What only PostgreSQL has, as settings_agree(). */
static int check_wishes(const struct layout *l, struct session *s,
			const struct backend_config *config,
			struct wr_error *err)
{
	char language[LAYOUT_LANGUAGE];
	enum vector_kind kind = VECTOR_AS_ARRAY;
	int status;

	if (config->vector_type) {
		status = schema_find_kind(config->vector_type, &kind, err);
		if (status)
			return status;
		if (kind != l->vector.kind)
			return differs(err, "the vector type",
				       kind_names[l->vector.kind],
				       config->vector_type);
	}
	if (config->language && !(l->adopted && !l->has_words)) {
		status = schema_find_language(s, config->language, language,
					      err);
		if (status)
			return status;
		if (strcmp(language, l->language) != 0)
			return differs(err, "the language", l->language,
				       language);
	}
	if (config->distributed && !l->distributed)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "%s.%s is there, and not distributed: leave "
				 "the choice out, make another store, or "
				 "SELECT create_distributed_table(..., 'url')",
				 l->schema, l->table);
	return 0;
}

int schema_check_dim(const struct layout *l, uint32_t dim, struct wr_error *err)
{
	if (l->vector.kind != VECTOR_AS_ARRAY && dim > PGVECTOR_DIM_MAX)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "pgvector's vectors have at most %d "
				 "dimensions, not %u: make a store with the "
				 "vector type \"array\"",
				 PGVECTOR_DIM_MAX, (unsigned)dim);
	if (dim && l->column_dim && dim != l->column_dim)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "the column embedding of %s.%s holds vectors "
				 "of %u dimensions, not of %u",
				 l->schema, l->table, (unsigned)l->column_dim,
				 (unsigned)dim);
	return 0;
}

/* -------------------------------------------------------------- opening -- */

/* The original's table, or one like it: what it cannot say is taken as usual.
 */
static int describe_adopted(struct layout *l, struct session *s,
			    const struct backend_config *config,
			    const struct settings *wishes,
			    struct settings *found, struct wr_error *err)
{
	l->adopted = true;
	found->urls = WR_URLS_AS_GIVEN;
	found->fulltext = wishes->fulltext != WR_FULLTEXT_DEFAULT
				  ? wishes->fulltext
				  : WR_FULLTEXT_ON;
	return schema_find_language(
		s, config->language ? config->language : "english", l->language,
		err);
}

/* A store that exists. */
static int load(struct layout *l, struct session *s,
		const struct backend_config *config, struct settings *settings,
		struct wr_error *err)
{
	struct settings found = { 0 };
	int status = 0;

	l->adopted = false;
	if (l->has_meta && !l->plain)
		status = read_settings(l, s, &found, err);
	if (!status && !found.version)
		status = describe_adopted(l, s, config, settings, &found, err);
	if (status)
		return status;
	if (!found.dim)
		found.dim = l->column_dim;
	if (!found.dim && l->adopted)
		status = layout_read_dim(l, s, &found.dim, err);
	if (!status)
		status = schema_check_dim(l, found.dim, err);
	if (!status)
		status = check_wishes(l, s, config, err);
	if (!status)
		status = settings_agree(settings, &found, "postgres", err);
	if (status)
		return status;
	settings->write_batch = l->distributed ? SCHEMA_DISTRIBUTED_BATCH : 0;
	l->dim = settings->dim;
	l->fulltext = settings->fulltext == WR_FULLTEXT_ON;
	return layout_render(l, err);
}

int schema_open(struct layout *l, struct session *s,
		const struct backend_config *config, struct settings *settings,
		struct wr_error *err)
{
	int status = choose_names(l, s, config, err);

	if (!status)
		status = layout_read(l, s, err);
	if (status)
		return status;
	if (!l->exists && config->create == WR_CREATE_NEVER)
		return error_set(err, WR_ENOENT, 0, "postgres",
				 "database %s has no table %s.%s: run windrow "
				 "init first",
				 l->database, l->schema, l->table);
	if (l->exists && config->create == WR_CREATE_NEW)
		return error_set(err, WR_EEXIST, 0, "postgres",
				 "database %s has a table %s.%s already",
				 l->database, l->schema, l->table);
	if (!l->exists)
		status = schema_create(l, s, config, settings, err);
	return status ? status : load(l, s, config, settings, err);
}

/* ------------------------------------------------------------ recording -- */

static bool same_embedder(const struct settings *a, const struct settings *b)
{
	return a->dim == b->dim && !strcmp(a->embedder, b->embedder) &&
	       !strcmp(a->model, b->model);
}

/*
 * Two processes may make their choice in one new store at a time: the second
 * must not overrule the first, whose vectors may be there already.
 */
static int check_record(struct layout *l, struct session *s,
			const struct settings *known,
			const struct settings *wanted, struct wr_error *err)
{
	struct settings now;
	bool vectors = false;
	int status = read_settings(l, s, &now, err);

	if (status)
		return status;
	/* Where nothing is recorded, what was found in the table is known. */
	if (!now.dim)
		now.dim = known->dim;
	if (!same_embedder(&now, known) && !same_embedder(&now, wanted))
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "another process has just recorded embedder "
				 "\"%.40s\", model \"%.40s\", dimension %u: "
				 "open the store again",
				 now.embedder, now.model, (unsigned)now.dim);
	if (now.dim == wanted->dim)
		return 0;
	if (now.dim)
		status = schema_query_bool(l, s, PGSQL_SCHEMA_HAS_VECTORS,
					   &vectors, err);
	if (!status && vectors)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "%s.%s holds vectors of %u dimensions, not %u",
				 l->schema, l->table, (unsigned)now.dim,
				 (unsigned)wanted->dim);
	return status;
}

/*
 * The column learns the dimension while that costs nothing.  It is no harm
 * where it cannot: an expression then does what the type would.
 */
static int set_column_dim(struct layout *l, struct session *s, uint32_t dim,
			  bool *altered, struct wr_error *err)
{
	struct wr_error failed;
	bool empty;
	int status;

	if (!dim || l->column_dim == dim || l->adopted || !l->is_owner ||
	    l->vector.kind == VECTOR_AS_ARRAY)
		return 0;
	status = schema_query_bool(l, s, PGSQL_SCHEMA_IS_EMPTY, &empty, err);
	if (status || !empty)
		return status;
	l->dim = dim;
	status = session_do(s, "SAVEPOINT dim", err);
	if (!status)
		status = schema_lock_timeout(s, 5000, err);
	if (status)
		return status;
	if (!schema_query(l, s, PGSQL_SCHEMA_SET_DIM, NULL, NULL, &failed)) {
		*altered = true;
		return 0;
	}
	return session_do(s, "ROLLBACK TO SAVEPOINT dim", err);
}

static int record(struct layout *l, struct session *s,
		  const struct settings *known, const struct settings *wanted,
		  bool *altered, struct wr_error *err)
{
	int status = schema_begin(s, err);

	if (!status)
		status = check_record(l, s, known, wanted, err);
	if (!status)
		status = set_column_dim(l, s, wanted->dim, altered, err);
	if (!status && !*altered)
		status = schema_check_dim(l, wanted->dim, err);
	if (!status)
		status = schema_put(l, s, "embedder", wanted->embedder, err);
	if (!status)
		status = schema_put(l, s, "model", wanted->model, err);
	if (!status)
		status = schema_put_number(l, s, "dim", wanted->dim, err);
	if (!status)
		status = session_do(s, "COMMIT", err);
	if (status)
		schema_rollback(s);
	return status;
}

int schema_record(struct layout *l, struct session *s,
		  const struct settings *known, const struct settings *wanted,
		  struct wr_error *err)
{
	bool altered = false;
	uint32_t dim = l->dim;
	int status = 0;

	if (l->adopted && l->dim && wanted->dim && l->dim != wanted->dim)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "%s.%s holds vectors of %u dimensions, not %u",
				 l->schema, l->table, (unsigned)l->dim,
				 (unsigned)wanted->dim);
	if (l->has_meta && !l->plain)
		status = record(l, s, known, wanted, &altered, err);
	else
		status = schema_check_dim(l, wanted->dim, err);
	if (status && schema_is_denied(err))
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "role %s may not record the embedder: GRANT "
				 "INSERT, UPDATE ON %s.%s_windrow to it, or "
				 "let the owner run windrow init with that "
				 "embedder",
				 l->user, l->schema, l->table);
	if (!status && altered)
		status = layout_read(l, s, err);
	l->dim = status ? dim : wanted->dim;
	if (status)
		return status;
	return layout_render(l, err);
}
