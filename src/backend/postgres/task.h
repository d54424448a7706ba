/*
 * task.h - an operation on the loop: a few exchanges over one link.
 *
 * postgres.c takes a link for it, runs its exchanges one after the other, and
 * ends the op.  A task that only reads and loses a link that had been idle is
 * begun again on a fresh one.
 */
#ifndef BACKEND_POSTGRES_TASK_H
#define BACKEND_POSTGRES_TASK_H

#include "backend/postgres/postgres.h"

struct task;

struct task_kind {
	const char *what; /* "reading documents": for messages */
	bool reads;	  /* changes nothing: can be begun again */
	/* Begin (again): add the statements of the first exchange. */
	int (*begin)(struct task *t, struct wr_error *err);
	/* Statement i of the exchange at hand succeeded. */
	int (*result)(struct task *t, unsigned i, const PGresult *res,
		      struct wr_error *err);
	/*
	 * The exchange is committed.  Add statements and set *more for another
	 * one; otherwise the op is done.  NULL: it is.
	 */
	int (*next)(struct task *t, bool *more, struct wr_error *err);
	/*
	 * Its first exchange failed with err: is it worth beginning again,
	 * once, in another way?  begin() then finds begun_again set.  NULL: it
	 * is not.
	 */
	bool (*may_begin_again)(const struct task *t,
				const struct wr_error *err);
	/* Let go of what state holds beside the arena.  NULL: nothing. */
	void (*release)(struct task *t);
};

struct task {
	struct postgres *pg;
	struct backend_op *op;
	const struct task_kind *kind;
	struct arena arena; /* released at the end, and when begun again */
	void *state;	    /* the kind's own, in arena; NULL in begin() */
	struct link *link;  /* while it has one */

	/* postgres.c's */
	struct exchange exchange;
	struct pool_wait wait;
	struct list_node node; /* in pg->tasks */
	bool canceled, begun_again;
	unsigned round; /* how many exchanges were done before this one */
};

/* Start op, which is of that kind. */
void task_start(struct postgres *pg, struct backend_op *op,
		const struct task_kind *kind);
/* Hurry it up. */
void task_cancel(struct task *t);

/*
 * First of all in an exchange over a distributed table: a block, and settings
 * for it that reach the workers.  Names and values are the program's own words,
 * and are no result.
 */
struct task_setting {
	const char *name, *value;
};
int task_begin_spread(struct task *t, const struct task_setting *settings,
		      size_t n, struct wr_error *err);

/* Add a statement of the layout. */
int task_add(struct task *t, enum pgsql which, const struct params *p,
	     struct wr_error *err);

extern const struct task_kind lookup_task, write_task, known_task, get_task,
	scan_task, search_task, pending_task, prune_task, stats_task,
	progress_task, keys_task;

#endif
