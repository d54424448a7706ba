/*
 * Searching a mem: store by looking at every document: BM25 (Robertson and
 * Zaragoza 2009) for text, the exact cosine for vectors.
 */
#include "backend/mem_table.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double bm25_k1 = 1.2, bm25_b = 0.75, title_weight = 3.0;

/* A text as the numbers of the query's words; -1: another word. */
struct tokens {
	int32_t *ids;
	size_t n, room;
};

/* What one query needs while it looks at document after document. */
struct text_search {
	const struct text_query *query;
	struct wr_str *words; /* the different words of the query, sorted */
	size_t nwords;
	int32_t **term_ids; /* of term i: nwords numbers */
	double *tf;	    /* of the document that is looked at, by term */
	struct tokens tokens;
	/* Of the whole store. */
	uint64_t ndocs, length;
	uint64_t *df; /* documents with term i */
};

/* A document with a wanted term, while df is not known yet. */
struct candidate {
	const struct mem_doc *doc;
	uint64_t length;
	double *tf; /* in the arrays of candidates */
};

struct candidates {
	struct candidate *items;
	size_t n, room;
	struct arena arena;
};

static int word_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct wr_str *)a, *(const struct wr_str *)b);
}

static int32_t word_id(const struct text_search *s, struct wr_str word)
{
	const struct wr_str *found =
		bsearch(&word, s->words, s->nwords, sizeof(word), word_cmp);

	return found ? (int32_t)(found - s->words) : -1;
}

static int collect_words(struct text_search *s, struct arena *arena)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < s->query->nterms; i++)
		n += s->query->terms[i].nwords;
	s->words = arena_zalloc(arena, n, sizeof(struct wr_str));
	if (!s->words)
		return WR_ENOMEM;
	n = 0;
	for (size_t i = 0; i < s->query->nterms; i++)
		for (size_t j = 0; j < s->query->terms[i].nwords; j++)
			s->words[n++] = s->query->terms[i].words[j];
	qsort(s->words, n, sizeof(struct wr_str), word_cmp);
	for (size_t i = 0; i < n; i++)
		if (!kept || !str_eq(s->words[kept - 1], s->words[i]))
			s->words[kept++] = s->words[i];
	s->nwords = kept;
	return 0;
}

static int text_search_init(struct text_search *s,
			    const struct text_query *query, struct arena *arena)
{
	memset(s, 0, sizeof(*s));
	s->query = query;
	s->df = arena_zalloc(arena, query->nterms, sizeof(*s->df));
	s->tf = arena_zalloc(arena, query->nterms, sizeof(*s->tf));
	s->term_ids = arena_zalloc(arena, query->nterms, sizeof(int32_t *));
	if (!s->df || !s->tf || !s->term_ids || collect_words(s, arena))
		return WR_ENOMEM;
	for (size_t i = 0; i < query->nterms; i++) {
		const struct query_term *term = &query->terms[i];

		s->term_ids[i] =
			arena_zalloc(arena, term->nwords, sizeof(int32_t));
		if (!s->term_ids[i])
			return WR_ENOMEM;
		for (size_t j = 0; j < term->nwords; j++)
			s->term_ids[i][j] = word_id(s, term->words[j]);
	}
	return 0;
}

static int tokenise(struct text_search *s, struct wr_str text)
{
	struct tokens *to = &s->tokens;
	struct text_words words;
	struct text_word word;

	to->n = 0;
	text_words_init(&words, text);
	while (text_words_next(&words, &word)) {
		if (to->n == to->room) {
			size_t room = to->room ? to->room * 2 : 1024;
			int32_t *ids = mem_resize(to->ids, room, sizeof(*ids));

			if (!ids)
				return WR_ENOMEM;
			to->ids = ids;
			to->room = room;
		}
		to->ids[to->n++] = word_id(s, word.folded);
	}
	return 0;
}

/* How often is term i, as a phrase, in the tokens? */
static size_t count_term(const struct text_search *s, size_t i)
{
	const struct tokens *t = &s->tokens;
	size_t nwords = s->query->terms[i].nwords, found = 0;

	for (size_t at = 0; at + nwords <= t->n; at++)
		found += !memcmp(t->ids + at, s->term_ids[i],
				 nwords * sizeof(int32_t));
	return found;
}

static int count_field(struct text_search *s, struct wr_str text, double weight,
		       uint64_t *length)
{
	if (tokenise(s, text))
		return WR_ENOMEM;
	*length += s->tokens.n;
	for (size_t i = 0; i < s->query->nterms; i++)
		s->tf[i] += weight * (double)count_term(s, i);
	return 0;
}

