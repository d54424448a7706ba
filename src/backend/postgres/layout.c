#include "backend/postgres/layout.h"

#include "base/error.h"
#include "base/str.h"
#include <stdio.h>
#include <string.h>

enum {
	OID_VARCHAR = 1043,
	OID_TSVECTOR = 3614,
	/* sha256() is older; what is older than this nobody maintains. */
	OLDEST_SERVER = 130000
};

static void copy_text(char *to, size_t size, struct wr_str from)
{
	size_t len = from.len < size ? from.len : size - 1;

	if (len)
		memcpy(to, from.ptr, len);
	to[len] = '\0';
}

static int mismatch(const struct layout *l, struct wr_error *err,
		    const char *what)
{
	return error_set(err, WR_ESCHEMA, 0, "postgres", "table %s.%s %s",
			 l->schema, l->table, what);
}

/* -------------------------------------------------------------- server -- */

static int read_server(struct layout *l, struct session *s,
		       struct wr_error *err)
{
	PGresult *res;
	int status = session_query(s, pgsql_texts[PGSQL_CATALOG_SERVER], NULL,
				   &res, err);

	if (status)
		return status;
	l->server_version = wire_int4(res, 0, 0);
	l->utf8 = str_eq(wire_text(res, 0, 1), str_of("UTF8"));
	l->has_lz4 = wire_bool(res, 0, 2);
	l->has_citus = wire_bool(res, 0, 3);
	copy_text(l->pgvector_schema, sizeof(l->pgvector_schema),
		  wire_text(res, 0, 4));
	copy_text(l->pgvector_version, sizeof(l->pgvector_version),
		  wire_text(res, 0, 5));
	l->vector_oid = (Oid)wire_int8(res, 0, 6);
	l->vector_array_oid = (Oid)wire_int8(res, 0, 7);
	l->halfvec_oid = (Oid)wire_int8(res, 0, 8);
	l->halfvec_array_oid = (Oid)wire_int8(res, 0, 9);
	l->has_pgvector = l->vector_oid != 0;
	l->is_standby = wire_bool(res, 0, 10);
	copy_text(l->user, sizeof(l->user), wire_text(res, 0, 11));
	copy_text(l->database, sizeof(l->database), wire_text(res, 0, 12));
	PQclear(res);
	if (l->server_version < OLDEST_SERVER)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "the server is PostgreSQL %d, Windrow needs "
				 "%d or newer",
				 l->server_version / 10000,
				 OLDEST_SERVER / 10000);
	/* Elsewhere most of the web's text could not be stored. */
	if (!l->utf8)
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "database %s is not encoded in UTF8: make one "
				 "that is (CREATE DATABASE ... ENCODING 'UTF8' "
				 "TEMPLATE template0)",
				 l->database);
	return 0;
}

/* --------------------------------------------------------------- table -- */

static int check_kind(const struct layout *l, struct wr_str kind,
		      struct wr_error *err)
{
	switch (kind.len ? kind.ptr[0] : 0) {
	case 'r':
		return 0;
	case 'p':
		return mismatch(l, err,
				"is partitioned, which Windrow does not "
				"support: choose another table");
	case 'v':
	case 'm':
		return mismatch(l, err,
				"is a view: choose the table behind it");
	case 'f':
		return mismatch(l, err,
				"is a foreign table: connect to the server "
				"where it is");
	}
	return mismatch(l, err, "is not a table: choose another name");
}

static int read_table(struct layout *l, struct session *s, struct params *p,
		      struct wr_error *err)
{
	PGresult *res;
	bool may_read = false;
	int status = session_query(s, pgsql_texts[PGSQL_CATALOG_TABLE], p, &res,
				   err);

