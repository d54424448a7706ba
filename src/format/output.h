/*
 * output.h - a file that appears under its name only when it is whole.
 *
 * What is written goes to a file beside it, which takes its place when it is
 * closed.  A name that ends in .gz or .zst has it packed.  "-" (standard
 * output), a pipe or a device is written to as it is.  One thread at a time.
 */
#ifndef FORMAT_OUTPUT_H
#define FORMAT_OUTPUT_H

#include "windrow.h"
#include <stddef.h>

struct output;

int output_open(struct output **out, const char *path, struct wr_error *err);

/* WR_EIO where the disk is full or nobody reads the pipe any more. */
int output_write(struct output *o, const void *p, size_t len,
		 struct wr_error *err);

/* Finish the file and put it in place; frees o in any case. */
int output_close(struct output *o, struct wr_error *err);

/* Give it up and leave what was there before; frees o. */
void output_abort(struct output *o);

#endif
