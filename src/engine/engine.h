/*
 * engine.h - a store: one thread that runs a pipeline, and the way into it.
 *
 * Verbs run on the program's threads.  They make a reply with everything in it
 * and post it to the loop; from there on it belongs to the engine's thread,
 * until it is posted to its queue.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "embed/queue.h"
#include "engine/reply.h"
#include "pipeline/pipeline.h"

enum store_state {
	STORE_OPENING, /* calls wait */
	STORE_OPEN,
	STORE_FAILED, /* opening failed: calls fail likewise */
	STORE_CLOSED
};

/* Texts among the options. */
enum { STORE_TEXTS = 7 };

struct wr_store {
	/* immutable once the thread runs */
	pid_t pid;
	struct loop *loop;
	struct log log;
	struct wr_options opts; /* its texts are copies */
	char *texts[STORE_TEXTS];
	struct wr_queue *embed_queue, *log_queue; /* references */
	const struct backend_ops *backend;
	const struct embedder_ops *embedder; /* NULL: the recorded one */
	pthread_t thread;

	struct gate gate;     /* has its own lock */
	struct blocks blocks; /* likewise */

	pthread_mutex_t lock;
	/* guarded by lock */
	bool closing; /* no verb is taken any more */
	bool closed;  /* WR_EV_CLOSED is posted, or about to be */
	bool aborting;
	struct list_node closers; /* replies to post at the end */
	struct pipeline *counted; /* the pipeline, while it may be read */

	/* engine thread */
	enum store_state state;
	struct list_node waiting; /* replies that came before it was open */
	struct wr_reply *open_reply;
	struct wr_error open_error;
	void *backend_self, *embedder_self;
	struct pipeline *pipeline;
	struct settings settings, found; /* as it is; as it was recorded */
	struct loop_job open_job;
	struct backend_op settings_op;
	struct embed_op learn_op;
	struct loop_timer learn_timer;
	bool learning; /* learn_op runs */
	struct embed_asker asker;
	bool close_asked, abort_asked;
	struct loop_task close_task, abort_task;
};

/* open.c: engine thread */
void store_open_begin(struct wr_store *s);
/* It is being closed with WR_CLOSE_ABORT: stop learning the dimension. */
void store_open_hurry(struct wr_store *s);
/* engine.c: engine thread.  Opening is over: s->open_error says how. */
void store_opened(struct wr_store *s);

/* May this verb be taken?  0, WR_EFORKED, WR_ECLOSED, WR_EINVAL. */
int store_check(const struct wr_store *s, const struct wr_queue *q,
		struct wr_error *err);

/*
 * Hand a reply with its ticket or request to the engine's thread.  Takes it if
 * it returns 0; WR_ECLOSED where the store is closing.
 */
int store_start(struct wr_store *s, struct wr_reply *r, struct wr_error *err);

#endif
