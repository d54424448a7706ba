/*
 * wire_bytes.h - the bytes that wire.c writes and wire_read.c reads.
 */
#ifndef BACKEND_POSTGRES_WIRE_BYTES_H
#define BACKEND_POSTGRES_WIRE_BYTES_H

#include <stdint.h>
#include <string.h>

/* PostgreSQL counts from 2000-01-01; its infinities are the extremes. */
#define WIRE_EPOCH_US INT64_C(946684800000000)

enum {
	ARRAY_HEADER = 20, /* of one dimension */
	EMPTY_HEADER = 12, /* of none */
	VECTOR_HEADER = 4  /* of vector and halfvec: int16 dim, int16 unused */
};

static inline char *put16(char *at, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(at, &v, 2);
	return at + 2;
}

static inline char *put32(char *at, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(at, &v, 4);
	return at + 4;
}

static inline char *put64(char *at, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(at, &v, 8);
	return at + 8;
}

static inline uint16_t take16(const char *at)
{
	uint16_t v;

	memcpy(&v, at, 2);
	return __builtin_bswap16(v);
}

static inline uint32_t take32(const char *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return __builtin_bswap32(v);
}

static inline uint64_t take64(const char *at)
{
	uint64_t v;

	memcpy(&v, at, 8);
	return __builtin_bswap64(v);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire's numbers are swapped for little-endian machines"
#endif

static inline uint64_t bits_of_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, 8);
	return bits;
}

static inline double double_of_bits(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, 8);
	return d;
}

static inline uint32_t bits_of_float(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, 4);
	return bits;
}

static inline float float_of_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, 4);
	return f;
}

#endif
