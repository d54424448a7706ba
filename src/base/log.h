/*
 * log.h - where messages go.
 *
 * A struct log is set up once, before other threads use it, and is read-only
 * from then on; the sink must be thread-safe.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "windrow.h"

/* Zero: silence. */
struct log {
	void (*sink)(enum wr_log_level level, const char *where,
		     const char *message, void *arg);
	void *arg;
	enum wr_log_level level; /* the least important that is passed on */
};

/* log may be NULL. */
void log_message(const struct log *log, enum wr_log_level level,
		 const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
