#include "pipeline/fuse.h"

#include "base/str.h"

#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
	const struct document *x = a, *y = b;

	return str_cmp(x->key, y->key);
}

static int by_score(const void *a, const void *b)
{
	const struct document *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return str_cmp(x->key, y->key);
}

static double rank_score(uint32_t rank)
{
	return rank ? 1.0 / (FUSE_K + rank) : 0;
}

/* The same document from both rankings becomes one; docs are sorted by key. */
static size_t merge_twins(struct document *docs, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (k && str_eq(docs[k - 1].key, docs[i].key)) {
			struct document *twin = &docs[k - 1];

			/* Prefer the snippet that full text made. */
			if (docs[i].rank_text)
				twin->snippet = docs[i].snippet;
			twin->rank_text += docs[i].rank_text;
			twin->rank_vector += docs[i].rank_vector;
			continue;
		}
		docs[k++] = docs[i];
	}
	return k;
}

int fuse(struct result *text, struct result *vector, uint32_t limit)
{
	size_t n = text->ndocs;
	struct document *doc;

	for (size_t i = 0; i < n; i++)
		text->docs[i].rank_text = (uint32_t)i + 1;
	for (size_t i = 0; i < vector->ndocs; i++) {
		doc = result_add(text);
		if (!doc)
			return WR_ENOMEM;
		*doc = vector->docs[i];
		doc->rank_vector = (uint32_t)i + 1;
	}
	if (!text->ndocs)
		return 0;
	qsort(text->docs, text->ndocs, sizeof(*text->docs), by_key);
	text->ndocs = merge_twins(text->docs, text->ndocs);
	for (size_t i = 0; i < text->ndocs; i++) {
		doc = &text->docs[i];
		doc->score = rank_score(doc->rank_text) +
			     rank_score(doc->rank_vector);
	}
	qsort(text->docs, text->ndocs, sizeof(*text->docs), by_score);
	if (text->ndocs > limit)
		text->ndocs = limit;
	return 0;
}
