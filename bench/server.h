/*
 * server.h - the PostgreSQL server that is measured, seen through libpq.
 *
 *   BENCH_POSTGRES  URL of a database, of a role that may do everything in it;
 *                   pgvector must be installed
 *   BENCH_PGBIN     folder of psql and pgbench, where PATH has them not
 *
 * Every benchmark has a schema of its own there, which is made anew.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include "pages.h"
#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

const char *server_url(void);
/* The path of a program that belongs to PostgreSQL; static. */
const char *server_program(const char *name);

/* All of these die where something fails. */
PGconn *server_connect(void);
/* Statements, one after the other, without results. */
void server_do(PGconn *conn, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The first column of the first row. */
double server_number(PGconn *conn, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* PQexecParams() in binary; what is expected is rows, or none. */
PGresult *server_query(PGconn *conn, const char *sql, int n, const Oid *types,
		       const char *const *values, const int *lengths);
void server_check(PGconn *conn, const PGresult *res, const char *what);

/* An empty schema; the extension is there. */
void server_make_schema(PGconn *conn, const char *schema);
void server_drop_schema(PGconn *conn, const char *schema);

/* The number of a type that has no fixed one: "vector[]". */
Oid server_type(PGconn *conn, const char *name);

/* WAL written so far, in bytes; rows updated in a table so far. */
double server_wal(PGconn *conn);
double server_rows_updated(PGconn *conn, const char *table);

/*
 * Wait until this connection is the only one: backends report what they did
 * when they end.
 */
void server_wait_alone(PGconn *conn);

/*
 * Run a program of PostgreSQL's with its output read into out (ended by NUL,
 * cut where it is too long); dies where it fails.  Returns its CPU seconds.
 */
double server_run(char *const argv[], char *out, size_t size);

/* Windrow's store in a schema, which exists. */
wr_store *server_open(const char *schema, enum wr_fulltext fulltext);

#endif