	if (status)
		return status;
	l->has_schema = PQntuples(res) > 0;
	l->exists = l->has_schema && !wire_is_null(res, 0, 0);
	l->has_meta = l->has_schema && wire_bool(res, 0, 5);
	l->is_owner = l->can_write = false;
	if (l->exists) {
		bool may_use = wire_bool(res, 0, 6);

		l->oid = (Oid)wire_int8(res, 0, 0);
		l->is_owner = wire_bool(res, 0, 2) && !l->is_standby;
		may_read = may_use && wire_bool(res, 0, 3);
		l->can_write = wire_bool(res, 0, 4) && !l->is_standby;
		status = check_kind(l, wire_text(res, 0, 1), err);
	}
	PQclear(res);
	if (!status && l->exists && !may_read)
		return error_set(err, WR_EAUTH, 0, "postgres",
				 "role %s may not read %s.%s: GRANT USAGE ON "
				 "SCHEMA, and SELECT ON the table and on "
				 "%s_windrow, to it",
				 l->user, l->schema, l->table, l->table);
	return status;
}

/* ------------------------------------------------------------- columns -- */

enum column {
	COLUMN_URL,
	COLUMN_TITLE,
	COLUMN_CONTENT,
	COLUMN_EMBEDDING,
	COLUMN_CREATED_AT,
	COLUMN_UPDATED_AT,
	COLUMN_HASHED_AT,
	COLUMN_FETCHED_AT,
	COLUMN_CONTENT_HASH,
	COLUMN_META_HASH,
	COLUMN_METADATA,
	COLUMN_PENDING,
	COLUMN_WORDS,
	COLUMN_COUNT,
	/* Those before this one are the original's too. */
	COLUMN_OURS = COLUMN_HASHED_AT
};

static const char *const column_names[COLUMN_COUNT] = {
	[COLUMN_URL] = "url",
	[COLUMN_TITLE] = "title",
	[COLUMN_CONTENT] = "content",
	[COLUMN_EMBEDDING] = "embedding",
	[COLUMN_CREATED_AT] = "created_at",
	[COLUMN_UPDATED_AT] = "updated_at",
	[COLUMN_HASHED_AT] = "hashed_at",
	[COLUMN_FETCHED_AT] = "fetched_at",
	[COLUMN_CONTENT_HASH] = "content_hash",
	[COLUMN_META_HASH] = "meta_hash",
	[COLUMN_METADATA] = "metadata",
	[COLUMN_PENDING] = "pending",
	[COLUMN_WORDS] = "words",
};

struct columns {
	bool there[COLUMN_COUNT];
	Oid types[COLUMN_COUNT];
	int32_t modifiers[COLUMN_COUNT];
	char type_names[COLUMN_COUNT][40];
};

static int read_column(struct layout *l, const PGresult *res, int row,
		       struct columns *c, struct wr_error *err)
{
	struct wr_str name = wire_text(res, row, 0);
	struct wr_str clip = str_clip(name, LAYOUT_NAME);

	for (int i = 0; i < COLUMN_COUNT; i++) {
		if (!str_eq(name, str_of(column_names[i])))
			continue;
		if (wire_bool(res, row, 5))
			return error_set(err, WR_ESCHEMA, 0, "postgres",
					 "table %s.%s: column %s is generated, "
					 "so that nothing can be stored there",
					 l->schema, l->table, column_names[i]);
		c->there[i] = true;
		c->types[i] = (Oid)wire_int8(res, row, 1);
		c->modifiers[i] = wire_int4(res, row, 2);
		copy_text(c->type_names[i], sizeof(c->type_names[i]),
			  wire_text(res, row, 4));
		return 0;
	}
	if (wire_bool(res, row, 3) && !wire_bool(res, row, 5))
		return error_set(err, WR_ESCHEMA, 0, "postgres",
				 "table %s.%s: column %.*s is NOT NULL without "
				 "a default, and Windrow has no value for it: "
				 "give it a default",
				 l->schema, l->table, (int)clip.len, clip.ptr);
	return 0;
}

/* Of the columns that every table needs, those that are lacking. */
static int check_there(const struct layout *l, const struct columns *c,
		       struct wr_error *err)
{
	struct buf missing = { 0 };
	int status = 0;

