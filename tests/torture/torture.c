#include "torture.h"

#include "base/mem.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUNS_MOST = 100000, SECONDS_MOST = 60 };

static struct {
	atomic_uint asked;   /* allocations of this life so far */
	atomic_uint refused; /* of them */
	atomic_bool paused;
	unsigned at;
	bool and_later;
	const char *name;
} run;

/* From any thread. */
static bool allow(void *arg)
{
	unsigned n;

	(void)arg;
	if (atomic_load(&run.paused))
		return true;
	n = atomic_fetch_add(&run.asked, 1) + 1;
	if (n < run.at || (n > run.at && !run.and_later))
		return true;
	atomic_fetch_add(&run.refused, 1);
	return false;
}

void torture_pause(void)
{
	atomic_store(&run.paused, true);
}

void torture_resume(void)
{
	atomic_store(&run.paused, false);
}

void torture_fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s, allocation %u refused%s: ", run.name, run.at,
		run.and_later ? " and all behind it" : "");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void hangs(int signum)
{
	static const char text[] = "it hangs\n";

	(void)signum;
	if (write(2, run.name, __builtin_strlen(run.name)) < 0 ||
	    write(2, ": ", 2) < 0 || write(2, text, sizeof(text) - 1) < 0)
		_exit(1);
	abort();
}

void torture(const char *name, life_fn *life, life_fn *after, void *arg,
	     unsigned stride, bool and_later)
{
	unsigned runs = 0, failed = 0;
	int status;

	signal(SIGALRM, hangs);
	run.name = name;
	run.and_later = and_later;
	for (run.at = 1; runs < RUNS_MOST; run.at += stride, runs++) {
		atomic_store(&run.asked, 0);
		atomic_store(&run.refused, 0);
		atomic_store(&run.paused, false);
		alarm(SECONDS_MOST);
		mem_set_gate(allow, NULL);
		status = life(arg);
		mem_set_gate(NULL, NULL);
		failed += status != 0;
		if (status && !atomic_load(&run.refused))
			torture_fail("nothing was refused, and it failed "
				     "with %s",
				     wr_status_name(status));
		status = after ? after(arg) : 0;
		if (status)
			torture_fail("with memory again: %s",
				     wr_status_name(status));
		if (!atomic_load(&run.refused))
			break;
	}
	alarm(0);
	if (runs == RUNS_MOST)
		torture_fail("there is no end to it");
	printf("%s, %s refused: %u runs, %u of them failed\n", name,
	       and_later ? "all behind it" : "one", runs + 1, failed);
}
