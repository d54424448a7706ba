/*
 * store.h - opening and closing the store that the user means.
 */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "options.h"
#include "windrow.h"

/*
 * The URL of the store: --db, else WINDROW_DB, else the one in this folder.
 * NULL, after saying why, where it is no URL.
 */
const char *store_url(const struct common *common);

/*
 * The store as it may be shown: without what comes after a server's database,
 * and without user and password.  Returned in out.
 */
enum { STORE_NAME = 512 };
const char *store_name(char out[STORE_NAME], const char *url);

enum store_need {
	STORE_BARE,	 /* needs no embedder: opens whatever was recorded */
	STORE_EMBEDDER,	 /* opens with the recorded embedder */
	STORE_BARE_LONG, /* the same two, for verbs that may take hours */
	STORE_EMBEDDER_LONG
};

/*
 * Open the store, which must exist.  Returns EXIT_FINE, or EXIT_CANNOT after
 * saying why.
 */
int store_open(wr_store **out, const struct common *common,
	       enum store_need need);

/*
 * Open with options of one's own; what is common to all commands and the log
 * are filled in here.  0 or a negative status with *err.
 */
int store_open_with(wr_store **out, const struct common *common,
		    const char *url, struct wr_options *opts,
		    struct wr_error *err);
/* Say why opening failed, and what to do; returns EXIT_CANNOT. */
int store_cannot_open(const struct wr_error *err);

/* Drain, close and free; s may be NULL.  status, or EXIT_CANNOT. */
int store_close(wr_store *s, int status);

/* Take the next event from q that has this tag.  0 where there is none. */
int store_wait(wr_queue *q, uint64_t tag, struct wr_event *ev);

#endif