	for (int i = 0; i < COLUMN_OURS; i++)
		if (!c->there[i])
			buf_printf(&missing, "%s%s", missing.len ? ", " : "",
				   column_names[i]);
	if (missing.failed)
		status = error_nomem(err, "postgres");
	else if (missing.len)
		status = error_set(err, WR_ESCHEMA, 0, "postgres",
				   "table %s.%s has no column %s: it is no "
				   "store of Windrow's, nor of the original; "
				   "choose another name with --table",
				   l->schema, l->table, missing.ptr);
	buf_release(&missing);
	return status;
}

static int bad_type(const struct layout *l, const struct columns *c,
		    enum column which, const char *wanted, struct wr_error *err)
{
	return error_set(err, WR_ESCHEMA, 0, "postgres",
			 "table %s.%s: column %s has type %s, Windrow needs %s",
			 l->schema, l->table, column_names[which],
			 c->type_names[which], wanted);
}

static int check_texts(const struct layout *l, const struct columns *c,
		       struct wr_error *err)
{
	static const enum column texts[] = { COLUMN_URL, COLUMN_TITLE,
					     COLUMN_CONTENT };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (c->types[texts[i]] != OID_TEXT &&
		    c->types[texts[i]] != OID_VARCHAR)
			return bad_type(l, c, texts[i], "text or varchar", err);
	return 0;
}

static int take_times(struct layout *l, const struct columns *c,
		      struct wr_error *err)
{
	Oid type = c->types[COLUMN_UPDATED_AT];

	if (type == OID_TIMESTAMPTZ)
		l->time_array_oid = OID_TIMESTAMPTZ_ARRAY;
	else if (type == OID_TIMESTAMP)
		l->time_array_oid = OID_TIMESTAMP_ARRAY;
	else
		return bad_type(l, c, COLUMN_UPDATED_AT,
				"timestamp, with or without time zone", err);
	l->time_oid = type;
	if (c->types[COLUMN_CREATED_AT] != type)
		return bad_type(l, c, COLUMN_CREATED_AT,
				c->type_names[COLUMN_UPDATED_AT], err);
	return 0;
}

static int take_vectors(struct layout *l, const struct columns *c,
			struct wr_error *err)
{
	Oid type = c->types[COLUMN_EMBEDDING];
	int32_t modifier = c->modifiers[COLUMN_EMBEDDING];

	l->vector.oid = type;
	l->column_dim = 0;
	if (type == OID_FLOAT8_ARRAY) {
		l->vector.kind = VECTOR_AS_ARRAY;
		l->vector.array_oid = OID_FLOAT8_ARRAY;
		return 0;
	}
	if (type == l->vector_oid) {
		l->vector.kind = VECTOR_AS_VECTOR;
		l->vector.array_oid = l->vector_array_oid;
	} else if (type == l->halfvec_oid) {
		l->vector.kind = VECTOR_AS_HALFVEC;
		l->vector.array_oid = l->halfvec_array_oid;
	} else {
		return bad_type(l, c, COLUMN_EMBEDDING,
				"double precision[], or pgvector's vector or "
				"halfvec",
				err);
	}
	if (modifier > 0)
		l->column_dim = (uint32_t)modifier;
	return 0;
}

/* Columns of Windrow's: all of them, or the table is taken as it is. */
static int take_ours(struct layout *l, const struct columns *c,
		     struct wr_error *err)
{
	static const struct {
		enum column which;
		Oid type;
		const char *name;
	} ours[] = {
		/* That of updated_at. */
		{ COLUMN_HASHED_AT, 0, NULL },
		{ COLUMN_FETCHED_AT, 0, NULL },
		{ COLUMN_CONTENT_HASH, OID_BYTEA, "bytea" },
		{ COLUMN_META_HASH, OID_BYTEA, "bytea" },
		{ COLUMN_METADATA, OID_JSONB, "jsonb" },
		{ COLUMN_PENDING, OID_BOOL, "boolean" },
		{ COLUMN_WORDS, OID_TSVECTOR, "tsvector" },
	};

	l->plain = false;
	for (int i = COLUMN_OURS; i < COLUMN_WORDS; i++)
		l->plain |= !c->there[i];
	l->has_words = c->there[COLUMN_WORDS] && !l->plain;
	if (l->plain)
		return 0;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		Oid type = ours[i].type ? ours[i].type : l->time_oid;

