/*
 * progress.h - how far a long command is: a bar that is drawn over on a
 * terminal, a line a second elsewhere.
 *
 * All on standard error; main thread only.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct progress {
	bool quiet, terminal;
	double started, shown; /* by moment_clock() */
	/* The speed of late: decays over a few seconds. */
	double rate, rate_at;
	uint64_t rate_done;
};

void progress_init(struct progress *p, bool quiet);

/* Is it time to show something? */
bool progress_is_due(const struct progress *p);
/* Milliseconds until it is; -1 where nothing is ever shown. */
int progress_wait(const struct progress *p);

/*
 * Show how far it is: line, and more (or NULL) beside or below it.  fraction
 * is how much is done, 0 to 1; negative: unknown.  From it the time that is
 * left is told.
 */
void progress_show(struct progress *p, double fraction, const char *line,
		   const char *more);
/* Take the bar off the terminal. */
void progress_done(struct progress *p);

/* Things a second, of late; done is how many there are by now. */
double progress_rate(struct progress *p, uint64_t done);
double progress_elapsed(const struct progress *p);

/* For commands that count one thing: "pruned 1,200 of 4,000 pages". */
void progress_count(struct progress *p, const char *did, uint64_t done,
		    uint64_t total, const char *things);

#endif
