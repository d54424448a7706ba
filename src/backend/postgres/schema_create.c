/* Making a store where there is none. */
#include "backend/postgres/schema_steps.h"
#include "backend/settings.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include <stdio.h>
#include <string.h>

int schema_lock_timeout(struct session *s, int ms, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct wr_str name = str_of("lock_timeout");
	struct params p;
	char text[16];
	int status;

	snprintf(text, sizeof(text), "%d", ms);
	params_init(&p, &arena);
	params_add_texts(&p, &name, 1);
	params_add_texts(&p, &(struct wr_str){ text, strlen(text) }, 1);
	status = session_query(s, pgsql_texts[PGSQL_SET_LOCAL], &p, NULL, err);
	arena_release(&arena);
	return status;
}

/* ----------------------------------------------------------- extensions -- */

static int find_extension(struct session *s, const char *name, bool *available,
			  bool *in_public, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params p;
	PGresult *res;
	int status;

	params_init(&p, &arena);
	params_add_text(&p, str_of(name));
	status = session_query(s, pgsql_texts[PGSQL_CATALOG_AVAILABLE], &p,
			       &res, err);
	arena_release(&arena);
	if (status)
		return status;
	*available = wire_bool(res, 0, 0);
	*in_public = wire_bool(res, 0, 1);
	PQclear(res);
	return 0;
}

/* pgvector is a trusted extension: who may create in the database may. */
static int make_pgvector(struct layout *l, struct session *s, bool in_public,
			 struct wr_error *err)
{
	struct buf sql = { 0 };
	int status;

	buf_puts(&sql, "CREATE EXTENSION IF NOT EXISTS vector SCHEMA ");
	layout_quote(&sql, in_public ? "public" : l->schema);
	status = buf_status(&sql);
	if (!status)
		status = session_do(s, sql.ptr, err);
	buf_release(&sql);
	if (status && schema_is_denied(err))
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "role %s may not enable pgvector in database "
				 "%s: let a superuser run CREATE EXTENSION "
				 "vector there, or choose the vector type "
				 "\"array\"",
				 l->user, l->database);
	if (status)
		return status;
	return layout_read(l, s, err);
}

static int want_pgvector(struct layout *l, struct session *s, bool required,
			 struct wr_error *err)
{
	bool available, in_public;
	int status;

	if (l->has_pgvector)
		return 0;
	status = find_extension(s, "vector", &available, &in_public, err);
	if (status)
		return status;
	if (available)
		return make_pgvector(l, s, in_public, err);
	if (required)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "the server has no pgvector: install it "
				 "(package postgresql-%d-pgvector), or choose "
				 "the vector type \"array\"",
				 l->server_version / 10000);
	return 0;
}

static int choose_vector(struct layout *l, struct session *s,
			 const struct backend_config *config,
			 struct wr_error *err)
{
	enum vector_kind kind = VECTOR_AS_VECTOR;
	int status = 0;

	if (config->vector_type)
		status = schema_find_kind(config->vector_type, &kind, err);
	if (!status && kind != VECTOR_AS_ARRAY)
		status = want_pgvector(l, s, config->vector_type != NULL, err);
	if (status)
		return status;
	if (!l->has_pgvector)
		kind = VECTOR_AS_ARRAY;
	l->vector.kind = kind;
	switch (kind) {
	case VECTOR_AS_ARRAY:
		l->vector.oid = l->vector.array_oid = OID_FLOAT8_ARRAY;
		break;
	case VECTOR_AS_VECTOR:
		l->vector.oid = l->vector_oid;
		l->vector.array_oid = l->vector_array_oid;
		break;
	case VECTOR_AS_HALFVEC:
		l->vector.oid = l->halfvec_oid;
		l->vector.array_oid = l->halfvec_array_oid;
		if (!l->halfvec_oid)
			return error_set(err, WR_ENOTSUP, 0, "postgres",
					 "pgvector %s has no halfvec: 0.7 has",
					 l->pgvector_version);
	}
	return 0;
}

static int check_citus(const struct layout *l, struct session *s,
		       struct wr_error *err)
{
	bool available, ignored;
	int status;

	if (l->has_citus)
		return 0;
	status = find_extension(s, "citus", &available, &ignored, err);
	if (status)
		return status;
	if (available)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "Citus is installed on the server, but not in "
				 "database %s: let a superuser run CREATE "
				 "EXTENSION citus there, and add the workers "
				 "with citus_add_node()",
				 l->database);
	return error_set(err, WR_ENOTSUP, 0, "postgres",
			 "a distributed store needs Citus, which the server "
			 "lacks: install it, set shared_preload_libraries = "
			 "'citus', restart, and CREATE EXTENSION citus; or "
			 "leave the choice out");
}

/* --------------------------------------------------------------- tables -- */

static int run_one(struct layout *l, struct session *s, struct wr_str text,
		   struct wr_error *err)
{
	struct buf template = { 0 }, sql = { 0 };
	int status;

	buf_add_str(&template, text);
	status = buf_status(&template);
	if (!status)
		status = layout_fill(l, &sql, template.ptr);
	if (status)
		error_set(err, status, 0, "postgres", "filling in: %.60s",
			  template.len ? template.ptr : "");
	else
		status = session_do(s, sql.ptr, err);
	buf_release(&template);
	buf_release(&sql);
	return status;
}

/* Citus takes one DDL statement a call. */
static int run_each(struct layout *l, struct session *s, const char *text,
		    struct wr_error *err)
{
	int status = 0;

