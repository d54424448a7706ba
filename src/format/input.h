/*
 * input.h - the bytes of a file, or of standard input, unpacked.
 *
 * gzip (of any number of members) and zstd (of any number of frames) are
 * recognised by their first bytes, whatever the file is called, and read in
 * bounded memory.  An input belongs to one thread at a time.
 */
#ifndef FORMAT_INPUT_H
#define FORMAT_INPUT_H

#include "windrow.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct input;

/* Open path; "-" is standard input, which is never closed. */
int input_open(struct input **out, const char *path, struct wr_error *err);

/* The same over a descriptor that stays the caller's; name is for messages. */
int input_open_fd(struct input **out, int fd, const char *name,
		  struct wr_error *err);

/*
 * Read at least one and up to size bytes.  Returns how many, 0 at the end, or
 * a negative wr_status: WR_ECORRUPT where packed data is damaged or ends too
 * early, and where (everything before it has been returned by then); WR_ENOTSUP
 * where unpacking would take too much memory; WR_EIO.
 */
ssize_t input_read(struct input *in, void *to, size_t size,
		   struct wr_error *err);

/* Bytes of the file as it lies there: read so far, and in all (0: unknown). */
void input_progress(const struct input *in, uint64_t *done, uint64_t *total);

/* For messages: the path, or "standard input". */
const char *input_name(const struct input *in);

void input_close(struct input *in);

#endif
