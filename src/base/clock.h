/*
 * clock.h - wall-clock times, as microseconds since 1970 in UTC.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "windrow.h"
#include <stdint.h>

int64_t clock_now_us(void);

/*
 * Read RFC 3339 ("2026-11-23T12:00:00.5+01:00", also with a blank for the T,
 * without a zone (UTC), or a date alone) or Unix seconds with an optional
 * fraction.  0 or WR_EDATA.
 */
int clock_parse(struct wr_str s, int64_t *us);

enum { CLOCK_TEXT = 40 };
/* "2026-11-23T12:00:00.500000Z"; the fraction only where there is one. */
void clock_format(int64_t us, char out[CLOCK_TEXT]);

#endif
