#include "backend/postgres/session.h"

#include "backend/postgres/cancel.h"
#include "backend/postgres/status.h"
#include "base/error.h"
#include <poll.h>
#include <string.h>
#include <time.h>

/* After the server was asked to cancel. */
#define GRACE_US 2000000

int64_t session_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int session_open(struct session *s, uint32_t timeout_ms, struct wr_error *err)
{
	return session_connect(&s->conn, s->info, timeout_ms, s->canceled, err);
}

void session_close(struct session *s)
{
	if (!s)
		return;
	PQfinish(s->conn);
	s->conn = NULL;
}

/* ---------------------------------------------------------- statements -- */

static int explain(struct session *s, int status, struct wr_error *err)
{
	if (status == WR_EIO)
		return status_from_conn(s->conn, s->info, "asking the server",
					err);
	if (status == WR_ETIMEOUT)
		return error_set(err, status, 0, "postgres",
				 "%s: the server took too long; somebody may "
				 "hold a lock on the store's tables",
				 s->info->display);
	return error_set(err, status, 0, "postgres", "cancelled");
}

/* All that was asked, sent. */
static int send_all(struct session *s, int64_t deadline_us,
		    const atomic_bool *canceled)
{
	for (;;) {
		int rc = PQflush(s->conn);
		int status;

		if (rc <= 0)
			return rc ? WR_EIO : 0;
		status = session_wait(s->conn, POLLIN | POLLOUT, deadline_us,
				      canceled);
		if (status)
			return status;
		if (!PQconsumeInput(s->conn))
			return WR_EIO;
	}
}

static int await_result(struct session *s, int64_t deadline_us,
			const atomic_bool *canceled)
{
	int status = send_all(s, deadline_us, canceled);

	while (!status && PQisBusy(s->conn)) {
		status = session_wait(s->conn, POLLIN, deadline_us, canceled);
		if (!status && !PQconsumeInput(s->conn) && PQisBusy(s->conn))
			status = WR_EIO;
	}
	return status;
}

/* The last result, or the first that is an error; the others are dropped. */
static int take_results(struct session *s, PGresult **out, int64_t deadline_us,
			const atomic_bool *canceled)
{
	PGresult *kept = NULL, *res;
	int status;

	for (;;) {
		status = await_result(s, deadline_us, canceled);
		if (status)
			break;
		res = PQgetResult(s->conn);
		if (!res)
			break;
		if (kept && (PQresultStatus(kept) == PGRES_FATAL_ERROR ||
			     PQstatus(s->conn) == CONNECTION_BAD)) {
			PQclear(res);
		} else {
			PQclear(kept);
			kept = res;
		}
		if (PQstatus(s->conn) == CONNECTION_BAD)
			break;
	}
	if (status) {
		PQclear(kept);
		kept = NULL;
	}
	*out = kept;
	return status;
}

/* Too late, or no longer wanted: the statement is to end now. */
static void stop_statement(struct session *s)
{
	PGresult *res;

	cancel_send(s->conn);
	if (take_results(s, &res, session_now_us() + GRACE_US, NULL))
		session_close(s);
	PQclear(res);
}

int session_query(struct session *s, const char *sql, const struct params *p,
		  PGresult **out, struct wr_error *err)
{
	PGresult *res = NULL;
	int status;

	if (out)
		*out = NULL;
	if (!s->conn)
		return error_set(err, WR_EIO, 0, "postgres",
				 "the connection to %s was lost",
				 s->info->display);
	if (p && params_status(p) == WR_ENOMEM)
		return error_nomem(err, "postgres");
	if (p && params_status(p))
		return error_set(err, params_status(p), 0, "postgres",
				 "a parameter is too long for the server");
	if (!PQsendQueryParams(s->conn, sql, p ? p->n : 0, p ? p->types : NULL,
			       p ? p->values : NULL, p ? p->lengths : NULL,
			       p ? p->formats : NULL, 1))
		return explain(s, WR_EIO, err);
	status = take_results(s, &res, s->deadline_us, s->canceled);
	if (status) {
		status = explain(s, status, err);
		if (status == WR_ETIMEOUT || status == WR_ECANCELED)
			stop_statement(s);
		return status;
	}
	if (PQresultStatus(res) != PGRES_TUPLES_OK &&
	    PQresultStatus(res) != PGRES_COMMAND_OK) {
		status = res ? status_from_result(res, s->info,
						  "asking the server", err)
			     : explain(s, WR_EIO, err);
		PQclear(res);
		return status;
	}
	if (out)
		*out = res;
	else
		PQclear(res);
	return 0;
}

int session_do(struct session *s, const char *sql, struct wr_error *err)
{
	return session_query(s, sql, NULL, NULL, err);
}
