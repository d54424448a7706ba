/*
 * vector.h - float32 vectors: the kernels of search, and sanity.
 *
 * The loops are written so that the compiler vectorises them; where it can, the
 * best version for the processor is chosen when the program starts.
 */
#ifndef RECORD_VECTOR_H
#define RECORD_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

enum { VECTOR_DIM_MAX = 16384 };

float vector_dot(const float *a, const float *b, size_t dim);
/* Euclidean length. */
float vector_norm(const float *a, size_t dim);
/* -1 .. 1; 0 where one of them is zero. */
float vector_cosine(const float *a, const float *b, size_t dim);
/* Scale to length 1; a zero vector stays as it is. */
void vector_normalise(float *a, size_t dim);

/* Neither NaN nor infinite, and not all zero. */
bool vector_is_sound(const float *a, size_t dim);

#endif
