#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>

void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}
