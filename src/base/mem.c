#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Set while one thread allocates (see mem_set_gate()), read by all. */
static bool (*gate)(void *arg);
static void *gate_arg;

static bool allowed(void)
{
	return !gate || gate(gate_arg);
}

void *mem_alloc(size_t size)
{
	return allowed() ? malloc(size ? size : 1) : NULL;
}

void *mem_zalloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || !allowed())
		return NULL;
	return calloc(1, bytes ? bytes : 1);
}

void *mem_resize(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || !allowed())
		return NULL;
	return realloc(p, bytes ? bytes : 1);
}

char *mem_dup(const void *p, size_t size)
{
	char *copy = size < SIZE_MAX ? mem_alloc(size + 1) : NULL;

	if (!copy)
		return NULL;
	if (size)
		memcpy(copy, p, size);
	copy[size] = '\0';
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s));
}

void mem_free(void *p)
{
	free(p);
}

void mem_set_gate(bool (*allow)(void *arg), void *arg)
{
	gate = allow;
	gate_arg = arg;
}
