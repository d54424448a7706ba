/*
 * error.h - filling in a struct wr_error.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "windrow.h"
#include <stdbool.h>

/*
 * Fill err (unless it is NULL) and return status.  The message is cut to fit,
 * never inside a character, and control characters become spaces.
 */
int error_set(struct wr_error *err, int status, int native, const char *where,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* WR_ENOMEM, with the usual words. */
int error_nomem(struct wr_error *err, const char *where);

/* From an errno: WR_EAUTH, WR_ENOENT, WR_ENOMEM or WR_EIO; fmt says what. */
int error_errno(struct wr_error *err, int errnum, const char *where,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

void error_clear(struct wr_error *err);

/* Is it worth trying the same thing again later? */
bool error_passes(int status);

#endif
