#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rand.h"
#include "record/vector.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST = 1100 };

static void fill(struct rand_state *rnd, float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (float)((double)rand_below(rnd, 2000001) / 1e6 - 1);
}

/* The same in double, one by one. */
static double exact(const float *a, const float *b, size_t dim)
{
	double sum = 0;

	for (size_t i = 0; i < dim; i++)
		sum += (double)a[i] * b[i];
	return sum;
}

static void near(double got, double want, double within, size_t dim)
{
	if (!(fabs(got - want) <= within))
		print_error("dim %zu: %.9g, not %.9g\n", dim, got, want);
	assert_true(fabs(got - want) <= within);
}

static void every_length_and_alignment_adds_up(void **state)
{
	struct rand_state rnd = { 7 };
	static float a[MOST + 1], b[MOST + 1];

	(void)state;
	for (size_t dim = 0; dim <= MOST; dim++) {
		const float *x = a + (dim & 1), *y = b + (dim >> 1 & 1);
		double aa, bb, ab;

		fill(&rnd, a, MOST + 1);
		fill(&rnd, b, MOST + 1);
		aa = exact(x, x, dim);
		bb = exact(y, y, dim);
		ab = exact(x, y, dim);
		near(vector_dot(x, y, dim), ab, 1e-4, dim);
		near(vector_norm(x, dim), sqrt(aa), 1e-4, dim);
		near(vector_cosine(x, y, dim), dim ? ab / sqrt(aa * bb) : 0,
		     1e-5, dim);
		assert_true(vector_dot(x, y, dim) == vector_dot(y, x, dim));
	}
}

static void a_normalised_vector_has_length_one(void **state)
{
	struct rand_state rnd = { 8 };
	float v[384], zero[5] = { 0 };

	(void)state;
	fill(&rnd, v, 384);
	vector_normalise(v, 384);
	near(vector_norm(v, 384), 1, 1e-6, 384);
	vector_normalise(zero, 5);
	near(vector_norm(zero, 5), 0, 0, 5);
}

static void what_float_cannot_square_is_still_right(void **state)
{
	float big[40], small[40], zero[40] = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		big[i] = FLT_MAX / 100;
		small[i] = FLT_MIN / 8;
	}
	near(vector_cosine(big, small, 40), 1, 1e-6, 40);
	near(vector_cosine(big, zero, 40), 0, 0, 40);
	near(vector_cosine(zero, zero, 40), 0, 0, 40);
	near(vector_norm(big, 40) / FLT_MAX, sqrt(40) / 100, 1e-6, 40);
	near(vector_norm(small, 40) / FLT_MIN, sqrt(40) / 8, 1e-6, 40);
	vector_normalise(big, 40);
	vector_normalise(small, 40);
	near(vector_norm(big, 40), 1, 1e-6, 40);
	near(vector_norm(small, 40), 1, 1e-6, 40);
}

static void equal_vectors_are_never_further_than_one(void **state)
{
	struct rand_state rnd = { 9 };
	float v[100], w[100];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		size_t dim = 1 + rand_below(&rnd, 100);

		fill(&rnd, v, dim);
		for (size_t k = 0; k < dim; k++)
			w[k] = -v[k];
		if (!vector_is_sound(v, dim))
			continue;
		near(vector_cosine(v, v, dim), 1, 1e-6, dim);
		near(vector_cosine(v, w, dim), -1, 1e-6, dim);
		assert_true(vector_cosine(v, v, dim) <= 1);
		assert_true(vector_cosine(v, w, dim) >= -1);
	}
}

static void nan_and_infinity_are_found_wherever_they_are(void **state)
{
	float v[100];

	(void)state;
	for (size_t dim = 1; dim <= 100; dim++)
		for (size_t at = 0; at < dim; at++) {
			const float odd[] = { NAN, -NAN, INFINITY, -INFINITY };

			for (size_t i = 0; i < dim; i++)
				v[i] = (float)i - 3.5f;
			assert_true(vector_is_sound(v, dim));
			for (int k = 0; k < 4; k++) {
				v[at] = odd[k];
				if (vector_is_sound(v, dim))
					print_error("%zu of %zu\n", at, dim);
				assert_false(vector_is_sound(v, dim));
			}
			memset(v, 0, sizeof(v));
			v[(at + 1) % dim] = -0.0f;
			assert_false(vector_is_sound(v, dim));
			v[at] = FLT_MIN / 4;
			assert_true(vector_is_sound(v, dim));
			v[at] = -FLT_MAX;
			assert_true(vector_is_sound(v, dim));
		}
	assert_false(vector_is_sound(v, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_and_alignment_adds_up),
		cmocka_unit_test(a_normalised_vector_has_length_one),
		cmocka_unit_test(what_float_cannot_square_is_still_right),
		cmocka_unit_test(equal_vectors_are_never_further_than_one),
		cmocka_unit_test(nan_and_infinity_are_found_wherever_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
