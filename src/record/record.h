/*
 * record.h - a record, cleaned and ready to be stored.
 *
 * record_prepare() is pure and runs on a worker; what it makes lives in the
 * arena of the submission.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/arena.h"
#include "record/digest.h"
#include "record/url.h"
#include "record/vector.h"
#include "windrow.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * The digest of title and metadata: 16 bytes of each one's own digest, so that
 * a record which leaves one of them out can be held against what is stored.
 */
enum { META_HALF = 16, META_SIZE = 32 };

struct record {
	struct wr_str key;		/* canonical URL, or the record's own */
	uint64_t key_hash;		/* digest_hash(key) */
	struct wr_str title;		/* ptr NULL: left out */
	struct wr_str content;		/* ptr never NULL */
	struct wr_str metadata;		/* canonical JSON; ptr NULL: left out */
	int64_t fetched_at;		/* never 0 */
	int64_t created_at, updated_at; /* 0: now */
	bool timed;			/* fetched_at was given */
	const float *embedding; /* sound and of the right length, or NULL */
	uint8_t content_hash[DIGEST_SIZE];
	uint8_t meta_hash[META_SIZE]; /* a half left out is zero */
};

/* What a store demands of its records. */
struct record_rules {
	enum wr_urls urls;
	uint64_t max_content; /* bytes */
	uint32_t dim;	      /* 0: none yet, any length is fine */
	int64_t now_us;	      /* wall clock */
};

struct record_repairs {
	uint64_t utf8, nul;
};

/*
 * Clean and check one record.  in's memory must outlive *out: what is clean is
 * not copied.  repairs is added to.  Errors concern this record alone:
 *   WR_EDATA  what is wrong, quoting the input, and what to do
 *   WR_ENOMEM
 */
int record_prepare(struct record *out, const struct wr_record *in,
		   const struct record_rules *rules, struct arena *arena,
		   struct record_repairs *repairs, struct wr_error *err);

/* The key that url (or a key of one's own) has in a store with this mode. */
int record_key(struct wr_str *out, struct wr_str url, enum wr_urls mode,
	       struct arena *arena, struct wr_error *err);

/* The digests as stored; title and metadata may be left out. */
void record_meta_hash(uint8_t out[META_SIZE], struct wr_str title,
		      struct wr_str metadata);

/* Does the record (with halves left out) say what stored says already? */
bool record_meta_same(const struct record *rec,
		      const uint8_t stored[META_SIZE]);

/* Is time a later than time b by more than by, which is not negative? */
static inline bool record_newer_by_more(int64_t a, int64_t b, int64_t by)
{
	int64_t sum;

	return !__builtin_add_overflow(b, by, &sum) && a > sum;
}

/* Has it text that an embedder could embed: a word, at least? */
bool record_has_text(const struct record *rec);

#endif
