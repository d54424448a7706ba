/*
 * layout.h - the table as it is found, and the statements made to fit it.
 *
 * Three kinds of tables are one to the operations: Windrow's own, that of the
 * original program after "windrow migrate", and the latter as it was found
 * (plain: no digests, no metadata).  They differ in the types of a few columns
 * and in what an expression looks like; SQL files name these as variables,
 * which psql fills in with \set and layout_render() from the catalog.  Those
 * that are made of others come from sql_part() and have variables in turn.
 *
 * Immutable once the store is open, but for the migration's and the indexes'
 * sake: see postgres.h.
 */
#ifndef BACKEND_POSTGRES_LAYOUT_H
#define BACKEND_POSTGRES_LAYOUT_H

#include "backend/backend.h"
#include "backend/postgres/session.h"
#include "backend/postgres/sql.h"
#include "base/buf.h"

enum {
	LAYOUT_NAME = 64,      /* of the server's names, with a NUL */
	LAYOUT_TABLE_MAX = 55, /* bytes: "_windrow" and the like come behind */
	LAYOUT_LANGUAGE = 2 * LAYOUT_NAME
};

struct layout {
	/* What there is. */
	char schema[LAYOUT_NAME], table[LAYOUT_NAME];
	bool has_schema;
	bool exists;
	bool has_meta; /* its table of settings is there */
	bool plain;    /* the original's, not migrated: no digests */
	bool adopted;  /* the original's, migrated or not */
	bool distributed;
	bool has_words; /* the column of words for full text */
	bool fulltext;	/* the store has full text, words stored or not */
	bool is_owner;	/* may change the table */
	bool can_write; /* INSERT, UPDATE and DELETE are granted */
	/* Of full text: "english"; "schema.name" where it is not built in. */
	char language[LAYOUT_LANGUAGE];

	/* Types. */
	Oid oid; /* of the table */
	struct vector_type vector;
	/* What a search's vector is sent as: what pgvector can compare. */
	struct vector_type query;
	uint32_t column_dim;	      /* of vector(n), halfvec(n); 0: any */
	uint32_t dim;		      /* of the store; 0: not known yet */
	Oid time_oid, time_array_oid; /* timestamptz or timestamp */

	/* The server. */
	int server_version; /* 150004 */
	bool has_pgvector, has_citus, has_lz4, is_standby;
	char pgvector_schema[LAYOUT_NAME], pgvector_version[16];
	/* pgvector's types; 0: it has none of that name. */
	Oid vector_oid, vector_array_oid, halfvec_oid, halfvec_array_oid;
	bool utf8;				       /* its encoding */
	char user[LAYOUT_NAME], database[LAYOUT_NAME]; /* for messages */

	/* The statements, rendered; in arena. */
	struct arena arena;
	const char *sql[PGSQL_COUNT];
};

/*
 * Look the table up in the catalog.  layout->schema and table are set.  Types
 * that Windrow cannot work with are WR_ESCHEMA, naming the column.  dim, and
 * what the table of settings says, are the caller's.
 */
int layout_read(struct layout *l, struct session *s, struct wr_error *err);

/* How long most vectors of the table are; 0 where it has none. */
int layout_read_dim(const struct layout *l, struct session *s, uint32_t *dim,
		    struct wr_error *err);

/*
 * Make the statements.  Again after dim, language or the columns have changed;
 * statements made before stay where they are.
 */
int layout_render(struct layout *l, struct wr_error *err);

/*
 * One text with variables, for statements that are made as they are needed.
 * "..." and '...' are left as they are.
 *   :table :meta :schema    "s"."t", "s"."t_windrow", "s"
 *   :index_NAME             "t_NAME"; put :schema and a dot before it to drop
 *   :vector :vectors        what a vector's column takes, and an array of it
 *   :embedding              that column's whole type: vector(384)
 *   :time :now              the times' type, and the present of that type
 *   :language               'pg_catalog.english'::regconfig
 *   :dim                    the store's dimension
 *   :pgvector :cosine       pgvector's schema, its operator for distances
 *   :query_vector           the type of a search's vector
 *   :vector_ops             the class of operators of an index for :cosine
 *   :index_vector           :d_vector without the alias, for such an index
 *   :words_kept             ", words = ..." where an update makes them anew
 *   :d_...                  expressions over the table as d:
 *     content_hash meta_hash metadata pending
 *     fetched_at            never NULL
 *     stale                 was it written by somebody else?
 *     words                 stored, or made where they are not or are stale
 *     words_stored words_made  the former, or NULL; the latter
 *     vector                as searches and indexes use it; NULL where its
 *                           length is another one
 *     dim                   the length of its vector
 * and those of sql_part.h.  WR_EBUG: there is one that is none of these.
 */
int layout_fill(const struct layout *l, struct buf *out, const char *sql);

/* name as a quoted identifier, behind what out has. */
void layout_quote(struct buf *out, const char *name);

void layout_release(struct layout *l);

#endif
