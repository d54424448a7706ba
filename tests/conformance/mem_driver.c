#include "conformance.h"

#include <stdio.h>

static void place(char *location, size_t room)
{
	snprintf(location, room, "mem:");
}

const struct driver driver = {
	.name = "mem",
	.backend = &mem_backend,
	.place = place,
};
