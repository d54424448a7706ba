/*
 * Two walks over words: one over all of the text, which finds the window with
 * the most to show, and one over that window.  What is remembered is bounded by
 * the window, whatever the text.
 */
#include "record/snippet.h"

#include "base/str.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

enum {
	WORDS_DEFAULT = 32,
	WORDS_MOST = 256,
	WANTED_MOST = 128, /* words of a query */
	BYTES_PER_WORD = 12,
	STEM_LEAST = 4
};

/* A word of the query. */
struct wanted {
	struct wr_str word;
	size_t stem; /* bytes of word that make its stem */
};

struct needle {
	struct wanted words[WANTED_MOST];
	size_t n;
	bool first[256]; /* first bytes of all words */
};

/* A word in the window: where it lies, and which it is of the query. */
struct place {
	size_t start, end;
	int match; /* -1: none */
};

struct window {
	struct place places[WORDS_MOST]; /* a ring */
	size_t size;
	size_t count; /* words seen so far */
	unsigned found[WANTED_MOST];
	unsigned matches, kinds;
};

/* The best window so far. */
struct best {
	unsigned score;
	size_t start; /* of its first word, in bytes */
	size_t lead;  /* words before its first match */
	size_t match; /* its first match, in bytes */
	size_t after; /* words of the text behind it */
	size_t total; /* words of the text */
};

/* ---------------------------------------------------------------- words -- */

static bool ends_with(struct wr_str s, const char *suffix, size_t len)
{
	return s.len >= len + STEM_LEAST &&
	       !memcmp(s.ptr + s.len - len, suffix, len);
}

/*
 * Bytes of a word without what inflection puts behind it.  It only has to be
 * the same for the forms of a word, and to leave four letters.
 */
static size_t stem_len(struct wr_str word)
{
	static const char *const suffixes[] = {
		"ations", "ation", "ating", "ators", "ator", "ated", "ates",
		"ate",	  "ings",  "ions",  "ies",   "ing",  "ion",  "ers",
		"ed",	  "er",	   "es",    "ly",    "s",    "e",    "y",
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t len = strlen(suffixes[i]);

		if (ends_with(word, suffixes[i], len))
			return word.len - len;
	}
	return word.len;
}

static void needle_add(struct needle *needle, struct wr_str word)
{
	if (!word.len || needle->n == WANTED_MOST)
		return;
	for (size_t i = 0; i < needle->n; i++)
		if (str_eq(needle->words[i].word, word))
			return;
	needle->words[needle->n++] = (struct wanted){ word, stem_len(word) };
	needle->first[(unsigned char)*word.ptr] = true;
}

static void needle_init(struct needle *needle, const struct text_query *query)
{
	needle->n = 0;
	memset(needle->first, 0, sizeof(needle->first));
	for (size_t i = 0; query && i < query->nterms; i++) {
		const struct query_term *term = &query->terms[i];

		for (size_t k = 0; !term->negated && k < term->nwords; k++)
			needle_add(needle, term->words[k]);
	}
}

/* Which word of the query it is, or a form of; -1: none. */
static int needle_find(const struct needle *needle, struct wr_str word)
{
	size_t stem = 0;

	if (!word.len || !needle->first[(unsigned char)*word.ptr])
		return -1;
	for (size_t i = 0; i < needle->n; i++) {
		const struct wanted *w = &needle->words[i];

		if (str_eq(w->word, word))
			return (int)i;
		if (w->stem < STEM_LEAST || word.len < w->stem ||
		    memcmp(w->word.ptr, word.ptr, w->stem) != 0)
			continue;
		if (!stem)
			stem = stem_len(word);
		if (w->stem == stem)
			return (int)i;
	}
	return -1;
}

/* --------------------------------------------------------------- window -- */

static void window_forget(struct window *w, const struct place *old)
{
	if (old->match < 0)
		return;
	w->matches--;
	w->kinds -= !--w->found[old->match];
}

static void window_add(struct window *w, struct place place)
{
	struct place *slot = &w->places[w->count % w->size];

	if (w->count >= w->size)
		window_forget(w, slot);
	*slot = place;
	w->count++;
	if (place.match < 0)
		return;
	w->matches++;
	w->kinds += !w->found[place.match]++;
}

/* Different words count more than any number of the same. */
static unsigned window_score(const struct window *w)
{
	return w->kinds * (WORDS_MOST + 1) + w->matches;
}

static void best_take(struct best *best, const struct window *w)
{
	size_t n = w->count < w->size ? w->count : w->size;
	size_t first = w->count - n;

	best->score = window_score(w);
	best->after = 0;
	best->start = w->places[first % w->size].start;
	for (size_t i = 0; i < n; i++) {
		const struct place *place = &w->places[(first + i) % w->size];

		if (place->match < 0)
			continue;
		best->lead = i;
		best->match = place->start;
		break;
	}
}

static size_t offset_in(struct wr_str text, struct wr_str word)
{
	return (size_t)(word.ptr - text.ptr);
}

static struct best search(struct wr_str text, const struct needle *needle,
			  size_t size)
{
	struct best best = { 0 };
	struct window w = { .size = size };
	struct text_words walk;
	struct text_word word;

	if (!needle->n)
		return best;
	text_words_init(&walk, text);
	while (text_words_next(&walk, &word)) {
		struct place place = { offset_in(text, word.raw), 0,
				       needle_find(needle, word.folded) };

		place.end = place.start + word.raw.len;
		window_add(&w, place);
		best.after++;
		best.total++;
		if (place.match >= 0 && window_score(&w) > best.score)
			best_take(&best, &w);
	}
	return best;
}

