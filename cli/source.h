/*
 * source.h - the inputs of an ingest, read by a thread of their own.
 *
 * So that a slow input keeps neither events nor signals waiting: the thread
 * reads records into a batch, the main thread takes the batch when it is full,
 * or has waited long enough, and puts an empty one in its place.  Everything
 * here is the main thread's to call.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "windrow.h"

struct source;

struct source_options {
	char **paths;
	size_t npaths;
	enum wr_format format;
	const char *base_url;
	uint64_t max_content;
	size_t records; /* that make a batch full */
	bool raw;	/* keep the text of lines that are refused */
};

/* opts->paths outlive the source.  NULL, after saying why. */
struct source *source_start(const struct source_options *opts);

/* Polls readable when source_take() may say something new. */
int source_fd(const struct source *source);

/*
 * Swap what was read for the empty *batch: true.  Where a batch is not full,
 * and hurry is not set, it waits a moment for more records: then false, and
 * *wait_ms says how long (-1: until the descriptor says so).
 */
bool source_take(struct source *source, struct batch *batch, bool hurry,
		 int *wait_ms);

/* Everything was read and taken. */
bool source_is_done(struct source *source);

/* Read no more.  What was read can still be taken. */
void source_stop(struct source *source);

/* Bytes of input read so far, and in all (0: unknown). */
void source_progress(struct source *source, uint64_t *done, uint64_t *total);

/* Inputs that could not be opened, and that broke off. */
void source_failures(struct source *source, size_t *unopened, size_t *broken);

/*
 * Ends the thread and frees all.  A thread that waits for standard input is
 * left behind: the process is about to end.
 */
void source_free(struct source *source);

#endif
