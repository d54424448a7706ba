/*
 * ingest_memory.c - is memory flat in the number of records?
 *
 *     ingest_memory GENERATE WINDROW [postgres]
 *
 * Runs "GENERATE n | WINDROW ingest -" for two n and reads the command's
 * greatest resident size.  Into a file of SQLite's, or into PostgreSQL.
 */
#include "bench.h"
#include "server.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCHEMA "bench_ingest"

enum { LIMIT_MB = 128 };

static pid_t start(int in, int out, int other, char *const argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork");
	if (pid)
		return pid;
	dup2(in, 0);
	dup2(out, 1);
	close(other);
	execv(argv[0], argv);
	fprintf(stderr, "bench: cannot run %s\n", argv[0]);
	_exit(127);
}

static void run(char *windrow, char *const argv[])
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid = start(0, nowhere, -1, argv);

	close(nowhere);
	if (waitpid(pid, &status, 0) != pid || status)
		bench_die("%s %s failed", windrow, argv[1]);
}

/* The peak of a load of n records into db, in MB. */
static double peak_mb(char *generate, char *windrow, char *db, size_t n)
{
	char count[32];
	char dash[] = "-", ingest[] = "ingest", init[] = "init",
	     quiet[] = "--quiet", db_option[] = "--db", off[] = "--no-fulltext";
	char *make[] = { windrow, init, db_option, db, off, NULL };
	char *load[] = { windrow, ingest, db_option, db, quiet, dash, NULL };
	char *source[] = { generate, count, NULL };
	struct rusage usage;
	double began = bench_now(), mb;
	int pipes[2], status;
	pid_t from, to;

	snprintf(count, sizeof(count), "%zu", n);
	run(windrow, make);
	if (pipe(pipes))
		bench_die("no pipe");
	from = start(0, pipes[1], pipes[0], source);
	to = start(pipes[0], 2, pipes[1], load);
	close(pipes[0]);
	close(pipes[1]);
	if (wait4(to, &status, 0, &usage) != to || status)
		bench_die("windrow ingest failed");
	if (waitpid(from, &status, 0) != from || status)
		bench_die("generate failed");
	mb = (double)usage.ru_maxrss * 1024 / 1e6;
	bench_say("ingest_memory: %zu records, %.1f s, at most %.1f MB", n,
		  bench_now() - began, mb);
	return mb;
}

static double peak_sqlite(char *generate, char *windrow, size_t n)
{
	const char *file = bench_file("memory.db");
	char db[1024];
	double mb;

	snprintf(db, sizeof(db), "sqlite:///%s", file);
	mb = peak_mb(generate, windrow, db, n);
	bench_remove(file);
	return mb;
}

static double peak_postgres(char *generate, char *windrow, size_t n)
{
	PGconn *conn = server_connect();
	char db[1024];
	double mb;

	server_make_schema(conn, SCHEMA);
	snprintf(db, sizeof(db), "%s%cschema=" SCHEMA, server_url(),
		 strchr(server_url(), '?') ? '&' : '?');
	mb = peak_mb(generate, windrow, db, n);
	if (server_number(conn, "SELECT count(*) FROM " SCHEMA
				".scraped_documents") != (double)n)
		bench_die("not all of %zu records are stored", n);
	server_drop_schema(conn, SCHEMA);
	PQfinish(conn);
	return mb;
}

int main(int argc, char **argv)
{
	size_t sizes[] = { bench_scaled(100000), bench_scaled(1000000) };
	bool postgres = argc == 4 && !strcmp(argv[3], "postgres");

	if (argc != 3 && !postgres)
		bench_die("usage: ingest_memory GENERATE WINDROW [postgres]");
	for (int i = 0; i < 2; i++) {
		char figure[64];
		double mb = (postgres ? peak_postgres : peak_sqlite)(
			argv[1], argv[2], sizes[i]);

		snprintf(figure, sizeof(figure), "peak memory of ingest, %zu%s",
			 sizes[i], postgres ? ", PostgreSQL" : " records");
		bench_row_limit(figure, "MB", mb, LIMIT_MB);
	}
	return 0;
}