/* Does the document that was looked at last answer the query? */
static bool is_wanted(const struct text_search *s)
{
	bool wanted = false;

	for (size_t i = 0; i < s->query->nterms; i++) {
		if (s->query->terms[i].negated && s->tf[i] > 0)
			return false;
		wanted |= !s->query->terms[i].negated && s->tf[i] > 0;
	}
	return wanted;
}

static int remember(struct candidates *c, const struct text_search *s,
		    const struct mem_doc *doc, uint64_t length)
{
	size_t size = s->query->nterms * sizeof(*s->tf);
	double *tf;

	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		struct candidate *items =
			mem_resize(c->items, room, sizeof(*items));

		if (!items)
			return WR_ENOMEM;
		c->items = items;
		c->room = room;
	}
	tf = arena_alloc(&c->arena, size);
	if (!tf)
		return WR_ENOMEM;
	memcpy(tf, s->tf, size);
	c->items[c->n++] = (struct candidate){ doc, length, tf };
	return 0;
}

/* The statistics are those of the whole store, whatever the filter. */
static int look_at(struct text_search *s, const struct mem_doc *doc,
		   const struct filter *filter, struct candidates *c)
{
	uint64_t length = 0;

	memset(s->tf, 0, s->query->nterms * sizeof(*s->tf));
	if (count_field(s, mem_text_str(doc->title), title_weight, &length) ||
	    count_field(s, mem_text_str(doc->content), 1.0, &length))
		return WR_ENOMEM;
	s->length += length;
	for (size_t i = 0; i < s->query->nterms; i++)
		s->df[i] += s->tf[i] > 0;
	if (!is_wanted(s) || !mem_doc_matches(doc, filter))
		return 0;
	return remember(c, s, doc, length);
}

static double bm25(const struct text_search *s, const struct candidate *c)
{
	double mean = (double)s->length / (double)s->ndocs, score = 0;

	for (size_t i = 0; i < s->query->nterms; i++) {
		double n = (double)s->df[i], tf = c->tf[i], idf, norm;

		if (s->query->terms[i].negated || tf <= 0)
			continue;
		/* A word of every second document still counts a little. */
		idf = fmax(log(((double)s->ndocs - n + 0.5) / (n + 0.5)), 1e-6);
		norm = 1 - bm25_b + bm25_b * (double)c->length / mean;
		score += idf * tf * (bm25_k1 + 1) / (tf + bm25_k1 * norm);
	}
	return score;
}

static int hit_cmp(const void *a, const void *b)
{
	const struct mem_hit *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return str_cmp(mem_text_str(x->doc->key), mem_text_str(y->doc->key));
}

static void best_first(struct mem_hit *hits, size_t *nhits, uint32_t limit)
{
	qsort(hits, *nhits, sizeof(*hits), hit_cmp);
	if (*nhits > limit)
		*nhits = limit;
}

int mem_search_text(const struct mem_table *t, const struct text_query *query,
		    const struct filter *filter, uint32_t limit,
		    struct mem_hit **hits, size_t *nhits)
{
	struct candidates found = { 0 };
	struct arena arena;
	struct text_search s = { 0 };
	int status = 0;

	*hits = NULL;
	*nhits = 0;
	if (!query || !query->nwanted)
		return 0;
	arena_init(&arena);
	arena_init(&found.arena);
	status = text_search_init(&s, query, &arena);
	s.ndocs = t->ndocs;
	for (size_t i = 0; !status && i < t->ndocs; i++)
		status = look_at(&s, t->docs[i], filter, &found);
	if (status)
		goto out;
	*hits = mem_zalloc(found.n, sizeof(**hits));
	if (!*hits) {
		status = WR_ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < found.n; i++)
		(*hits)[i] = (struct mem_hit){ found.items[i].doc,
					       bm25(&s, &found.items[i]) };
	*nhits = found.n;
	best_first(*hits, nhits, limit);
out:
	mem_free(s.tokens.ids);
	mem_free(found.items);
	arena_release(&found.arena);
	arena_release(&arena);
	return status;
}

int mem_search_vector(const struct mem_table *t, const float *vector,
		      const struct filter *filter, uint32_t limit,
		      struct mem_hit **hits, size_t *nhits)
{
	*nhits = 0;
	*hits = mem_zalloc(t->ndocs, sizeof(**hits));
	if (!*hits)
		return WR_ENOMEM;
	for (size_t i = 0; i < t->ndocs; i++) {
		const struct mem_doc *doc = t->docs[i];

		if (!doc->vector || !mem_doc_matches(doc, filter))
			continue;
		(*hits)[(*nhits)++] = (struct mem_hit){
			doc, vector_cosine(vector, doc->vector, t->dim)
		};
	}
	best_first(*hits, nhits, limit);
	return 0;
}
