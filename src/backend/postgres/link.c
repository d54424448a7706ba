#include "backend/postgres/link.h"

#include "backend/postgres/cancel.h"
#include "backend/postgres/status.h"
#include "base/error.h"
#include "base/mem.h"
#include <string.h>
#include <sys/socket.h>

/* After the server was asked to cancel. */
#define GRACE_US 2000000
/* OpenSSL may hold bytes back while the socket shows nothing to read. */
#define TLS_LOOK_US 50000

/* Of the former there is no result for anybody. */
enum { SENT_QUIETLY = 's', SENT_QUERY = 'q' };

static void on_ready(struct loop_fd *w, int events);
static void on_timer(struct loop_timer *t);
static void on_tell(struct loop_task *t);

/* ---------------------------------------------------- making, breaking -- */

static void on_notice(void *arg, const PGresult *res)
{
	struct link *l = arg;
	const char *severity =
		PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct wr_error err;

	status_from_result(res, l->info, "notice", &err);
	log_message(l->log, WR_LOG_DEBUG, "postgres", "%s", err.message);
	/* What ends an idle connection comes as a notice. */
	if (severity &&
	    (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"))) {
		l->broken = true;
		l->error = err;
	}
}

/* libpq closes the socket where it is lost. */
static void unwatch(struct link *l)
{
	if (l->watch.events)
		loop_watch(l->loop, &l->watch, 0);
}

static void break_link(struct link *l)
{
	l->broken = true;
	unwatch(l);
}

/*
 * libpq moves what a socket does not take yet to the start of its buffer, each
 * time: a batch of some megabytes should not go in many pieces.  TCP sizes its
 * buffers by itself.
 */
static void widen(PGconn *conn)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t size = sizeof(peer);
	int bytes = 4 << 20;

	if (!getpeername(PQsocket(conn), (struct sockaddr *)&peer, &size) &&
	    peer.ss_family == AF_UNIX)
		(void)setsockopt(PQsocket(conn), SOL_SOCKET, SO_SNDBUF, &bytes,
				 sizeof(bytes));
}

int link_new(struct link **out, struct loop *loop, const struct log *log,
	     const struct conninfo *info, PGconn *conn, struct wr_error *err)
{
	struct link *l = mem_zalloc(1, sizeof(*l));
	int status;

	*out = NULL;
	if (!l) {
		PQfinish(conn);
		return error_nomem(err, "postgres");
	}
	l->conn = conn;
	l->loop = loop;
	l->log = log;
	l->info = info;
	l->watch.fd = PQsocket(conn);
	l->watch.ready = on_ready;
	l->timer.fired = on_timer;
	l->tell.run = on_tell;
	list_init(&l->node);
	PQsetNoticeReceiver(conn, on_notice, l);
	widen(conn);
	if (PQsetnonblocking(conn, 1) || !PQenterPipelineMode(conn)) {
		status = status_from_conn(conn, info, "connecting", err);
		goto out;
	}
	status = loop_watch(loop, &l->watch, LOOP_READ);
	if (status) {
		error_set(err, status, 0, "postgres",
			  "cannot watch a connection");
		goto out;
	}
	*out = l;
	return 0;
out:
	link_free(l);
	return status;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	unwatch(l);
	loop_timer_clear(l->loop, &l->timer);
	PQfinish(l->conn);
	buf_release(&l->sent);
	mem_free(l);
}

bool link_is_broken(const struct link *l)
{
	return l->broken;
}

bool link_is_used(const struct link *l)
{
	return l->exchanges > 1;
}

/* ------------------------------------------------------------- sending -- */

/* Nothing can be said of what was queued: the link is of no use any more. */
static int fail_add(struct link *l, struct wr_error *err)
{
	int status = status_from_conn(l->conn, l->info, "sending", err);

	break_link(l);
	return status;
}

/* May a command be added?  Then it is noted that it will be answered. */
static int begin_add(struct link *l, const struct params *p, char kind,
		     struct wr_error *err)
{
	if (l->broken)
		return error_set(err, WR_EIO, 0, "postgres",
				 "the connection to %s was lost",
				 l->info->display);
	if (p && params_status(p) == WR_ENOMEM)
		return error_nomem(err, "postgres");
	if (p && params_status(p))
		return error_set(err, params_status(p), 0, "postgres",
				 "a parameter is too long for the server");
	buf_putc(&l->sent, kind);
	return buf_status(&l->sent) ? error_nomem(err, "postgres") : 0;
}

