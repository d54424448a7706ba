#include "server.h"
#include "bench.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

const char *server_url(void)
{
	const char *url = getenv("BENCH_POSTGRES");

	if (!url || !*url)
		bench_die("BENCH_POSTGRES names no database");
	return url;
}

const char *server_program(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];
	const char *folder = getenv("BENCH_PGBIN");

	snprintf(path, sizeof(paths[0]), "%s%s%s", folder ? folder : "",
		 folder && *folder ? "/" : "", name);
	return path;
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg, (void)res;
}

PGconn *server_connect(void)
{
	PGconn *conn = PQconnectdb(server_url());

	if (PQstatus(conn) != CONNECTION_OK)
		bench_die("cannot connect: %s", PQerrorMessage(conn));
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	return conn;
}

void server_check(PGconn *conn, const PGresult *res, const char *what)
{
	ExecStatusType status = PQresultStatus(res);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	    status != PGRES_COPY_IN && status != PGRES_COPY_OUT)
		bench_die("%.60s: %s", what, PQerrorMessage(conn));
}

static PGresult *run_text(PGconn *conn, const char *fmt, va_list args)
{
	char sql[4096];
	PGresult *res;

	vsnprintf(sql, sizeof(sql), fmt, args);
	res = PQexec(conn, sql);
	server_check(conn, res, sql);
	return res;
}

void server_do(PGconn *conn, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	PQclear(run_text(conn, fmt, args));
	va_end(args);
}

double server_number(PGconn *conn, const char *fmt, ...)
{
	va_list args;
	PGresult *res;
	double value;

	va_start(args, fmt);
	res = run_text(conn, fmt, args);
	va_end(args);
	if (PQntuples(res) < 1)
		bench_die("no row: %s", fmt);
	value = strtod(PQgetvalue(res, 0, 0), NULL);
	PQclear(res);
	return value;
}

PGresult *server_query(PGconn *conn, const char *sql, int n, const Oid *types,
		       const char *const *values, const int *lengths)
{
	static const int formats[16] = { 1, 1, 1, 1, 1, 1, 1, 1,
					 1, 1, 1, 1, 1, 1, 1, 1 };
	PGresult *res =
		PQexecParams(conn, sql, n, types, values, lengths, formats, 1);

	server_check(conn, res, sql);
	return res;
}

void server_make_schema(PGconn *conn, const char *schema)
{
	server_do(conn, "CREATE EXTENSION IF NOT EXISTS vector");
	server_do(conn, "DROP SCHEMA IF EXISTS %s CASCADE", schema);
	server_do(conn, "CREATE SCHEMA %s", schema);
}

void server_drop_schema(PGconn *conn, const char *schema)
{
	server_do(conn, "DROP SCHEMA %s CASCADE", schema);
}

Oid server_type(PGconn *conn, const char *name)
{
	return (Oid)server_number(conn, "SELECT '%s'::regtype::oid", name);
}

double server_wal(PGconn *conn)
{
	return server_number(
		conn, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')");
}

double server_rows_updated(PGconn *conn, const char *table)
{
	return server_number(conn,
			     "SELECT coalesce(sum(n_tup_upd), 0) FROM "
			     "pg_stat_user_tables WHERE relid = '%s'::regclass",
			     table);
}

void server_wait_alone(PGconn *conn)
{
	for (int tries = 0; tries < 500; tries++) {
		if (!server_number(conn,
				   "SELECT count(*) FROM pg_stat_activity "
				   "WHERE datname = current_database() AND "
				   "backend_type = 'client backend' AND "
				   "pid <> pg_backend_pid()"))
			return;
		usleep(20000);
	}
	bench_die("somebody else is connected to the database");
}

double server_run(char *const argv[], char *out, size_t size)
{
	struct rusage usage;
	size_t at = 0;
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(pipes) || (pid = fork()) < 0)
		bench_die("cannot run %s", argv[0]);
	if (!pid) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		execvp(argv[0], argv);
		fprintf(stderr, "bench: cannot run %s\n", argv[0]);
		_exit(127);
	}
	close(pipes[1]);
	do {
		char rest[4096];
		size_t room = size - 1 - at;

		n = room ? read(pipes[0], out + at, room)
			 : read(pipes[0], rest, sizeof(rest));
		if (n > 0 && room)
			at += (size_t)n;
	} while (n > 0);
	out[at] = '\0';
	close(pipes[0]);
	if (wait4(pid, &status, 0, &usage) != pid || status)
		bench_die("%s failed", argv[0]);
	return (double)usage.ru_utime.tv_sec +
	       (double)usage.ru_utime.tv_usec / 1e6 +
	       (double)usage.ru_stime.tv_sec +
	       (double)usage.ru_stime.tv_usec / 1e6;
}

static void say_log(enum wr_log_level level, const char *where,
		    const char *message, void *arg)
{
	(void)level, (void)arg;
	bench_say("windrow: %s: %s", where, message);
}

wr_store *server_open(const char *schema, enum wr_fulltext fulltext)
{
	struct wr_options opts = WR_OPTIONS_INIT;
	struct wr_error err = { 0 };
	wr_store *store = NULL;

	opts.store = server_url();
	opts.schema = schema;
	opts.fulltext = fulltext;
	opts.embedder = "none";
	opts.model = "bench";
	opts.dim = PAGE_DIM;
	opts.log = say_log;
	bench_check(wr_open_wait(&store, &opts, -1, &err), &err, "open");
	return store;
}
