/*
 * work.h - a verb that may take hours, watched: its progress is shown, and the
 * first Ctrl-C cancels it.
 */
#ifndef CLI_WORK_H
#define CLI_WORK_H

#include "progress.h"
#include "windrow.h"

enum { WORK_TAG = 1 };

struct work {
	wr_store *store;
	wr_queue *queue;
	struct progress progress;
	double started;
	/* The phase at hand, and since when; "": none was told. */
	char phase[64];
	bool asked; /* its progress is asked for, and not answered */
};

/* 0, or a negative status with *err. */
int work_init(struct work *w, wr_store *store, bool quiet,
	      struct wr_error *err);
/*
 * Wait for the verb that was started with w->queue and WORK_TAG.  What it ended
 * with; its reply, if any, is the caller's.
 */
int work_await(struct work *w, wr_reply **out, struct wr_error *err);
double work_seconds(const struct work *w);
void work_release(struct work *w);

#endif
