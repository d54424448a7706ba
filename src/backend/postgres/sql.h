/*
 * sql.h - the statements of sql/, a file each, embedded at build.
 *
 * Their variables are filled in by layout_render(); see layout.h.
 */
#ifndef BACKEND_POSTGRES_SQL_H
#define BACKEND_POSTGRES_SQL_H

/* In the order of the files' names. */
enum pgsql {
	PGSQL_ADOPT_COLUMNS,
	PGSQL_ADOPT_DATES,
	PGSQL_ADOPT_INDEX_CONTENT,
	PGSQL_ADOPT_INDEX_PENDING,
	PGSQL_ADOPT_INDEX_STALE,
	PGSQL_ADOPT_PAGE_DISTRIBUTED,
	PGSQL_ADOPT_ROWS,
	PGSQL_ADOPT_ROWS_DISTRIBUTED,
	PGSQL_ADOPT_STALE,
	PGSQL_ADOPT_WORDS,
	PGSQL_CATALOG_AVAILABLE,
	PGSQL_CATALOG_CITUS,
	PGSQL_CATALOG_COLUMNS,
	PGSQL_CATALOG_DIM,
	PGSQL_CATALOG_INDEX,
	PGSQL_CATALOG_KEY,
	PGSQL_CATALOG_LANGUAGE,
	PGSQL_CATALOG_ROWS,
	PGSQL_CATALOG_SERVER,
	PGSQL_CATALOG_TABLE,
	PGSQL_DOCUMENTS_BY_URL,
	PGSQL_DOCUMENTS_DELETE,
	PGSQL_DURABLE,
	PGSQL_KNOWN,
	PGSQL_KNOWN_DETAILS,
	PGSQL_META_CLEAR,
	PGSQL_META_CREATE,
	PGSQL_META_DROP,
	PGSQL_META_PUT,
	PGSQL_META_READ,
	PGSQL_PENDING,
	PGSQL_PENDING_COUNT,
	PGSQL_PENDING_COUNT_PLAIN,
	PGSQL_PENDING_PLAIN,
	PGSQL_PLAN_BY_INDEX,
	PGSQL_PLAN_IN_ORDER,
	PGSQL_PRUNE_COUNT,
	PGSQL_PRUNE_DELETE,
	PGSQL_PRUNE_FIND,
	PGSQL_ROWS_BY_URL,
	PGSQL_SCAN,
	PGSQL_SCHEMA_CREATE,
	PGSQL_SCHEMA_DISTRIBUTE,
	PGSQL_SCHEMA_HAS_VECTORS,
	PGSQL_SCHEMA_IS_EMPTY,
	PGSQL_SCHEMA_LOCK,
	PGSQL_SCHEMA_SET_DIM,
	PGSQL_SEARCH_DOCUMENTS,
	PGSQL_SEARCH_HYBRID,
	PGSQL_SEARCH_INDEX,
	PGSQL_SEARCH_PAGE,
	PGSQL_SEARCH_TEXT,
	PGSQL_SEARCH_VECTOR,
	PGSQL_SET_LOCAL,
	PGSQL_UPSERT,
	PGSQL_UPSERT_PLAIN,
	PGSQL_VECTORS_BY_CONTENT,
	PGSQL_VECTORS_BY_CONTENT_DISTRIBUTED,
	PGSQL_VECTOR_PUT,
	PGSQL_VECTOR_PUT_PLAIN,
	PGSQL_COUNT
};

extern const char *const pgsql_texts[];

/* Number i is pgsql_migrations[i - 1]: the last one is the latest version. */
enum { PGSQL_VERSION = 1 };

/*
 * Several statements each, with variables, and ";" between them; NULL: nothing.
 * Those of all are the first.
 */
struct pgsql_migration {
	const char *all;
	const char *array;    /* where vectors are double precision[] */
	const char *fulltext; /* of stores with full text */
	const char *lz4;      /* where the server has it */
	const char *external; /* where it has not */
};

extern const struct pgsql_migration pgsql_migrations[PGSQL_VERSION];

#endif
