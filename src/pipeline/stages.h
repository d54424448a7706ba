/*
 * stages.h - what the files of the pipeline share.
 *
 * An item is in exactly one place, which its state names: a queue below, the
 * list of another item, or a batch.  Every stage has a pump, which starts as
 * much as the stage's limit allows; pipeline_pump() runs them all, and every
 * completion ends with it.
 */
#ifndef PIPELINE_STAGES_H
#define PIPELINE_STAGES_H

#include "base/backoff.h"
#include "base/error.h"
#include "pipeline/pipeline.h"

enum {
	PREPARE_JOBS = 2,	 /* at a time */
	PREPARE_RECORDS = 512,	 /* a job takes tickets until it has so many */
	PREPARE_BYTES = 1 << 20, /* or so much */
	LOOKUP_SECOND = 128,	 /* a second op only for so many items */
	BLIND_AFTER = 256,	 /* records tell what the next ones are like, */
	BLIND_PART = 20,	 /* but for one in so many */
	WRITE_BYTES = 16 << 20,	 /* a transaction takes about so much */
	EMBED_BYTES = 4 << 20,	 /* a call takes about so much text */
	EMBED_TRIES = 3,	 /* of a text whose vector is unsound */
	EMBED_GRACE_MS = 1000,	 /* a cancelled call may take so long to end */
	KNOWN_WALK = 50000,	 /* URLs: a walk through all keys may pay */
	KNOWN_CHUNK_LEAST = 8192, /* keys an operation */
	KNOWN_CHUNK_MOST = 65536,
	KNOWN_CHUNKS = 3,	 /* at a time */
	PENDING_PAGE = 128,	 /* documents that wait, read at a time */
	PENDING_BYTES = 4 << 20, /* or about so much of their text */
	SCAN_BYTES = 16 << 20,	 /* a page of a scan has about so much */
	PRUNE_ROWS = 1000	 /* a transaction of a prune */
};

/* A queue of items. */
struct queue {
	struct list_node items;
	size_t n;
	uint64_t bytes; /* of their content */
};

/*
 * What is looked up and found to be new, time and again, need not be looked up:
 * it is inserted, and what turns out to be stored is looked up then.  Likewise
 * what always has to be updated.  See blind.c.
 */
struct blind {
	enum item_blind way;	   /* of those that come now */
	size_t n, absent, written; /* of late, of those looked up; */
	size_t missed;		   /* of those that went blindly, of n */
};

struct pipeline {
	/* immutable */
	struct pipeline_config config;
	struct loop *loop;
	bool embeds; /* there is an embedder that embeds */

	/* read by any thread */
	struct counters counters;
	_Atomic uint32_t dim; /* 0: not known yet; set once */

	/* loop thread */
	struct rand_state rnd;
	struct list_node calls; /* in flight, by seq */
	uint64_t next_seq;
	struct list_node settled; /* calls whose settled() is due */
	struct loop_task settle_task;
	bool settle_posted;
	struct loop_timer deadline;
	int64_t deadline_us; /* for when it is set; INT64_MAX: it is not */
	unsigned ops; /* jobs, operations and timers of batches under way */
	void (*idle)(void *arg);
	void *idle_arg;

	struct map keys;     /* key -> the item that leads it */
	struct map contents; /* content_hash -> the item that embeds it */

	struct list_node arrived; /* tickets that no job has taken yet */
	struct list_node order;	  /* tickets not admitted yet, by seq */
	unsigned prepare_jobs;

	struct queue lookups;
	unsigned lookup_ops;
	struct blind blind;

	struct list_node queries; /* of searches, to be embedded first */
	struct queue embeds_due;
	struct list_node embedding; /* items due or in a batch, by embed_link */
	struct loop_timer embed_deadline;
	int64_t embed_deadline_us;    /* INT64_MAX: it is not set */
	struct list_node embed_ready; /* batches to run when there is a place */
	unsigned embed_ops, embed_hanging; /* of them, given up in vain */
	struct loop_timer embed_linger;
	bool embed_now; /* the linger is over */

	struct queue writes;
	struct list_node write_ready; /* batches to run when there is a place */
	unsigned write_ops, write_waiting; /* running, in backoff */
	struct loop_timer write_linger;
	bool write_now;
	bool dim_saving; /* the dimension is being recorded: writes wait */
};

