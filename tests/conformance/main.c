#include "conformance.h"

#include <stdio.h>

int main(void)
{
	int failed = 0;

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
