#include "record/query.h"

#include "base/buf.h"
#include "base/text.h"
#include <stdint.h>
#include <string.h>

enum {
	TERMS_MOST = 64,
	WORDS_MOST = 64 /* of a term; a longer phrase is cut */
};

/* What is left of the query. */
struct scanner {
	const char *p, *end;
};

/* Bytes of the quotation mark at p, in any of its common forms; 0: none. */
static size_t quote_len(const char *p, const char *end)
{
	if (*p == '"')
		return 1;
	/* U+201C .. U+201F, as text processors set them */
	if (end - p >= 3 && !memcmp(p, "\xe2\x80", 2) &&
	    (unsigned char)p[2] >= 0x9c && (unsigned char)p[2] <= 0x9f)
		return 3;
	return 0;
}

/* Bytes of the blank at p, the wide one of CJK text among them; 0: none. */
static size_t blank_len(const char *p, const char *end)
{
	if ((unsigned char)*p <= ' ')
		return 1;
	if (end - p >= 2 && !memcmp(p, "\xc2\xa0", 2))
		return 2;
	if (end - p >= 3 && !memcmp(p, "\xe3\x80\x80", 3))
		return 3;
	return 0;
}

static struct wr_str take_phrase(struct scanner *in)
{
	const char *start = in->p;
	size_t mark = 0;

	while (in->p < in->end && !(mark = quote_len(in->p, in->end)))
		in->p++;
	in->p += mark;
	return (struct wr_str){ start, (size_t)(in->p - start) - mark };
}

static struct wr_str take_word(struct scanner *in)
{
	const char *start = in->p;

	while (in->p < in->end && !blank_len(in->p, in->end) &&
	       !quote_len(in->p, in->end))
		in->p++;
	return (struct wr_str){ start, (size_t)(in->p - start) };
}

/* The next term's text: false at the end. */
static bool take_term(struct scanner *in, struct wr_str *text, bool *negated)
{
	size_t n;

	*negated = false;
	while (in->p < in->end && (n = blank_len(in->p, in->end)))
		in->p += n;
	if (in->p == in->end)
		return false;
	if (*in->p == '-' && in->p + 1 < in->end &&
	    !blank_len(in->p + 1, in->end)) {
		*negated = true;
		in->p++;
	}
	n = quote_len(in->p, in->end);
	in->p += n;
	*text = n ? take_phrase(in) : take_word(in);
	return true;
}

static size_t count_words(struct wr_str text)
{
	struct text_words walk;
	struct text_word word;
	size_t n = 0;

	text_words_init(&walk, text);
	while (n < WORDS_MOST && text_words_next(&walk, &word))
		n++;
	return n;
}

/* A term without words (punctuation alone) is none: term->nwords is 0. */
static int term_init(struct query_term *term, struct wr_str text, bool negated,
		     struct arena *arena)
{
	struct text_words walk;
	struct text_word word;
	size_t n = count_words(text);

	*term = (struct query_term){ .text = text, .negated = negated };
	if (!n)
		return 0;
	term->words = arena_zalloc(arena, n, sizeof(*term->words));
	if (!term->words)
		return WR_ENOMEM;
	text_words_init(&walk, text);
	while (term->nwords < n && text_words_next(&walk, &word))
		if (arena_dup(arena, &term->words[term->nwords++], word.folded))
			return WR_ENOMEM;
	return 0;
}

static int clean_copy(struct wr_str *out, struct wr_str text,
		      struct arena *arena)
{
	uint64_t repaired = 0, nuls = 0;
	struct buf buf = { 0 };
	int status;

	text_clean(&buf, text, &repaired, &nuls);
	status = buf_status(&buf);
	*out = (struct wr_str){ "", 0 };
	if (!status && buf.len)
		status = arena_dup(arena, out, buf_str(&buf));
	buf_release(&buf);
	return status;
}

int query_parse(struct text_query *out, struct wr_str text, struct arena *arena)
{
	struct query_term term;
	struct scanner in;
	bool negated;
	int status;

	memset(out, 0, sizeof(*out));
	status = clean_copy(&text, text, arena);
	if (status)
		return status;
	out->terms = arena_zalloc(arena, TERMS_MOST, sizeof(*out->terms));
	if (!out->terms)
		return WR_ENOMEM;
	in = (struct scanner){ text.ptr, text.ptr + text.len };
	while (out->nterms < TERMS_MOST && take_term(&in, &text, &negated)) {
		status = term_init(&term, text, negated, arena);
		if (status)
			return status;
		if (!term.nwords)
			continue;
		out->terms[out->nterms++] = term;
		out->nwanted += !negated;
	}
	return 0;
}