/* pipeline.c */
void pipeline_pump(struct pipeline *p);
/* An operation begins, ends. */
void pipeline_hold(struct pipeline *p);
void pipeline_unhold(struct pipeline *p);
/* The call has its result: hand it back, from the loop. */
void call_settle(struct pipeline *p, struct call *call);
int64_t wall_now_us(struct pipeline *p);
/* When to try again after err, in loop time; counts the try. */
int64_t next_try_us(struct pipeline *p, struct backoff *backoff,
		    const struct wr_error *err);

void queue_push(struct queue *q, struct item *item);
void queue_remove(struct queue *q, struct item *item);
struct item *queue_take(struct queue *q); /* NULL: empty */

/* prepare.c */
void prepare_add(struct pipeline *p, struct ticket *t);
void prepare_pump(struct pipeline *p);

/* settle.c */
void item_settle(struct pipeline *p, struct item *item, enum wr_outcome outcome,
		 enum wr_skip skip, const struct wr_error *err);
void item_fail(struct pipeline *p, struct item *item,
	       const struct wr_error *err);
/* Its key is stored already, and the policy is WR_FAIL. */
void item_fail_exists(struct pipeline *p, struct item *item);
/* If its ticket was given up: settle it and say so. */
bool item_is_given_up(struct pipeline *p, struct item *item);
/* Settle what can be settled now; the rest follows when its op is done. */
void ticket_give_up(struct pipeline *p, struct ticket *t);
/* Store an error for record i; never fails. */
void ticket_set_error(struct ticket *t, size_t i, const struct wr_error *err);
void ticket_check_end(struct pipeline *p, struct ticket *t);
/* The words for a status that gave a call up. */
void give_up_error(struct wr_error *err, int status);

/* keys.c */
void keys_admit(struct pipeline *p, struct item *item);
/* The item is settled: see who is next. */
void keys_pass_on(struct pipeline *p, struct item *item,
		  enum wr_outcome outcome);
/* Let an item that leads its key go into its first stage. */
void item_begin(struct pipeline *p, struct item *item);

/* lookup.c */
void lookup_pump(struct pipeline *p);
/* Take it out of a batch that is not running: false if it is running. */
bool lookup_leave(struct pipeline *p, struct item *item);

/* blind.c */
/* Send those who need not be looked up to the writer. */
void blind_pump(struct pipeline *p);
/* Items were looked up: so many of n were absent, had to be written. */
void blind_looked_up(struct pipeline *p, size_t n, size_t absent,
		     size_t written);
/*
 * An item that went blindly was written.  False: it takes the usual way now,
 * or has been settled.
 */
bool blind_written(struct pipeline *p, struct item *item,
		   const struct write *w);
bool item_is_blind(const struct item *item);

/* It may have been written, or not: it is looked up. */
void blind_lost(struct pipeline *p, struct item *item);

/* embed.c */
void embed_add(struct pipeline *p, struct item *item);
void embed_pump(struct pipeline *p);
/* The item leaves the stage, wherever in it it is. */
void embed_leave(struct pipeline *p, struct item *item);
/* Nobody can share its vector any more. */
void embed_forget(struct pipeline *p, struct item *item);

/* write.c */
void write_add(struct pipeline *p, struct item *item);
void write_pump(struct pipeline *p);
/* Take it out of a batch that is not running: false if it is running. */
bool write_leave(struct pipeline *p, struct item *item);

/* search.c */
/* Embed what searches wait for, while there is a place for a call. */
void search_embed_queries(struct pipeline *p);

/* request.c */
void request_start(struct pipeline *p, struct request *req);
void request_give_up(struct pipeline *p, struct request *req, int status);

/* Is anything on its way to the embedder, or to the writer, already? */
static inline bool upstream_of_embed(const struct pipeline *p)
{
	return p->prepare_jobs || !list_empty(&p->arrived) || p->lookups.n ||
	       p->lookup_ops;
}

static inline bool upstream_of_write(const struct pipeline *p)
{
	return upstream_of_embed(p) || p->embeds_due.n || p->embed_ops;
}

#endif
