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

enum { LAYOUT_NAME = 64 };

struct layout {
	/* What there is. */
	char schema[LAYOUT_NAME], table[LAYOUT_NAME];
	bool exists;
	bool has_meta; /* its table of settings is there */
	bool plain;    /* the original's, not migrated: no digests */
	bool adopted;  /* the original's, migrated or not */
	bool distributed;
	bool has_words;		    /* the column of words for full text */
	bool is_owner;		    /* may change the table */
	bool can_write;		    /* INSERT, UPDATE and DELETE are granted */
	char language[LAYOUT_NAME]; /* of full text: "english" */

	/* Types. */
	struct vector_type vector;
	uint32_t column_dim;	      /* of vector(n), halfvec(n); 0: any */
	uint32_t dim;		      /* of the store; 0: not known yet */
	Oid time_oid, time_array_oid; /* timestamptz or timestamp */

	/* The server. */
	int server_version; /* 150004 */
	bool has_pgvector, has_citus, has_lz4;
	char pgvector_schema[LAYOUT_NAME], pgvector_version[16];
	bool utf8; /* its encoding */

	/* The statements, rendered; in arena. */
	struct arena arena;
	const char *sql[PGSQL_COUNT];
};

/*
 * Look the table up in the catalog.  layout->schema and table are set.  Types
 * that Windrow cannot work with are WR_ESCHEMA, naming the column.
 */
int layout_read(struct layout *l, struct session *s, struct wr_error *err);

/*
 * Make the statements.  Again after dim, language or the columns have changed;
 * statements made before stay where they are.
 */
int layout_render(struct layout *l, struct wr_error *err);

/* One text with variables, for statements that are made as they are needed. */
int layout_fill(const struct layout *l, struct buf *out, const char *sql);

void layout_release(struct layout *l);

#endif
