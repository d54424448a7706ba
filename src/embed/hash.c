/*
 * How often each feature comes is counted first, so that the twentieth time a
 * word comes weighs less than the first.  All weights are whole numbers whose
 * sums a float holds exactly: every machine makes the same vector.
 */
#include "embed/hash.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "embed/identity.h"
#include "embed/work.h"
#include "record/vector.h"
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WHERE "embed.hash"

enum {
	SLOTS = 4096,		/* a power of two */
	SLOTS_USED_MOST = 3072, /* then they are added up and emptied */
	UNIT = 64,		/* the weight of a word that comes once */
	COMMON = 4,		/* common words weigh a quarter */
	COMMON_SLOTS = 256
};

/*
 * Features and how often they came.  A slot holds the upper 47 bits of a
 * feature's hash, one bit that says whether it is weak, and 16 bits of count.
 */
struct counts {
	uint64_t slots[SLOTS];		 /* 0: free */
	uint16_t order[SLOTS_USED_MOST]; /* the used ones, as they came */
	size_t used;
};

#define COUNT_MOST UINT64_C(0xffff)
#define WEAK UINT64_C(0x10000)
#define FEATURE (~(COUNT_MOST | WEAK))
#define MINUS UINT64_C(0x20000) /* a feature's sign */

/* Words that say nothing of what an English text is about. */
static const char *const common_words[] = {
	"a",	"an",	"and",	 "are",	  "as",	   "at",    "be",  "but",
	"by",	"can",	"do",	 "does",  "for",   "from",  "had", "has",
	"have", "he",	"her",	 "his",	  "how",   "i",	    "if",  "in",
	"into", "is",	"it",	 "its",	  "my",	   "no",    "not", "of",
	"on",	"or",	"our",	 "she",	  "so",	   "that",  "the", "their",
	"them", "then", "there", "these", "they",  "this",  "to",  "was",
	"we",	"were", "what",	 "when",  "where", "which", "who", "will",
	"with", "you",	"your",
};

static pthread_once_t common_once = PTHREAD_ONCE_INIT;
static uint64_t common[COMMON_SLOTS]; /* by their hash; 0: free */

/* The end of SplitMix64: every bit of h decides half the bits of the result. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

/* FNV-1a, 64 bits, and mixed; never 0. */
static uint64_t hash_word(struct wr_str word)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < word.len; i++)
		h = (h ^ (unsigned char)word.ptr[i]) * 0x100000001b3u;
	h = mix(h);
	return h ? h : 1;
}

/* The order counts. */
static uint64_t hash_pair(uint64_t first, uint64_t second)
{
	uint64_t h = mix(first * 0x9e3779b97f4a7c15u + second);

	return h ? h : 1;
}

/* Where a feature goes: the upper half of its hash, spread over dim places. */
static size_t place_of(uint64_t feature, size_t dim)
{
	return (size_t)((feature >> 32) * dim >> 32);
}

static void common_init(void)
{
	size_t n = sizeof(common_words) / sizeof(*common_words);

	for (size_t i = 0; i < n; i++) {
		const char *word = common_words[i];
		uint64_t h = hash_word((struct wr_str){ word, strlen(word) });
		size_t at = h >> 56;

		while (common[at % COMMON_SLOTS])
			at++;
		common[at % COMMON_SLOTS] = h;
	}
}

static bool is_common(uint64_t word)
{
	for (size_t at = word >> 56; common[at % COMMON_SLOTS]; at++)
		if (common[at % COMMON_SLOTS] == word)
			return true;
	return false;
}

/* Add the features up in out, and forget them. */
static void counts_flush(struct counts *counts, float *out, size_t dim)
{
	for (size_t i = 0; i < counts->used; i++) {
		uint64_t *slot = &counts->slots[counts->order[i]];
		float weight = sqrtf((float)(*slot & COUNT_MOST)) *
			       (*slot & WEAK ? UNIT / COMMON : UNIT);
		float sign = 1 - 2 * (float)((*slot & MINUS) != 0);

		out[place_of(*slot, dim)] += sign * truncf(weight);
		*slot = 0;
	}
	counts->used = 0;
}

static void counts_add(struct counts *counts, uint64_t feature, bool weak,
		       float *out, size_t dim)
{
	size_t at = (size_t)(feature >> 20) % SLOTS;
	uint64_t name = (feature & FEATURE) | (weak ? WEAK : 0), *slot;

	while ((slot = &counts->slots[at]), *slot) {
		if (((*slot ^ name) & ~COUNT_MOST) == 0) {
			*slot += (*slot & COUNT_MOST) < COUNT_MOST;
			return;
		}
		at = (at + 1) % SLOTS;
	}
	*slot = name | 1;
	counts->order[counts->used++] = (uint16_t)at;
	if (counts->used == SLOTS_USED_MOST)
		counts_flush(counts, out, dim);
}

void hash_embed(struct wr_str text, float *out, size_t dim)
{
	struct counts counts;
	struct text_words walk;
	struct text_word word;
	uint64_t first = 0, last = 0, now;
	bool last_weak = false, weak;

	pthread_once(&common_once, common_init);
	if (!dim)
		return;
	memset(out, 0, dim * sizeof(*out));
	memset(counts.slots, 0, sizeof(counts.slots));
	counts.used = 0;
	text_words_init(&walk, text);
	while (text_words_next(&walk, &word)) {
		now = hash_word(word.folded);
		weak = is_common(now);
		counts_add(&counts, now, weak, out, dim);
		if (last)
			counts_add(&counts, hash_pair(last, now),
				   last_weak || weak, out, dim);
		else
			first = now;
		last = now;
		last_weak = weak;
	}
	counts_flush(&counts, out, dim);
	/* Opposite signs in one place: rare, and with few dimensions only. */
	if (first && !vector_is_sound(out, dim))
		out[place_of(first, dim)] = 1;
	vector_normalise(out, dim);
}

/* ---------------------------------------------------------- the embedder -- */

/* Worker thread. */
static void hash_texts(struct work *work, struct work_job *job)
{
	struct embed_op *op = job->op;

	(void)work;
	for (size_t i = 0; i < op->n; i++) {
		if (atomic_load(&job->cancelled)) {
			error_set(&job->error, WR_ECANCELED, 0, WHERE,
				  "cancelled");
			return;
		}
		hash_embed(op->texts[i], op->vectors + i * op->dim, op->dim);
	}
}

static int hash_open(void **self, const struct embedder_config *config,
		     struct embedder_identity *id, struct wr_error *err)
{
	uint32_t dim = config->dim;
	struct work *work;
	int status;

	if (!dim && config->opts)
		dim = config->opts->dim;
	if (!dim)
		dim = HASH_DIM;
	status = identity_check_dim(dim, WHERE, err);
	if (status)
		return status;
	work = mem_alloc(sizeof(*work));
	if (!work)
		return error_nomem(err, WHERE);
	work_init(work, config->loop, dim, hash_texts);
	*id = (struct embedder_identity){ .name = "hash",
					  .model = HASH_MODEL,
					  .dim = dim };
	*self = work;
	return 0;
}

static void hash_close(void *self)
{
	mem_free(self);
}

const struct embedder_ops hash_embedder = {
	.scheme = "hash",
	.max_batch = 64,
	.open = hash_open,
	.run = work_run,
	.cancel = work_cancel,
	.close = hash_close,
};
