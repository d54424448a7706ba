/*
 * text.h - UTF-8 and words (utf8proc is included by text.c alone).
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "buf.h"
#include "windrow.h"
#include <stdbool.h>
#include <stdint.h>

/* Is it valid UTF-8 without a NUL byte?  ASCII passes at memory speed. */
bool text_is_clean(struct wr_str s);

/*
 * Append s with each broken sequence (overlong forms, surrogates and code
 * points over U+10FFFF among them) replaced by U+FFFD, as the Unicode Standard
 * recommends (maximal subparts), and NUL bytes removed.  Both are counted.
 */
void text_clean(struct buf *out, struct wr_str s, uint64_t *repaired,
		uint64_t *nuls);

/*
 * Walks over the words of a clean text: runs of letters, marks and digits, in
 * folded case, without accents.  A CJK ideograph or kana is a word by itself.
 */
struct text_words {
	struct wr_str text;
	size_t at;
	char folded[256]; /* a longer word is cut */
};

struct text_word {
	struct wr_str raw;    /* inside the text */
	struct wr_str folded; /* until the next call */
};

void text_words_init(struct text_words *w, struct wr_str text);
bool text_words_next(struct text_words *w, struct text_word *word);

#endif
