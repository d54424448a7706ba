/*
 * reply.h - what a verb brings back, and the event that announces it.
 *
 * A reply is made when its verb is called, so that nothing can keep its event
 * from being posted.
 */
#ifndef ENGINE_REPLY_H
#define ENGINE_REPLY_H

#include "base/list.h"
#include "base/loop.h"
#include "embed/queue.h"
#include "pipeline/call.h"
#include "pipeline/ticket.h"
#include "windrow.h"

struct wr_reply {
	struct list_node link;	/* in its queue */
	struct wr_queue *queue; /* a reference, until it is posted */
	uint64_t tag;
	uint32_t kind; /* enum wr_event_kind */
	int32_t status;
	bool bare; /* the event has no reply: freed when it is read */

	/* On its way in: the engine's. */
	struct loop_task task;
	struct wr_store *store;

	/* What it holds: one of these, by kind. */
	struct ticket *ticket;	     /* SUBMIT, DELETE */
	struct request *request;     /* the other verbs */
	struct embed_request *embed; /* EMBED, until answered */
	char *log, *log_where;	     /* LOG */
	enum wr_log_level log_level;
	struct wr_error error; /* OPEN, CLOSED */
};

/* With a reference to q.  NULL: out of memory. */
struct wr_reply *reply_new(enum wr_event_kind kind, struct wr_queue *q,
			   uint64_t tag);

#endif
