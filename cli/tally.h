/*
 * tally.h - what became of the records of an ingest: counts, names of those
 * that failed, the rejects file, the acknowledgements.
 *
 * Main thread only.
 */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "batch.h"
#include "text.h"
#include "windrow.h"

/* Records that the store has taken and not yet settled. */
struct submission {
	size_t n;
	uint64_t content;
	/* With a rejects file the records, else their URLs alone. */
	struct batch batch;
	struct text urls;
	size_t *ends; /* of URL i in urls */
};

struct tally {
	uint64_t counts[WR_NOUTCOMES], embedded;
	uint64_t records; /* settled, and refused by the input */
	uint64_t content; /* bytes of their titles and contents */
	bool ack;
	FILE *rejects; /* NULL: failures are named on standard error */
	const char *rejects_path;
	bool rejects_broken;
	uint64_t named;
	struct text line; /* scratch */

	/* Set when the store itself failed: reading on makes no sense. */
	bool store_failed;
	struct wr_error store_error;
};

/* rejects_path may be NULL.  EXIT_FINE, or EXIT_CANNOT after saying why. */
int tally_init(struct tally *tally, bool ack, const char *rejects_path);
/* Closes the rejects file; false, after saying why, where that fails. */
bool tally_done(struct tally *tally);

/*
 * Fill a zeroed sub with what is in batch, which is emptied: for when the store
 * has taken the records.
 */
void submission_init(struct submission *sub, const struct tally *tally,
		     struct batch *batch);
/* sub comes from memory_new(). */
void submission_free(struct submission *sub);

/* What an input could not read. */
void tally_refusals(struct tally *tally, const struct batch *batch);
/* The reply to a submission. */
void tally_settle(struct tally *tally, const struct submission *sub,
		  const wr_reply *reply);
/* A submission that the store did not take, or gave no reply to. */
void tally_fail(struct tally *tally, const struct submission *sub,
		const struct wr_error *err);

/* How many failures were not named. */
uint64_t tally_unnamed(const struct tally *tally);

#endif
