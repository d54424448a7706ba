/*
 * link.h - one connection of the pool, on the loop.
 *
 * A link is in libpq's pipeline mode for all its life.  An exchange is one or
 * more statements that are sent in one go and end with a Sync: one round trip,
 * one transaction, all or nothing.  Loop thread only.
 */
#ifndef BACKEND_POSTGRES_LINK_H
#define BACKEND_POSTGRES_LINK_H

#include "backend/postgres/conninfo.h"
#include "backend/postgres/wire.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"

/* What is done with the answers. */
struct exchange {
	/*
	 * Statement i (from 0) succeeded: rows, or none.  res is borrowed for
	 * the call.  An error here fails the exchange; its transaction is
	 * committed all the same.
	 */
	int (*result)(struct exchange *x, unsigned i, const PGresult *res,
		      struct wr_error *err);
	/*
	 * Exactly once, never from inside link_run().  err->status 0: all of it
	 * was committed.  Otherwise nothing was, except where the connection
	 * was lost (WR_EIO, WR_ETIMEOUT, WR_ECANCELED): then nobody knows.
	 */
	void (*done)(struct exchange *x, const struct wr_error *err);
	const char *what; /* "writing a batch": for messages */
};

struct link {
	/* The pool's: see pool.c. */
	struct list_node node;
	struct pool *pool;
	int64_t replace_at_us;
	/* Idle, and the server closed it; link_free() is allowed. */
	void (*hung_up)(struct link *l);

	/* What follows is link.c's. */
	PGconn *conn;
	struct loop *loop;
	const struct log *log;
	const struct conninfo *info;
	struct loop_fd watch;
	struct loop_timer timer; /* of the exchange */
	struct loop_task tell;	 /* its end, where it could not be sent */
	struct exchange *exchange;
	int64_t deadline_us;
	struct buf sent; /* a byte a command: what kind */
	size_t answered; /* so many of them */
	unsigned results;
	unsigned exchanges; /* begun so far */
	int hurried;	    /* why the server was asked to cancel; 0: not */
	bool in_block;	    /* the exchange has a BEGIN and a COMMIT, */
	bool rolling_back;  /* or failed before that */
	bool broken;
	struct wr_error error; /* the first of the exchange */
};

/* Takes conn, also where it fails: a new connection, with nothing sent. */
int link_new(struct link **out, struct loop *loop, const struct log *log,
	     const struct conninfo *info, PGconn *conn, struct wr_error *err);
/* No exchange runs. */
void link_free(struct link *l);

/*
 * Add a statement to what link_run() will send: it is copied.  Results come in
 * binary.
 */
int link_add(struct link *l, const char *sql, const struct params *p,
	     struct wr_error *err);

/*
 * Before all other statements: a block around them.  A server with others
 * behind it makes one transaction of an exchange only then.
 */
int link_begin(struct link *l, struct wr_error *err);
/* A statement whose answer is of no interest: it is no result. */
int link_tell(struct link *l, const char *sql, struct wr_error *err);

/*
 * Parse sql once, and run it for each link_add_again() after that: the results
 * count like those of link_add(); the parse has none.
 */
int link_prepare(struct link *l, const char *sql, const struct params *types,
		 struct wr_error *err);
int link_add_again(struct link *l, const struct params *p,
		   struct wr_error *err);

/*
 * Send, until deadline_us of the loop's clock: after it the server is asked to
 * cancel, and if that does not help within two seconds the link is closed;
 * either is WR_ETIMEOUT.
 */
void link_run(struct link *l, struct exchange *x, int64_t deadline_us);

/* Hurry the exchange that runs: it ends with WR_ECANCELED if that helped. */
void link_cancel(struct link *l);

/* Can it not be used again? */
bool link_is_broken(const struct link *l);
/* Did it serve an exchange before this one? (Then it may have gone stale.) */
bool link_is_used(const struct link *l);

#endif