int link_add(struct link *l, const char *sql, const struct params *p,
	     struct wr_error *err)
{
	int status = begin_add(l, p, SENT_QUERY, err);

	if (status)
		return status;
	if (!PQsendQueryParams(l->conn, sql, p ? p->n : 0, p ? p->types : NULL,
			       p ? p->values : NULL, p ? p->lengths : NULL,
			       p ? p->formats : NULL, 1))
		return fail_add(l, err);
	return 0;
}

int link_tell(struct link *l, const char *sql, struct wr_error *err)
{
	int status = begin_add(l, NULL, SENT_QUIETLY, err);

	if (status)
		return status;
	if (!PQsendQueryParams(l->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
		return fail_add(l, err);
	return 0;
}

int link_begin(struct link *l, struct wr_error *err)
{
	int status = link_tell(l, "BEGIN", err);

	l->in_block = !status;
	return status;
}

int link_prepare(struct link *l, const char *sql, const struct params *types,
		 struct wr_error *err)
{
	int status = begin_add(l, NULL, SENT_QUIETLY, err);

	if (status)
		return status;
	if (!PQsendPrepare(l->conn, "", sql, types ? types->n : 0,
			   types ? types->types : NULL))
		return fail_add(l, err);
	return 0;
}

int link_add_again(struct link *l, const struct params *p, struct wr_error *err)
{
	int status = begin_add(l, p, SENT_QUERY, err);

	if (status)
		return status;
	if (!PQsendQueryPrepared(l->conn, "", p ? p->n : 0,
				 p ? p->values : NULL, p ? p->lengths : NULL,
				 p ? p->formats : NULL, 1))
		return fail_add(l, err);
	return 0;
}

static void note_error(struct link *l, const struct wr_error *err)
{
	if (!l->error.status)
		l->error = *err;
}

static void lose(struct link *l)
{
	struct wr_error err;

	status_from_conn(l->conn, l->info, l->exchange->what, &err);
	note_error(l, &err);
	break_link(l);
}

/* Send what the socket takes; the rest when there is room. */
static int flush(struct link *l)
{
	int rc = PQflush(l->conn);
	int events = LOOP_READ | (rc > 0 ? LOOP_WRITE : 0);

	if (rc < 0 || PQstatus(l->conn) == CONNECTION_BAD)
		return WR_EIO;
	if (events == l->watch.events)
		return 0;
	return loop_watch(l->loop, &l->watch, events);
}

static void set_timer(struct link *l)
{
	int64_t due = l->deadline_us;

	if (PQsslInUse(l->conn)) {
		int64_t look = loop_now_us(l->loop) + TLS_LOOK_US;

		due = look < due ? look : due;
	}
	loop_timer_set(l->loop, &l->timer, due);
}

/* All of the exchange is queued. */
static int end_sending(struct link *l, const char *last)
{
	struct wr_error ignored;

	if (last && link_tell(l, last, &ignored))
		return WR_EIO;
	if (!PQpipelineSync(l->conn) || flush(l))
		return WR_EIO;
	return 0;
}

void link_run(struct link *l, struct exchange *x, int64_t deadline_us)
{
	l->exchange = x;
	l->exchanges++;
	l->answered = 0;
	l->results = 0;
	l->hurried = 0;
	l->deadline_us = deadline_us;
	error_clear(&l->error);
	/* A part may have been sent by now, but without the Sync none of it
	 * takes effect. */
	if (l->broken || end_sending(l, l->in_block ? "COMMIT" : NULL)) {
		lose(l);
		loop_post(l->loop, &l->tell);
		return;
	}
	set_timer(l);
}

/* ----------------------------------------------------------- receiving -- */

/* What the server said of the cancelling that we asked for, in our words. */
static void explain_hurry(struct link *l)
{
	if (!l->hurried)
		return;
	l->broken = true; /* see cancel.h */
	if (!l->error.status ||
	    (strcmp(l->error.sqlstate, "57014") && l->error.status != WR_EIO))
		return;
	error_set(&l->error, l->hurried, 0, "postgres", "%s: %s",
		  l->exchange->what,
		  l->hurried == WR_ETIMEOUT ? "the server took too long"
					    : "cancelled");
}

static void end_exchange(struct link *l)
{
	struct exchange *x = l->exchange;
	struct wr_error err;

	loop_timer_clear(l->loop, &l->timer);
	explain_hurry(l);
	if (status_ends_link(&l->error))
		break_link(l);
	l->exchange = NULL;
	l->in_block = l->rolling_back = false;
	buf_clear(&l->sent);
	err = l->error;
	x->done(x, &err);
}

static void on_tell(struct loop_task *t)
{
	end_exchange(list_item(t, struct link, tell));
}

static void take_rows(struct link *l, const PGresult *res)
{
	bool quiet = l->answered < l->sent.len &&
		     l->sent.ptr[l->answered] == SENT_QUIETLY;
	struct wr_error err;
	int status;

	l->answered++;
	if (quiet)
		return;
	if (l->error.status) {
		l->results++;
		return;
	}
	error_clear(&err);
	status = l->exchange->result(l->exchange, l->results++, res, &err);
	if (status == WR_ENOMEM)
		error_nomem(&err, "postgres");
	else if (status && err.status != status)
		error_set(&err, status, 0, "postgres", "%s", l->exchange->what);
	if (status)
		note_error(l, &err);
}

/* True at the end of the exchange. */
static bool take_result(struct link *l, const PGresult *res)
{
	struct wr_error err;

	switch (PQresultStatus(res)) {
	case PGRES_PIPELINE_SYNC:
		return true;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		take_rows(l, res);
		return false;
	case PGRES_PIPELINE_ABORTED:
		l->answered++;
		return false;
	default:
		l->answered++;
		status_from_result(res, l->info, l->exchange->what, &err);
		note_error(l, &err);
		return false;
	}
}

/* A block that failed is left; true where there is nothing to wait for. */
static bool leave_block(struct link *l)
{
	if (!l->in_block || l->rolling_back || l->hurried ||
	    PQtransactionStatus(l->conn) == PQTRANS_IDLE)
		return true;
	l->rolling_back = true;
	if (!end_sending(l, "ROLLBACK"))
		return false;
	lose(l);
	return true;
}

/* True where the exchange has ended. */
static bool take_results(struct link *l)
{
	bool synced = false;
	int nulls = 0; /* one follows each statement */

	while (!synced && nulls < 2 && !PQisBusy(l->conn)) {
		PGresult *res = PQgetResult(l->conn);

		nulls = res ? 0 : nulls + 1;
		if (res)
			synced = take_result(l, res);
		PQclear(res);
	}
	if (synced)
		return leave_block(l);
	if (nulls < 2 && PQstatus(l->conn) != CONNECTION_BAD)
		return false;
	lose(l);
	return true;
}

static int consume(struct link *l)
{
	int times = PQsslInUse(l->conn) ? 3 : 1;

	while (times--)
		if (!PQconsumeInput(l->conn))
			return WR_EIO;
	return 0;
}

static void look(struct link *l)
{
	bool lost = consume(l) || (l->exchange && flush(l));

	if (!l->exchange) {
		(void)PQisBusy(l->conn); /* parses what came */
		if (lost || l->broken || PQstatus(l->conn) == CONNECTION_BAD) {
			break_link(l);
			l->hung_up(l);
		}
		return;
	}
	if (PQsocket(l->conn) < 0)
		unwatch(l);
	/* What came before the end is read all the same. */
	if (take_results(l)) {
		end_exchange(l);
	} else if (lost) {
		lose(l);
		end_exchange(l);
	}
}

static void on_ready(struct loop_fd *w, int events)
{
	(void)events;
	look(list_item(w, struct link, watch));
}

/* ------------------------------------------------------------ hurrying -- */

static void hurry(struct link *l, int why)
{
	l->hurried = why;
	l->deadline_us = loop_now_us(l->loop) + GRACE_US;
	cancel_send(l->conn);
	set_timer(l);
}

static void on_timer(struct loop_timer *t)
{
	struct link *l = list_item(t, struct link, timer);

	if (loop_now_us(l->loop) < l->deadline_us) {
		set_timer(l);
		look(l);
	} else if (!l->hurried) {
		hurry(l, WR_ETIMEOUT);
	} else {
		struct wr_error err;

		error_set(&err, WR_EIO, 0, "postgres", "no answer");
		l->error = err; /* which explain_hurry() explains */
		break_link(l);
		end_exchange(l);
	}
}

void link_cancel(struct link *l)
{
	if (l->exchange && !l->hurried && !l->broken)
		hurry(l, WR_ECANCELED);
}
