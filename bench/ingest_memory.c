/*
 * ingest_memory.c - is memory flat in the number of records?
 *
 *     ingest_memory GENERATE WINDROW
 *
 * Runs "GENERATE n | WINDROW ingest -" for two n and reads the command's
 * greatest resident size.
 */
#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* The peak of a load of n records, in MB. */
static double peak_mb(char *generate, char *windrow, size_t n)
{
	const char *file = bench_file("memory.db");
	char db[1024], count[32];
	char dash[] = "-", ingest[] = "ingest", init[] = "init",
	     quiet[] = "--quiet", db_option[] = "--db", off[] = "--no-fulltext";
	char *make[] = { windrow, init, db_option, db, off, NULL };
	char *load[] = { windrow, ingest, db_option, db, quiet, dash, NULL };
	char *source[] = { generate, count, NULL };
	struct rusage usage;
	double began = bench_now(), mb;
	int pipes[2], status;
	pid_t from, to;

	snprintf(db, sizeof(db), "sqlite:///%s", file);
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
	bench_remove(file);
	return mb;
}

int main(int argc, char **argv)
{
	size_t few = bench_scaled(100000), many = bench_scaled(1000000);
	char figure[64];

	if (argc != 3)
		bench_die("usage: ingest_memory GENERATE WINDROW");
	snprintf(figure, sizeof(figure), "peak memory of ingest, %zu records",
		 few);
	bench_row_limit(figure, "MB", peak_mb(argv[1], argv[2], few), LIMIT_MB);
	snprintf(figure, sizeof(figure), "peak memory of ingest, %zu records",
		 many);
	bench_row_limit(figure, "MB", peak_mb(argv[1], argv[2], many),
			LIMIT_MB);
	return 0;
}