	/* Names are filled in afterwards: they may hold anything. */
	while (!status && text && *text) {
		size_t len = strcspn(text, ";");

		status = run_one(l, s, (struct wr_str){ text, len }, err);
		text += len + (text[len] == ';');
	}
	return status;
}

static int run_migration(struct layout *l, struct session *s, int number,
			 struct wr_error *err)
{
	const struct pgsql_migration *m = &pgsql_migrations[number - 1];
	const char *texts[] = {
		m->all,
		l->vector.kind == VECTOR_AS_ARRAY ? m->array : NULL,
		l->fulltext ? m->fulltext : NULL,
		l->has_lz4 ? m->lz4 : m->external,
	};
	char name[24];
	int status = 0;

	for (size_t i = 0; !status && i < sizeof(texts) / sizeof(texts[0]); i++)
		status = run_each(l, s, texts[i], err);
	snprintf(name, sizeof(name), "migration.%d", number);
	if (!status)
		status = schema_put_number(l, s, name, clock_now_us(), err);
	if (!status)
		status = schema_put_number(l, s, "version", number, err);
	return status;
}

static int upgrade(struct layout *l, struct session *s, struct wr_error *err)
{
	int status = 0;

	for (int i = 1; !status && i <= SCHEMA_LATEST; i++)
		status = run_migration(l, s, i, err);
	return status;
}

int schema_put_choices(struct layout *l, struct session *s,
		       const struct settings *chosen, struct wr_error *err)
{
	int status =
		schema_put(l, s, "urls", settings_urls_name(chosen->urls), err);

	if (!status)
		status = schema_put(l, s, "fulltext",
				    settings_fulltext_name(chosen->fulltext),
				    err);
	if (!status)
		status = schema_put(l, s, "language", l->language, err);
	if (!status && chosen->dim)
		status = schema_put_number(l, s, "dim", chosen->dim, err);
	if (!status)
		status = schema_put(l, s, "made_by", WR_VERSION_STRING, err);
	return status;
}

static int distribute(struct layout *l, struct session *s, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct buf name = { 0 };
	struct params p;
	int status = layout_fill(l, &name, ":table");

	params_init(&p, &arena);
	params_add_text(&p, buf_str(&name));
	if (!status)
		status = session_query(s, pgsql_texts[PGSQL_SCHEMA_DISTRIBUTE],
				       &p, NULL, err);
	if (!status)
		status = schema_put(l, s, "distributed", "yes", err);
	buf_release(&name);
	arena_release(&arena);
	return status;
}

static int create_tables(struct layout *l, struct session *s,
			 const struct backend_config *config,
			 const struct settings *chosen, struct wr_error *err)
{
	int status = schema_query(l, s, PGSQL_META_CREATE, NULL, NULL, err);

	if (!status)
		status = schema_query(l, s, PGSQL_META_CLEAR, NULL, NULL, err);
	if (!status)
		status = upgrade(l, s, err);
	if (!status)
		status = schema_put_choices(l, s, chosen, err);
	if (!status && config->distributed)
		status = distribute(l, s, err);
	return status;
}

/* Behind the lock. */
static int create(struct layout *l, struct session *s,
		  const struct backend_config *config,
		  const struct settings *wishes, struct wr_error *err)
{
	struct settings chosen = *wishes;
	int status = 0;

	if (chosen.urls == WR_URLS_DEFAULT)
		chosen.urls = WR_URLS_CONSERVATIVE;
	if (chosen.fulltext == WR_FULLTEXT_DEFAULT)
		chosen.fulltext = WR_FULLTEXT_ON;
	l->fulltext = chosen.fulltext == WR_FULLTEXT_ON;
	l->dim = chosen.dim;
	l->plain = false;
	if (config->distributed)
		status = check_citus(l, s, err);
	if (!status)
		status = schema_find_language(
			s, config->language ? config->language : "english",
			l->language, err);
	if (!status && !l->has_schema)
		status = schema_query(l, s, PGSQL_SCHEMA_CREATE, NULL, NULL,
				      err);
	if (!status)
		status = choose_vector(l, s, config, err);
	if (!status)
		status = schema_check_dim(l, l->dim, err);
	if (!status)
		status = create_tables(l, s, config, &chosen, err);
	return status;
}

static int denied(const struct layout *l, struct wr_error *err)
{
	if (!l->has_schema)
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "role %s may not create schema %s: GRANT "
				 "CREATE ON DATABASE %s to it, or let a role "
				 "that may run windrow init",
				 l->user, l->schema, l->database);
	return error_set(err, WR_EAUTH, 0, "postgres",
			 "role %s may not create tables in schema %s: GRANT "
			 "CREATE ON SCHEMA %s to it, or let a role that may "
			 "run windrow init",
			 l->user, l->schema, l->schema);
}

int schema_create(struct layout *l, struct session *s,
		  const struct backend_config *config,
		  const struct settings *wishes, struct wr_error *err)
{
	int status = schema_begin(s, err);

	/* Another process may have been first. */
	if (!status)
		status = layout_read(l, s, err);
	if (!status && l->exists && config->create == WR_CREATE_NEW)
		status = error_set(err, WR_EEXIST, 0, "postgres",
				   "database %s has a table %s.%s already",
				   l->database, l->schema, l->table);
	else if (!status && !l->exists)
		status = create(l, s, config, wishes, err);
	if (!status)
		status = session_do(s, "COMMIT", err);
	if (!status)
		return layout_read(l, s, err);
	schema_rollback(s);
	return schema_is_denied(err) && err->status == WR_EAUTH &&
			       err->sqlstate[0]
		       ? denied(l, err)
		       : status;
}
