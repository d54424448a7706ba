/* Connecting: blocking, with a deadline, one host after the other. */
#include "backend/postgres/session.h"
#include "backend/postgres/status.h"
#include "base/arena.h"
#include "base/error.h"
#include <errno.h>
#include <poll.h>
#include <string.h>

/* How soon it is noticed that canceled was set. */
enum { SLICE_MS = 100 };
int session_wait(PGconn *conn, short events, int64_t deadline_us,
		 const atomic_bool *canceled)
{
	for (;;) {
		struct pollfd p = { .fd = PQsocket(conn), .events = events };
		int64_t left = deadline_us - session_now_us();
		int rc;

		if (canceled && atomic_load(canceled))
			return WR_ECANCELED;
		if (left <= 0)
			return WR_ETIMEOUT;
		if (p.fd < 0)
			return WR_EIO;
		left = left / 1000 + 1;
		rc = poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return WR_EIO;
	}
}

static int fail_connect(PGconn *conn, const struct conninfo *info, int why,
			uint32_t timeout_ms, struct wr_error *err)
{
	if (why == WR_ETIMEOUT)
		return error_set(err, why, 0, "postgres",
				 "connecting to %s: no answer within %.1f s",
				 info->display, timeout_ms / 1000.0);
	if (why == WR_ECANCELED)
		return error_set(err, why, 0, "postgres",
				 "connecting to %s: cancelled", info->display);
	return status_from_conn(conn, info, "connecting", err);
}

static int finish_connect(PGconn *conn, int64_t deadline_us,
			  const atomic_bool *canceled)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	/* With the codes of errors; see status.c. */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	while (next != PGRES_POLLING_OK) {
		int status = 0;

		if (next == PGRES_POLLING_FAILED)
			return WR_EIO;
		status = session_wait(
			conn, next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			deadline_us, canceled);
		if (status)
			return status;
		next = PQconnectPoll(conn);
	}
	return 0;
}

static void drop_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static int connect_once(PGconn **out, const struct conninfo *info,
			const char *const *values, int64_t deadline_us,
			uint32_t timeout_ms, const atomic_bool *canceled,
			struct wr_error *err)
{
	PGconn *conn = PQconnectStartParams(info->keywords, values, 0);
	int status;

	if (!conn)
		return error_nomem(err, "postgres");
	PQsetNoticeReceiver(conn, drop_notice, NULL);
	status = PQstatus(conn) == CONNECTION_BAD
			 ? WR_EIO
			 : finish_connect(conn, deadline_us, canceled);
	if (!status && PQsetnonblocking(conn, 1))
		status = WR_EIO;
	if (status) {
		status = fail_connect(conn, info, status, timeout_ms, err);
		PQfinish(conn);
		return status;
	}
	PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	*out = conn;
	return 0;
}

/* Item i of a list with commas; a list of one is for all. */
static struct wr_str item_of(const char *list, size_t i)
{
	bool one = !strchr(list, ',');

	for (; i && !one; i--) {
		list += strcspn(list, ",");
		list += *list == ',';
	}
	return (struct wr_str){ list, strcspn(list, ",") };
}

/*
 * libpq tries the hosts of a list one after the other, but without its blocking
 * calls a silent one would use up the time of all: so each is tried on its own.
 * strict: where a standby is preferred, nothing else will do.
 */
static int connect_to(PGconn **out, const struct conninfo *info, size_t host,
		      bool strict, int64_t deadline_us, uint32_t timeout_ms,
		      const atomic_bool *canceled, struct wr_error *err)
{
	static const char *const lists[] = { "host", "hostaddr", "port" };
	struct arena arena;
	const char **values;
	size_t n = 0;
	int status = 0;

	while (info->keywords[n])
		n++;
	arena_init(&arena);
	values = arena_zalloc(&arena, n + 1, sizeof(*values));
	for (size_t k = 0; values && !status && k < n; k++) {
		const char *keyword = info->keywords[k];
		struct wr_str item;

		values[k] = info->values[k];
		for (size_t i = 0; i < 3; i++) {
			if (status || strcmp(keyword, lists[i]) != 0)
				continue;
			status = arena_dup(&arena, &item,
					   item_of(info->values[k], host));
			values[k] = item.ptr;
		}
		if (!strcmp(keyword, "target_session_attrs") &&
		    !strcmp(info->values[k], "prefer-standby"))
			values[k] = strict ? "standby" : "any";
	}
	if (!values || status)
		status = error_nomem(err, "postgres");
	else
		status = connect_once(out, info, values, deadline_us,
				      timeout_ms, canceled, err);
	arena_release(&arena);
	return status;
}

static const char *find_value(const struct conninfo *info, const char *keyword)
{
	for (size_t i = 0; info->keywords[i]; i++)
		if (!strcmp(info->keywords[i], keyword))
			return info->values[i];
	return "";
}

static size_t count_hosts(const struct conninfo *info)
{
	const char *list = find_value(info, "host");
	size_t n = 1;

	if (!*list)
		list = find_value(info, "hostaddr");
	for (; *list; list++)
		n += *list == ',';
	return n;
}

int session_connect(PGconn **out, const struct conninfo *info,
		    uint32_t timeout_ms, const atomic_bool *canceled,
		    struct wr_error *err)
{
	int64_t now = session_now_us();
	int64_t deadline_us = now + (int64_t)timeout_ms * 1000;
	size_t n = count_hosts(info), first = 0, tries = n;
	int status = WR_EIO;

	*out = NULL;
	if (n == 1)
		return connect_once(out, info, info->values, deadline_us,
				    timeout_ms, canceled, err);
	if (!strcmp(find_value(info, "load_balance_hosts"), "random"))
		first = (size_t)now % n;
	if (!strcmp(find_value(info, "target_session_attrs"), "prefer-standby"))
		tries = 2 * n;
	for (size_t i = 0; status && status != WR_ECANCELED && i < tries; i++) {
		now = session_now_us();
		status = connect_to(
			out, info, (first + i) % n, tries > n && i < n,
			now + (deadline_us - now) / (int64_t)(tries - i),
			timeout_ms, canceled, err);
	}
	return status;
}
