/*
 * memory.h - memory for the command line, which ends where there is none.
 *
 * A command keeps little in memory, and what it had committed is safe: so it
 * says "out of memory" and exits with 2, and its callers need no second path.
 * The only file of the command line that calls malloc.
 */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

/* n * size bytes, zeroed. */
void *memory_new(size_t n, size_t size);
/* old (or NULL) with room for n * size bytes. */
void *memory_resize(void *old, size_t n, size_t size);
/* Room for at least need items: doubles *room. */
void *memory_grow(void *old, size_t *room, size_t need, size_t size);
char *memory_copy(const char *s, size_t len);
void memory_free(void *p);

#endif
