/*
 * hash.h - feature hashing of words and word pairs, as a vector.
 *
 * After Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature Hashing for
 * Large Scale Multitask Learning, ICML 2009.  Lexical, not semantic: texts are
 * near when they share words.
 *
 * Features are the words of base/text.h and each two that follow each other.
 * A word's hash is FNV-1a (64 bits) of its folded form through SplitMix64's
 * finaliser, a pair's is that finaliser of first * 0x9e3779b97f4a7c15 + second.
 * The hash's upper 32 bits choose one of the vector's places, bit 17 the sign.
 * A feature that comes n times weighs sqrt(n), a quarter of that where a common
 * English word is part of it.  The same text gives the same bits everywhere, on
 * which stores rely: who changes a word of this changes HASH_MODEL.
 */
#ifndef EMBED_HASH_H
#define EMBED_HASH_H

#include "windrow.h"
#include <stddef.h>

enum { HASH_DIM = 384 };
#define HASH_MODEL "words-1"

/* out[dim], of length 1; all zero where the text has no words. */
void hash_embed(struct wr_str text, float *out, size_t dim);

#endif