		if (c->there[ours[i].which] && c->types[ours[i].which] != type)
			return bad_type(
				l, c, ours[i].which,
				ours[i].name ? ours[i].name
					     : c->type_names[COLUMN_UPDATED_AT],
				err);
	}
	return 0;
}

static int read_columns(struct layout *l, struct session *s, struct params *p,
			struct wr_error *err)
{
	struct columns c = { 0 };
	PGresult *res;
	int status = session_query(s, pgsql_texts[PGSQL_CATALOG_COLUMNS], p,
				   &res, err);

	if (status)
		return status;
	for (int i = 0; !status && i < PQntuples(res); i++)
		status = read_column(l, res, i, &c, err);
	PQclear(res);
	if (!status)
		status = check_there(l, &c, err);
	if (!status)
		status = check_texts(l, &c, err);
	if (!status)
		status = take_times(l, &c, err);
	if (!status)
		status = take_vectors(l, &c, err);
	if (!status)
		status = take_ours(l, &c, err);
	return status;
}

/* ----------------------------------------------------------- its shape -- */

static int read_key(const struct layout *l, struct session *s, struct params *p,
		    struct wr_error *err)
{
	PGresult *res;
	bool usable, any;
	int status =
		session_query(s, pgsql_texts[PGSQL_CATALOG_KEY], p, &res, err);

	if (status)
		return status;
	usable = wire_bool(res, 0, 0);
	any = wire_bool(res, 0, 1);
	PQclear(res);
	if (usable)
		return 0;
	return mismatch(
		l, err,
		any ? "has a unique constraint on url that is deferrable, "
		      "so that it cannot settle conflicts: make it NOT "
		      "DEFERRABLE"
		    : "has no unique constraint on url alone: ALTER "
		      "TABLE ... ADD UNIQUE (url)");
}

static int read_citus(struct layout *l, struct session *s, struct params *p,
		      struct wr_error *err)
{
	PGresult *res;
	bool by_url = true;
	int status;

	l->distributed = false;
	if (!l->has_citus)
		return 0;
	status = session_query(s, pgsql_texts[PGSQL_CATALOG_CITUS], p, &res,
			       err);
	if (status)
		return status;
	if (PQntuples(res)) {
		l->distributed = wire_bool(res, 0, 0);
		by_url = wire_bool(res, 0, 1);
	}
	PQclear(res);
	if (l->distributed && !by_url)
		return mismatch(l, err,
				"is distributed, but not by url: Windrow needs "
				"create_distributed_table(..., 'url')");
	return 0;
}

int layout_read(struct layout *l, struct session *s, struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params names, number;
	int status = read_server(l, s, err);

	if (status)
		return status;
	params_init(&names, &arena);
	params_add_text(&names, str_of(l->schema));
	params_add_text(&names, str_of(l->table));
	status = read_table(l, s, &names, err);
	if (status || !l->exists)
		goto out;
	params_init(&number, &arena);
	params_add_int8(&number, l->oid);
	status = read_columns(l, s, &number, err);
	if (!status)
		status = read_key(l, s, &number, err);
	if (!status)
		status = read_citus(l, s, &number, err);
out:
	arena_release(&arena);
	return status;
}

int layout_read_dim(const struct layout *l, struct session *s, uint32_t *dim,
		    struct wr_error *err)
{
	struct buf sql = { 0 };
	PGresult *res;
	int64_t n = 0;
	int status = layout_fill(l, &sql, pgsql_texts[PGSQL_CATALOG_DIM]);

	if (status)
		status = error_set(err, status, 0, "postgres",
				   "looking for vectors");
	else
		status = session_query(s, sql.ptr, NULL, &res, err);
	buf_release(&sql);
	if (status)
		return status;
	if (PQntuples(res))
		n = wire_int8(res, 0, 0);
	PQclear(res);
	*dim = n > 0 && n <= UINT16_MAX ? (uint32_t)n : 0;
	return 0;
}
