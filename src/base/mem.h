/*
 * mem.h - all memory comes from here, so that tests can refuse it.
 *
 * mem_free(NULL) does nothing.  Any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* size bytes, or NULL.  A size of 0 gives a pointer that can be freed. */
void *mem_alloc(size_t size);
/* n * size zeroed bytes; NULL also where the product overflows. */
void *mem_zalloc(size_t n, size_t size);
/* As realloc() for n elements; the old block stays where this fails. */
void *mem_resize(void *p, size_t n, size_t size);
/* A copy of size bytes and a NUL behind them. */
char *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
void mem_free(void *p);

/*
 * For tests: allow(arg) is asked before each allocation and refuses it by
 * returning false.  NULL ends that.  Set it while no other thread allocates.
 */
void mem_set_gate(bool (*allow)(void *arg), void *arg);

#endif
