/*
 * The low-level functions rather than EVP: their state lives on the stack, so
 * a digest can neither fail nor wait for memory, and a short key costs no more
 * than its blocks.  Both end in the same code for the processor at hand.
 */
#define OPENSSL_API_COMPAT 10101 /* SHA256_*() are marked as old since 3.0 */

#include "record/digest.h"

#include <openssl/sha.h>

void digest_of(struct wr_str s, uint8_t out[DIGEST_SIZE])
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	if (s.len)
		SHA256_Update(&ctx, s.ptr, s.len);
	SHA256_Final(out, &ctx);
}

uint64_t digest_hash(struct wr_str s)
{
	uint8_t d[DIGEST_SIZE];
	uint64_t h = 0;

	digest_of(s, d);
	for (int i = 0; i < 8; i++)
		h = h << 8 | d[i];
	return h;
}
