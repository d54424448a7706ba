#include "pages.h"
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 20000, WORD_SIZE = 16 };

struct page_maker {
	uint64_t seed;
	struct {
		char text[WORD_SIZE - 1];
		uint8_t len;
	} words[WORDS]; /* the most frequent first */
};

/* SplitMix64 (Steele et al. 2014). */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t seed_of(const struct page_maker *m, uint64_t i)
{
	uint64_t state = m->seed ^ (i * 0xd1342543de82ef95u);

	return draw(&state);
}

struct page_maker *page_maker_new(uint64_t seed)
{
	static const char onsets[][3] = { "b",	"c",  "d",  "f",  "g",	"h",
					  "l",	"m",  "n",  "p",  "r",	"s",
					  "t",	"v",  "w",  "br", "cr", "tr",
					  "st", "pl", "sh", "th", "ch", "qu" };
	static const char rhymes[][4] = {
		"a",  "e",  "i",  "o",	"u",  "an",  "en", "in", "on",
		"er", "or", "al", "el", "is", "ing", "ea", "ou", "ent"
	};
	struct page_maker *m = bench_alloc(1, sizeof(*m));
	uint64_t state = seed;

	m->seed = seed;
	for (size_t w = 0; w < WORDS; w++) {
		/* Frequent words are short. */
		unsigned syllables =
			1 + (w > 300) + (w > 4000) + draw(&state) % 2;
		char *text = m->words[w].text;
		int len = 0;

		for (unsigned s = 0; s < syllables && len < WORD_SIZE - 6; s++)
			len += snprintf(text + len, WORD_SIZE - 1 - (size_t)len,
					"%s%s", onsets[draw(&state) % 24],
					rhymes[draw(&state) % 18]);
		m->words[w].len = (uint8_t)len;
	}
	return m;
}

void page_maker_free(struct page_maker *m)
{
	free(m);
}

size_t page_url(const struct page_maker *m, uint64_t i, char out[PAGE_URL])
{
	uint64_t x = seed_of(m, i);

	return (size_t)snprintf(
		out, PAGE_URL, "https://site%03u.example/%.8s/%.8s-%llu",
		(unsigned)(x % 1000), m->words[(x >> 10) % WORDS].text,
		m->words[(x >> 30) % WORDS].text, (unsigned long long)i);
}

void page_text(const struct page_maker *m, uint64_t i, char *out, size_t size)
{
	uint64_t state = seed_of(m, i) ^ 0x5851f42d4c957f2du;
	size_t at = 0;
	unsigned in_sentence = 0;

	while (at + WORD_SIZE + 2 < size) {
		uint64_t x = draw(&state);
		/* The product of three is small more often than not. */
		uint64_t a = x & 0xffff, b = x >> 16 & 0xffff,
			 c = x >> 32 & 0xffff;
		size_t w = (size_t)((a * b >> 16) * c * WORDS >> 32);
		size_t len = m->words[w].len;

		memcpy(out + at, m->words[w].text, WORD_SIZE - 1);
		if (!in_sentence && out[at] >= 'a')
			out[at] = (char)(out[at] - 'a' + 'A');
		at += len;
		if (++in_sentence > 8 && (x >> 48) % 8 == 0) {
			out[at++] = '.';
			in_sentence = 0;
		}
		out[at++] = ' ';
	}
	memset(out + at, '.', size - at);
}

void page_numbers(uint64_t seed, float *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float)(int32_t)draw(&seed) / 2147483648.0f;
}

void pages_init(struct pages *p, size_t n, size_t content_bytes, uint64_t seed)
{
	struct page_maker *m = page_maker_new(seed);

	*p = (struct pages){ .n = n };
	p->recs = bench_alloc(n, sizeof(*p->recs));
	p->urls = bench_alloc(n, PAGE_URL);
	p->titles = bench_alloc(n, PAGE_TITLE);
	p->contents = bench_alloc(n, content_bytes);
	p->numbers = bench_alloc(n + PAGE_DIM, sizeof(*p->numbers));
	page_numbers(seed, p->numbers, n + PAGE_DIM);
	for (size_t i = 0; i < n; i++) {
		struct wr_record *rec = &p->recs[i];
		char *url = p->urls + i * PAGE_URL;
		char *title = p->titles + i * PAGE_TITLE;
		char *content = p->contents + i * content_bytes;

		rec->url = (struct wr_str){ url, page_url(m, i, url) };
		page_text(m, i, content, content_bytes);
		rec->content = (struct wr_str){ content, content_bytes };
		memcpy(title, content, 40);
		rec->title = (struct wr_str){ title, 40 };
		rec->embedding = p->numbers + i;
		rec->embedding_dim = PAGE_DIM;
	}
	page_maker_free(m);
}

void pages_release(struct pages *p)
{
	free(p->recs);
	free(p->urls);
	free(p->titles);
	free(p->contents);
	free(p->numbers);
	*p = (struct pages){ 0 };
}
