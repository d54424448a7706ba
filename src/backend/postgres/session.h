/*
 * session.h - a connection used step by step, on a worker: for opening a store
 * and for the long work of its administration.
 *
 * Blocking libpq, with deadlines of our own: it is never in a call for longer
 * than until the deadline, or much longer than until canceled is set.
 */
#ifndef BACKEND_POSTGRES_SESSION_H
#define BACKEND_POSTGRES_SESSION_H

#include "backend/postgres/conninfo.h"
#include "backend/postgres/wire.h"
#include <stdatomic.h>

struct session {
	PGconn *conn;
	const struct conninfo *info;
	int64_t deadline_us;   /* session_now_us(); INT64_MAX: none */
	atomic_bool *canceled; /* any thread sets it; NULL: nobody can */
};

int64_t session_now_us(void);

/*
 * Connect within timeout_ms; also what the pool's connections begin with.
 * WR_ETIMEOUT, WR_ECANCELED, WR_EIO, WR_EAUTH, WR_ENOENT (no such database).
 */
int session_connect(PGconn **out, const struct conninfo *info,
		    uint32_t timeout_ms, const atomic_bool *canceled,
		    struct wr_error *err);

/*
 * Until the connection is ready for one of poll()'s events: 0, WR_ETIMEOUT,
 * WR_ECANCELED, WR_EIO.
 */
int session_wait(PGconn *conn, short events, int64_t deadline_us,
		 const atomic_bool *canceled);

/* s->info and what limits it are set by the caller. */
int session_open(struct session *s, uint32_t timeout_ms, struct wr_error *err);
void session_close(struct session *s);

/*
 * One statement with binary parameters (NULL: none), its result in binary.
 * *out (NULL: not wanted) is to be cleared with PQclear().
 */
int session_query(struct session *s, const char *sql, const struct params *p,
		  PGresult **out, struct wr_error *err);
/* One without parameters or rows of interest: BEGIN, DDL, COMMIT. */
int session_do(struct session *s, const char *sql, struct wr_error *err);

#endif
