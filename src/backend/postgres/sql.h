/*
 * sql.h - the statements of sql/, a file each, embedded at build.
 *
 * Their variables are filled in by layout_render(); see layout.h.
 */
#ifndef BACKEND_POSTGRES_SQL_H
#define BACKEND_POSTGRES_SQL_H

/* In the order of the files' names. */
enum pgsql {
	PGSQL_COUNT
};

extern const char *const pgsql_texts[];

/* Number i is pgsql_migrations[i - 1]: the last one is the latest version. */
enum { PGSQL_VERSION = 1 };

#endif
