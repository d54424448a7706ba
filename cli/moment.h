/*
 * moment.h - times and ages as people write them.
 *
 * Times are microseconds since 1970 in UTC, ages microseconds.
 */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

enum { MOMENT_TEXT = 40 };

int64_t moment_now(void);
/* A clock that never jumps, in seconds, to measure with. */
double moment_clock(void);

/*
 * "30d", "12h", "1w2d", "90s"; units s, m, h, d, w and y (365 days).  Returns
 * 0, or -1 where it is none.
 */
int moment_parse_age(int64_t *us, const char *s);

/*
 * RFC 3339 ("2024-05-01T12:30:00Z", also with a space or without a zone: UTC),
 * a date ("2024-05-01", its first moment), Unix seconds, or an age before now
 * ("7d").  Never 0 where it succeeds.  Returns 0, or -1 where it is none.
 */
int moment_parse(int64_t *us, const char *s, int64_t now);

/* "2024-05-01 12:30:00", or RFC 3339 with all that is known of the second. */
void moment_format(char out[MOMENT_TEXT], int64_t us, bool rfc3339);

/* "0.4 s", "12 s", "3:07", "1:02:45". */
void moment_format_seconds(char out[MOMENT_TEXT], double seconds);

#endif
