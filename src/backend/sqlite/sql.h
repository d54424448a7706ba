/*
 * sql.h - the statements and migrations, which are in sql/, one file each.
 *
 * The texts are embedded when the program is built, by scripts/embed-sql.
 */
#ifndef BACKEND_SQLITE_SQL_H
#define BACKEND_SQLITE_SQL_H

/* SQL_DOCUMENT_INSERT is sql/document-insert.sql. */
enum sql {
	SQL_BEGIN_READ,
	SQL_BEGIN_WRITE,
	SQL_CHECK_DEEP,
	SQL_CHECK_FOREIGN,
	SQL_CHECK_QUICK,
	SQL_CHECK_VECTORS,
	SQL_COMMIT,
	SQL_COUNT_OBJECTS,
	SQL_DOCUMENT_BY_ID,
	SQL_DOCUMENT_BY_URL,
	SQL_DOCUMENT_DELETE,
	SQL_DOCUMENT_FLAGS,
	SQL_DOCUMENT_INSERT,
	SQL_DOCUMENT_TOUCH,
	SQL_DOCUMENT_UPDATE,
	SQL_KEY_DETAILS,
	SQL_KEY_STORED,
	SQL_KEYS_FROM,
	SQL_MIGRATION_PUT,
	SQL_PENDING_COUNT,
	SQL_PENDING,
	SQL_ROW_BY_URL,
	SQL_ROW_FILTER,
	SQL_ROW_TEXT,
	SQL_SCHEMA_VERSION,
	SQL_SETTING_PUT,
	SQL_SETTINGS,
	SQL_STATS,
	SQL_TEXT_CHECK,
	SQL_TEXT_DELETE,
	SQL_TEXT_PUT,
	SQL_TEXT_SEARCH,
	SQL_TEXT_STORED,
	SQL_VECTOR_BY_CONTENT,
	SQL_VECTOR_DELETE,
	SQL_VECTOR_PUT,
	SQL_VECTOR_SCAN,
	SQL_COUNT
};

extern const char *const sql_texts[SQL_COUNT];

/* Number i is sql_migrations[i - 1]: the last one is the latest version. */
enum { SQL_VERSION = 1 };

struct sql_migration {
	const char *all;
	const char *fulltext; /* for stores with full text; NULL: nothing */
};

extern const struct sql_migration sql_migrations[SQL_VERSION];

#endif
