/*
 * reader.h - what a file format implements behind wr_reader.
 *
 * A new format is one file with a struct reader_ops and a function that opens
 * it, named in reader.c.
 */
#ifndef FORMAT_READER_H
#define FORMAT_READER_H

#include "windrow.h"

/* Each does what the public function of that name promises. */
struct reader_ops {
	int (*next)(struct wr_reader *r, struct wr_record *rec,
		    struct wr_error *err);
	const char *(*position)(const struct wr_reader *r);
	struct wr_str (*raw)(const struct wr_reader *r);
	void (*progress)(const struct wr_reader *r, uint64_t *done,
			 uint64_t *total);
	void (*close)(struct wr_reader *r);
};

/* The first member of every format's own struct. */
struct wr_reader {
	const struct reader_ops *ops;
};

/* opts is complete: every default has been filled in. */
int jsonl_open(struct wr_reader **out, const struct wr_reader_options *opts,
	       struct wr_error *err);
int pages_open(struct wr_reader **out, const struct wr_reader_options *opts,
	       struct wr_error *err);

#endif
