/*
 * torture.h - fail every allocation in turn.
 *
 * A life (open, save, search, close; or a file written and read) is run with
 * its n-th allocation refused, for n = 1, 2, 3, ... until it needs fewer than
 * n; once with that one alone refused, once with all behind it too.  Whatever
 * happens, a life has to end, without a crash, with a status that says so.
 */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

#include "windrow.h"
#include <stdbool.h>

/* Statuses that may come of it; 0 if it went well all the same. */
typedef int life_fn(void *arg);

/*
 * Run life for n = first, first + stride, ... with one refusal each, or with
 * all from the n-th on.  after (may be NULL) is run with memory again: it must
 * succeed.  Prints how many runs it took.
 */
void torture(const char *name, life_fn *life, life_fn *after, void *arg,
	     unsigned stride, bool and_later);

/* Memory comes again, for what a life has to do in any case. */
void torture_pause(void);
void torture_resume(void);

/* Report and abort, naming the run, so that nothing else hides it. */
void torture_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
