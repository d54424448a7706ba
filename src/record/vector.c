/*
 * Each kernel is written once (vector_kernels.h), over vectors as wide as the
 * processor's, and is compiled for each kind of processor; a constructor
 * chooses.  Compilers can do that by themselves, with ifunc, but a resolver
 * runs before ThreadSanitizer is ready.
 *
 * Sums run in LANES independent lanes, whatever the width, and are added up in
 * one order without fused operations: every processor gives the same bits.
 */
#include "record/vector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { LANES = 32 };

struct kernels {
	float (*dot)(const float *a, const float *b, size_t dim);
	void (*dots)(const float *a, const float *b, size_t dim, float out[3]);
	bool (*sound)(const float *a, size_t dim);
	void (*divide)(float *a, size_t dim, float by);
};

typedef float quad __attribute__((vector_size(16)));

/* In halves, so that the additions do not wait for each other. */
static inline float lanes_sum(const float lanes[LANES])
{
	quad q[LANES / 4];

	memcpy(q, lanes, sizeof(q));
#pragma GCC unroll 8
	for (int n = LANES / 8; n; n /= 2)
#pragma GCC unroll 8
		for (int i = 0; i < n; i++)
			q[i] += q[i + n];
	return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

/* The elements behind the last whole row of lanes. */
static inline float rest_dot(const float *a, const float *b, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

#define WIDTH 4
#define TARGET
#define KERNEL(name) plain_##name
#include "record/vector_kernels.h"

static const struct kernels *best = &plain_kernels;

#if defined(__x86_64__) && defined(__GNUC__)

#define WIDTH 8
#define TARGET __attribute__((target("avx2")))
#define KERNEL(name) avx2_##name
#include "record/vector_kernels.h"

#define WIDTH 16
#define TARGET __attribute__((target("avx512f")))
#define KERNEL(name) avx512_##name
#include "record/vector_kernels.h"

/* Before main(), and so before there is another thread. */
__attribute__((constructor)) static void kernels_choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		best = &avx512_kernels;
	else if (__builtin_cpu_supports("avx2"))
		best = &avx2_kernels;
}

#endif

/* For what float cannot square: the same in double, which holds it all. */
static double dot_wide(const float *a, const float *b, size_t dim)
{
	double sum = 0;

	for (size_t i = 0; i < dim; i++)
		sum += (double)a[i] * b[i];
	return sum;
}

/* Is a sum of squares neither overflown nor too small to be exact? */
static bool square_is_exact(float sum)
{
	return sum > 1e-30f && sum < 1e38f;
}

float vector_dot(const float *a, const float *b, size_t dim)
{
	return best->dot(a, b, dim);
}

float vector_norm(const float *a, size_t dim)
{
	float sum = best->dot(a, a, dim);

	if (square_is_exact(sum))
		return sqrtf(sum);
	return (float)sqrt(dot_wide(a, a, dim));
}

float vector_cosine(const float *a, const float *b, size_t dim)
{
	float sums[3];
	double c;

	best->dots(a, b, dim, sums);
	if (square_is_exact(sums[1]) && square_is_exact(sums[2])) {
		c = sums[0] / sqrt((double)sums[1] * sums[2]);
	} else {
		double aa = dot_wide(a, a, dim), bb = dot_wide(b, b, dim);

		if (!(aa > 0) || !(bb > 0))
			return 0;
		c = dot_wide(a, b, dim) / (sqrt(aa) * sqrt(bb));
	}
	return c > 1 ? 1 : c < -1 ? -1 : (float)c;
}

void vector_normalise(float *a, size_t dim)
{
	float sum = best->dot(a, a, dim);
	double norm;

	if (square_is_exact(sum)) {
		best->divide(a, dim, sqrtf(sum));
		return;
	}
	norm = sqrt(dot_wide(a, a, dim));
	if (!(norm > 0))
		return;
	for (size_t i = 0; i < dim; i++)
		a[i] = (float)(a[i] / norm);
}

bool vector_is_sound(const float *a, size_t dim)
{
	return best->sound(a, dim);
}