/* --------------------------------------------------------------- output -- */

/* A snippet in the making; white space waits until something follows it. */
struct writer {
	struct buf *out;
	size_t left; /* bytes that it may still have */
	bool begun, blank, full;
};

static bool is_blank(unsigned char c)
{
	return c <= ' ' || c == 0x7f;
}

/* Bytes of the character at p. */
static size_t char_len(const char *p, size_t left)
{
	size_t n = 1;

	while (n < left && n < 4 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void writer_blank(struct writer *w)
{
	if (w->blank && w->begun)
		buf_putc(w->out, ' ');
	w->blank = false;
	w->begun = true;
}

static void writer_add(struct writer *w, struct wr_str s)
{
	for (size_t i = 0, n; i < s.len && !w->full; i += n) {
		n = char_len(s.ptr + i, s.len - i);
		if (is_blank((unsigned char)s.ptr[i])) {
			w->blank = true;
			continue;
		}
		if (n + w->blank > w->left) {
			w->full = true;
			return;
		}
		w->left -= n + w->blank;
		writer_blank(w);
		buf_add(w->out, s.ptr + i, n);
	}
}

static void writer_mark(struct writer *w, struct wr_str word,
			const struct snippet_style *style)
{
	if (w->full || word.len + w->blank > w->left) {
		writer_add(w, word); /* what fits of it */
		return;
	}
	w->left -= w->blank;
	writer_blank(w);
	buf_add_str(w->out, style->start);
	writer_add(w, word);
	buf_add_str(w->out, style->end);
}

static struct wr_str slice(struct wr_str text, size_t from, size_t to)
{
	return (struct wr_str){ text.ptr + from, to - from };
}

static bool has_more(struct wr_str text, size_t from)
{
	while (from < text.len && is_blank((unsigned char)text.ptr[from]))
		from++;
	return from < text.len;
}

/* The end of what clings to the word that ends at from: "word)." */
static size_t cling(struct wr_str text, size_t from)
{
	while (from < text.len && !is_blank((unsigned char)text.ptr[from]))
		from++;
	return from;
}

/* Has it at most so many bytes, white space between two words counting one? */
static bool is_short(struct wr_str text, size_t bytes)
{
	size_t n = 0;
	bool blank = false;

	for (size_t i = 0; i < text.len && n <= bytes; i++) {
		bool was_blank = blank;

		blank = is_blank((unsigned char)text.ptr[i]);
		n += !blank + (was_blank && !blank && n);
	}
	return n <= bytes;
}

/*
 * Where to begin, so that the matches stand in the middle: the window ends with
 * its last match, and what leads up to the first one is more than is needed.
 */
static size_t choose_start(struct wr_str text, const struct best *best,
			   size_t words, size_t bytes)
{
	size_t skip = best->lead / 2, start = best->start;
	struct text_words walk;
	struct text_word word;

	/* What can be shown as a whole is. */
	if (!best->score || (best->total <= words && is_short(text, bytes)))
		return 0;
	skip = skip < best->after ? skip : best->after;
	text_words_init(&walk, slice(text, best->start, text.len));
	while (text_words_next(&walk, &word)) {
		start = best->start + offset_in(walk.text, word.raw);
		if (start >= best->match)
			break;
		if (!skip && best->match - start <= bytes / 2)
			break;
		skip -= skip > 0;
	}
	return start;
}

/* Is there nothing but a quotation mark or so before the first word? */
static bool is_beginning(struct wr_str text, size_t start)
{
	enum { SHORT = 32 };
	struct text_words walk;
	struct text_word word;

	if (start > SHORT)
		return false;
	text_words_init(&walk, slice(text, 0, start));
	return !text_words_next(&walk, &word);
}

/* Write so many words from at on; returns where they end. */
static size_t write_words(struct writer *w, struct wr_str text, size_t at,
			  const struct needle *needle,
			  const struct snippet_style *style, size_t words)
{
	struct wr_str rest = slice(text, at, text.len);
	struct text_words walk;
	struct text_word word;
	size_t n = 0;

	text_words_init(&walk, rest);
	while (!w->full && text_words_next(&walk, &word)) {
		size_t start = (size_t)(word.raw.ptr - text.ptr);

		if (n++ == words) {
			size_t end = cling(text, at);

			end = end < start ? end : start;
			writer_add(w, slice(text, at, end));
			return end;
		}
		writer_add(w, slice(text, at, start));
		at = start + word.raw.len;
		if (needle_find(needle, word.folded) >= 0)
			writer_mark(w, word.raw, style);
		else
			writer_add(w, word.raw);
	}
	writer_add(w, slice(text, at, text.len));
	return text.len;
}

void snippet_write(struct buf *out, struct wr_str text,
		   const struct text_query *query,
		   const struct snippet_style *style)
{
	static const struct snippet_style plain;
	struct writer w = { .out = out };
	struct needle needle;
	struct best best;
	size_t words, start, end;

	if (!style)
		style = &plain;
	words = style->words ? style->words : WORDS_DEFAULT;
	words = words < WORDS_MOST ? words : WORDS_MOST;
	w.left = words * BYTES_PER_WORD + 16;
	needle_init(&needle, query);
	best = search(text, &needle, words);
	start = choose_start(text, &best, words, w.left);
	if (is_beginning(text, start))
		start = 0;
	if (has_more(slice(text, 0, start), 0))
		buf_puts(out, ELLIPSIS);
	end = write_words(&w, text, start, &needle, style, words);
	if (w.full || has_more(text, end))
		buf_puts(out, ELLIPSIS);
}
