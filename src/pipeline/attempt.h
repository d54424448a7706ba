/*
 * attempt.h - one operation of a request, tried until it works or time is up.
 */
#ifndef PIPELINE_ATTEMPT_H
#define PIPELINE_ATTEMPT_H

#include "pipeline/stages.h"

/* Zero before first use; lives until done(). */
struct attempt {
	struct backend_op op; /* kind and u are set by the issuer */
	struct request *req;
	struct pipeline *p;
	struct loop_timer timer;
	struct backoff backoff;
	int64_t deadline_us;   /* no try begins after this */
	bool running;	       /* else: waiting for the next try */
	struct list_node link; /* in its request's progress */
	/* a->op.error says how it ended.  Never from inside attempt_start(). */
	void (*done)(struct attempt *a);
};

/* What every request in flight has: allocated in the request's arena. */
struct progress {
	struct list_node attempts;
	/* It was given up: also end what is no attempt.  May be NULL. */
	void (*give_up)(struct pipeline *p, struct request *req);
};

/* Gives the request its progress, size bytes that begin with one. */
void *progress_new(struct request *req, size_t size);

void attempt_start(struct pipeline *p, struct request *req, struct attempt *a);

/* The request ends with this error; err may be NULL for success. */
void request_end(struct pipeline *p, struct request *req,
		 const struct wr_error *err);

/* search.c, known.c (or known_walk.c), pending.c, prune.c */
void search_start(struct pipeline *p, struct request *req);
void known_start(struct pipeline *p, struct request *req);
void pending_start(struct pipeline *p, struct request *req);
void prune_start(struct pipeline *p, struct request *req);

#endif
