/*
 * vector_kernels.h - the loops of vector.c, which includes this file once for
 * each kind of processor.
 *
 * Defined there: WIDTH, the floats in a register; TARGET, the attribute that
 * lets the compiler use them; KERNEL(name), the name of this version.
 */

typedef float KERNEL(floats) __attribute__((vector_size(WIDTH * 4)));
typedef uint32_t KERNEL(words) __attribute__((vector_size(WIDTH * 4)));
/* As it lies in memory. */
typedef float KERNEL(loose)
	__attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));

/* A row of LANES floats is so many registers; each has a sum of its own. */
#define ROWS (LANES / WIDTH)

TARGET static float KERNEL(dot)(const float *a, const float *b, size_t dim)
{
	KERNEL(floats) sum[ROWS] = { { 0 } };
	float lanes[LANES];
	size_t i;

	for (i = 0; i + LANES <= dim; i += LANES) {
		const KERNEL(loose) *x = (const KERNEL(loose) *)(a + i);
		const KERNEL(loose) *y = (const KERNEL(loose) *)(b + i);

#pragma GCC unroll 8
		for (int k = 0; k < ROWS; k++)
			sum[k] += x[k] * y[k];
	}
#pragma GCC unroll 8
	for (int k = 0; k < ROWS; k++)
		((KERNEL(loose) *)lanes)[k] = sum[k];
	return lanes_sum(lanes) + rest_dot(a + i, b + i, dim - i);
}

/* out: a.b, a.a, b.b */
TARGET static void KERNEL(dots)(const float *a, const float *b, size_t dim,
				float out[3])
{
	KERNEL(floats) ab[ROWS] = { { 0 } };
	KERNEL(floats) aa[ROWS] = { { 0 } };
	KERNEL(floats) bb[ROWS] = { { 0 } };
	float lanes[3][LANES];
	size_t i;

	for (i = 0; i + LANES <= dim; i += LANES) {
		const KERNEL(loose) *x = (const KERNEL(loose) *)(a + i);
		const KERNEL(loose) *y = (const KERNEL(loose) *)(b + i);

#pragma GCC unroll 8
		for (int k = 0; k < ROWS; k++) {
			ab[k] += x[k] * y[k];
			aa[k] += x[k] * x[k];
			bb[k] += y[k] * y[k];
		}
	}
#pragma GCC unroll 8
	for (int k = 0; k < ROWS; k++) {
		((KERNEL(loose) *)lanes[0])[k] = ab[k];
		((KERNEL(loose) *)lanes[1])[k] = aa[k];
		((KERNEL(loose) *)lanes[2])[k] = bb[k];
	}
	out[0] = lanes_sum(lanes[0]) + rest_dot(a + i, b + i, dim - i);
	out[1] = lanes_sum(lanes[1]) + rest_dot(a + i, a + i, dim - i);
	out[2] = lanes_sum(lanes[2]) + rest_dot(b + i, b + i, dim - i);
}

/*
 * By their bits: an exponent of all ones is NaN or infinite, and adding one to
 * the exponent then reaches the top bit.
 */
TARGET static bool KERNEL(sound)(const float *a, size_t dim)
{
	KERNEL(words) any = { 0 }, odd = { 0 }, x;
	uint32_t lanes[2][WIDTH], bits, some = 0, bad = 0;
	size_t i;

	for (i = 0; i + WIDTH <= dim; i += WIDTH) {
		memcpy(&x, a + i, sizeof(x));
		x &= 0x7fffffffu;
		any |= x;
		odd |= x + 0x00800000u;
	}
	for (; i < dim; i++) {
		memcpy(&bits, a + i, sizeof(bits));
		some |= bits & 0x7fffffffu;
		bad |= (bits & 0x7fffffffu) + 0x00800000u;
	}
	memcpy(lanes[0], &any, sizeof(any));
	memcpy(lanes[1], &odd, sizeof(odd));
	for (i = 0; i < WIDTH; i++) {
		some |= lanes[0][i];
		bad |= lanes[1][i];
	}
	return some && !(bad & 0x80000000u);
}

TARGET static void KERNEL(divide)(float *a, size_t dim, float by)
{
	KERNEL(floats) x;
	size_t i;

	for (i = 0; i + WIDTH <= dim; i += WIDTH) {
		memcpy(&x, a + i, sizeof(x));
		x /= by;
		memcpy(a + i, &x, sizeof(x));
	}
	for (; i < dim; i++)
		a[i] /= by;
}

static const struct kernels KERNEL(kernels) = {
	KERNEL(dot),
	KERNEL(dots),
	KERNEL(sound),
	KERNEL(divide),
};

#undef ROWS
#undef WIDTH
#undef TARGET
#undef KERNEL
