/*
 * pages.h - generated pages: varied English-like text, addresses, vectors.
 *
 * Everything follows from the seed.  Words are made of syllables and drawn with
 * the skew of a language, so that a full text index has something to do.
 */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <windrow.h>

enum { PAGE_DIM = 384, PAGE_URL = 96, PAGE_TITLE = 96 };

struct page_maker;

struct page_maker *page_maker_new(uint64_t seed);
void page_maker_free(struct page_maker *m);

/* The address of page i; addresses come in no order. */
size_t page_url(const struct page_maker *m, uint64_t i, char out[PAGE_URL]);
/* size bytes of text, of page i. */
void page_text(const struct page_maker *m, uint64_t i, char *out, size_t size);

/* n numbers between -1 and 1, in which vectors overlap: that of page i
   begins with number i. */
void page_numbers(uint64_t seed, float *out, size_t n);

/* n pages in memory, as records, with vectors. */
struct pages {
	size_t n;
	struct wr_record *recs;
	char *urls, *titles, *contents;
	float *numbers; /* the vectors overlap in it */
};

void pages_init(struct pages *p, size_t n, size_t content_bytes, uint64_t seed);
void pages_release(struct pages *p);

#endif
