/* mem again, on the loop and the workers of production. */
#include "conformance.h"

#include <stdio.h>

static void place(char *location, size_t room)
{
	snprintf(location, room, "mem:");
}

const struct driver driver = {
	.name = "mem on threads",
	.backend = &mem_backend,
	.place = place,
	.threads = true,
};
