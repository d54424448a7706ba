/*
 * queue.h - event queues: replies on their way to the program.
 *
 * A queue is counted by references: the program's own, and one for each reply
 * that will be posted to it.  Any thread posts, one thread reads.
 */
#ifndef ENGINE_QUEUE_H
#define ENGINE_QUEUE_H

#include "base/list.h"
#include "windrow.h"

struct wr_queue *queue_ref(struct wr_queue *q);
void queue_unref(struct wr_queue *q);

/*
 * Post a reply with its kind, tag and status.  Takes the reply, and the
 * reference to the queue that it holds.  Never fails; where the program gave
 * the queue up, the reply is freed.
 */
void queue_post(struct wr_reply *r);

/*
 * Take back what the program has not read yet: an event of this kind, tag and
 * store, if it is there.
 */
void queue_withdraw(struct wr_queue *q, uint32_t kind, uint64_t tag,
		    const struct wr_store *s);

/* Will nobody read it any more? */
bool queue_is_given_up(struct wr_queue *q);

/* Post WR_EV_ROOM unless one is waiting to be read. */
void queue_post_room(struct wr_queue *q);

#endif
