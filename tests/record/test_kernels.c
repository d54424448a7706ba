/*
 * All versions of the kernels, not only the one that this processor chooses:
 * for that the module itself is part of this program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rand.h"
#include "record/vector.c"

enum { MOST = 300 };

static const struct version {
	const char *name;
	const struct kernels *kernels;
} versions[] = {
	{ "plain", &plain_kernels },
#if defined(__x86_64__) && defined(__GNUC__)
	{ "avx2", &avx2_kernels },
	{ "avx512", &avx512_kernels },
#endif
};

static bool can_run(const struct version *v)
{
#if defined(__x86_64__) && defined(__GNUC__)
	if (v->kernels == &avx2_kernels)
		return __builtin_cpu_supports("avx2");
	if (v->kernels == &avx512_kernels)
		return __builtin_cpu_supports("avx512f");
#endif
	return v->kernels == &plain_kernels;
}

static void same_bits(const char *name, size_t dim, const void *got,
		      const void *want, size_t size)
{
	if (memcmp(got, want, size) != 0)
		fail_msg("%s differs from plain in %zu dimensions", name, dim);
}

static void every_processor_gives_the_same_bits(void **state)
{
	struct rand_state rnd = { 21 };
	float a[MOST], b[MOST], c[MOST], d[MOST];

	(void)state;
	for (size_t dim = 0; dim <= MOST; dim++) {
		for (size_t i = 0; i < dim; i++) {
			a[i] = (float)rand_below(&rnd, 1000) / 7 - 70;
			b[i] = (float)rand_below(&rnd, 1000) / 3 - 170;
		}
		for (size_t i = 0; i < sizeof(versions) / sizeof(*versions);
		     i++) {
			const struct kernels *k = versions[i].kernels;
			const char *name = versions[i].name;
			float x, y, xs[3], ys[3];

			if (!can_run(&versions[i]))
				continue;
			x = plain_kernels.dot(a, b, dim);
			y = k->dot(a, b, dim);
			same_bits(name, dim, &y, &x, sizeof(x));
			plain_kernels.dots(a, b, dim, xs);
			k->dots(a, b, dim, ys);
			same_bits(name, dim, ys, xs, sizeof(xs));
			same_bits(name, dim, &xs[0], &x, sizeof(x));
			memcpy(c, a, sizeof(c));
			memcpy(d, a, sizeof(d));
			plain_kernels.divide(c, dim, 3);
			k->divide(d, dim, 3);
			same_bits(name, dim, d, c, dim * sizeof(*c));
		}
	}
}

static void every_version_finds_nan(void **state)
{
	float v[MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		const struct kernels *k = versions[i].kernels;

		if (!can_run(&versions[i]))
			continue;
		for (size_t dim = 1; dim <= 70; dim++)
			for (size_t at = 0; at < dim; at++) {
				memset(v, 0, sizeof(v));
				assert_false(k->sound(v, dim));
				v[at] = -1;
				assert_true(k->sound(v, dim));
				v[at] = NAN;
				assert_false(k->sound(v, dim));
				v[at] = -INFINITY;
				assert_false(k->sound(v, dim));
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_processor_gives_the_same_bits),
		cmocka_unit_test(every_version_finds_nan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
