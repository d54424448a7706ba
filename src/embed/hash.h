/*
 * hash.h - feature hashing of words and word pairs, as a vector.
 *
 * After Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature Hashing for
 * Large Scale Multitask Learning, ICML 2009.  Lexical, not semantic: texts are
 * near when they share words.
 */
#ifndef EMBED_HASH_H
#define EMBED_HASH_H

#include <stddef.h>
#include "windrow.h"

enum { HASH_DIM = 384 };

/* out[dim], of length 1; all zero where the text has no words. */
void hash_embed(struct wr_str text, float *out, size_t dim);

#endif
