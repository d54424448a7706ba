#include "base/log.h"

#include "base/str.h"
#include <stdarg.h>
#include <stdio.h>

void log_message(const struct log *log, enum wr_log_level level,
		 const char *where, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int n;

	if (!log || !log->sink || level > log->level)
		return;
	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	str_one_line(line);
	log->sink(level, where, line, log->arg);
}
