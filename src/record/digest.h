/*
 * digest.h - SHA-256 (OpenSSL is included by digest.c alone).
 *
 * Scraped pages are hostile: no weaker hash serves as an identity.
 */
#ifndef RECORD_DIGEST_H
#define RECORD_DIGEST_H

#include "windrow.h"
#include <stdint.h>

enum { DIGEST_SIZE = 32 };

void digest_of(struct wr_str s, uint8_t out[DIGEST_SIZE]);

/* The first eight bytes as a number: a hash that is hard to collide. */
uint64_t digest_hash(struct wr_str s);

#endif
