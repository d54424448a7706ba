#include "conformance.h"

#include <stdio.h>

enum { SKIPPED = 77 }; /* as Meson reads it */

int main(void)
{
	const char *missing = driver.missing ? driver.missing() : NULL;
	int failed = 0;

	if (missing) {
		printf("skipped: %s\n", missing);
		return SKIPPED;
	}
	printf("backend: %s, WINDROW_SEED=%llu\n", driver.name,
	       (unsigned long long)first_seed());
	failed += test_writes();
	failed += test_vectors();
	failed += test_reads();
	failed += test_walks();
	failed += test_searches();
	failed += test_queries();
	failed += test_stores();
	failed += test_faults();
	failed += test_random();
	return failed ? 1 : 0;
}
