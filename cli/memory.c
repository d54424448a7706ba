#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *p)
{
	static const char message[] = "windrow: out of memory\n";

	if (p)
		return p;
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(2);
	_exit(2);
}

void *memory_new(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *memory_resize(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return checked(NULL);
	return checked(realloc(old, bytes ? bytes : 1));
}

void *memory_grow(void *old, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 16;

	if (need <= *room)
		return old;
	while (n < need) {
		if (__builtin_mul_overflow(n, 2, &n))
			return checked(NULL);
	}
	*room = n;
	return memory_resize(old, n, size);
}

char *memory_copy(const char *s, size_t len)
{
	char *p;

	if (len == SIZE_MAX)
		return checked(NULL);
	p = memory_resize(NULL, len + 1, 1);
	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

void memory_free(void *p)
{
	free(p);
}
