/*
 * status.h - what PostgreSQL's errors mean to Windrow.
 *
 * One table of SQLSTATEs.  Messages are libpq's primary message in one line,
 * with the hint where it helps, redacted.
 */
#ifndef BACKEND_POSTGRES_STATUS_H
#define BACKEND_POSTGRES_STATUS_H

#include "backend/postgres/conninfo.h"
#include <libpq-fe.h>

/* The status of a SQLSTATE of five characters. */
int status_of(const char *sqlstate);

/*
 * Fill err in from a result that is an error; what says what was tried, as in
 * "writing 500 rows".  Returns the status.
 */
int status_from_result(const PGresult *res, const struct conninfo *info,
		       const char *what, struct wr_error *err);

/* The same from a connection that failed or was lost: WR_EIO, mostly. */
int status_from_conn(PGconn *conn, const struct conninfo *info,
		     const char *what, struct wr_error *err);

/* Is a connection that brought this error better replaced? */
bool status_ends_link(const struct wr_error *err);

/* A missing table or column is WR_ESCHEMA: is that what err says? */
bool status_is_missing(const struct wr_error *err);

#endif
