#include "base/backoff.h"

int64_t backoff_next_us(struct backoff *b, struct rand_state *rnd,
			int64_t at_least_us)
{
	int64_t window = BACKOFF_FIRST_US;
	int64_t jitter;

	for (uint32_t i = 0; i < b->tries && window < BACKOFF_MOST_US; i++)
		window *= 2;
	if (window > BACKOFF_MOST_US)
		window = BACKOFF_MOST_US;
	if (b->tries < UINT32_MAX)
		b->tries++;

	jitter = (int64_t)rand_below(rnd, (uint64_t)(window / 2 + 1));
	if (at_least_us <= window / 2)
		return window / 2 + jitter;
	/* Many may have been told the same time to come back. */
	return at_least_us < INT64_MAX - jitter ? at_least_us + jitter
						: INT64_MAX;
}
