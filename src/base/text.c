#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

/* What a character is to the words around it. */
enum role {
	ROLE_BREAK,  /* stands between words */
	ROLE_LETTER, /* or digit */
	ROLE_ALONE,  /* a word by itself */
	ROLE_MARK,   /* belongs to the one before it */
	ROLE_HIDDEN  /* a hint for line breaks or joins: not there */
};

static enum role ascii_role(unsigned char c)
{
	return (c >= '0' && c <= '9') ||
			       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		       ? ROLE_LETTER
		       : ROLE_BREAK;
}

struct range {
	utf8proc_int32_t first, last;
};

static bool is_in(utf8proc_int32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c <= ranges[i].last)
			return c >= ranges[i].first;
	return false;
}

/* Ideographs and kana, which are written without blanks between words. */
static bool is_alone(utf8proc_int32_t c)
{
	static const struct range ranges[] = {
		{ 0x3005, 0x3007 }, { 0x3021, 0x3029 },	  { 0x3031, 0x3035 },
		{ 0x3038, 0x303c }, { 0x3041, 0x30ff },	  { 0x31f0, 0x31ff },
		{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff },	  { 0xf900, 0xfaff },
		{ 0xff66, 0xff9f }, { 0x1aff0, 0x1b16f }, { 0x20000, 0x3ffff },
	};

	return is_in(c, ranges, sizeof(ranges) / sizeof(ranges[0]));
}

/*
 * Marks that readers leave out: accents, Hebrew points, Arabic vowel signs.
 * Those of Indic scripts, Thai or kana make another word.
 */
static bool is_accent(utf8proc_int32_t c)
{
	static const struct range ranges[] = {
		{ 0x0300, 0x036f },   { 0x0483, 0x0489 }, { 0x0591, 0x05c7 },
		{ 0x0610, 0x061a },   { 0x064b, 0x065f }, { 0x0670, 0x0670 },
		{ 0x06d6, 0x06ed },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
		{ 0x20d0, 0x20ff },   { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
		{ 0xe0100, 0xe01ef },
	};

	return is_in(c, ranges, sizeof(ranges) / sizeof(ranges[0]));
}

static bool is_mark(utf8proc_category_t category)
{
	return category == UTF8PROC_CATEGORY_MN ||
	       category == UTF8PROC_CATEGORY_MC ||
	       category == UTF8PROC_CATEGORY_ME;
}

static bool is_letter_or_digit(utf8proc_category_t category)
{
	switch (category) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
		return true;
	default:
		return false;
	}
}

static enum role role_of(utf8proc_int32_t c)
{
	utf8proc_category_t category;

	if (c < 0x80)
		return ascii_role((unsigned char)c);
	/* Soft hyphen, zero width (non-)joiner. */
	if (c == 0xad || c == 0x200c || c == 0x200d)
		return ROLE_HIDDEN;
	/* The half-width forms of kana's two marks are letters to Unicode. */
	if (c == 0xff9e || c == 0xff9f)
		return ROLE_MARK;
	category = utf8proc_category(c);
	if (is_mark(category))
		return ROLE_MARK;
	if (!is_letter_or_digit(category))
		return ROLE_BREAK;
	return is_alone(c) ? ROLE_ALONE : ROLE_LETTER;
}

/* The character at w->at; *next is where the one after it starts. */
static enum role look(const struct text_words *w, utf8proc_int32_t *c,
		      size_t *next)
{
	const char *p = w->text.ptr + w->at;
	size_t left = w->text.len - w->at;
	utf8proc_ssize_t n;

	if (!left) {
		*next = w->at;
		return ROLE_BREAK;
	}
	*c = (unsigned char)*p;
	*next = w->at + 1;
	if (*c < 0x80)
		return ascii_role((unsigned char)*p);
	n = utf8proc_iterate((const utf8proc_uint8_t *)p,
			     left < 4 ? (utf8proc_ssize_t)left : 4, c);
	if (n <= 0)
		return ROLE_BREAK;
	*next = w->at + (size_t)n;
	return role_of(*c);
}

/* A word under construction: the folded form, until it is full. */
struct fold {
	char *to;
	size_t len, room;
	bool full;
};

static void fold_bytes(struct fold *f, const void *p, size_t n)
{
	if (n > f->room - f->len)
		f->full = true;
	if (f->full)
		return;
	memcpy(f->to + f->len, p, n);
	f->len += n;
}

/* Compatibility forms taken apart, case folded, accents left out. */
static void fold_char(struct fold *f, utf8proc_int32_t c)
{
	const int how =
		UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD;
	utf8proc_int32_t parts[32]; /* the longest has 18 */
	int bound = 0;
	utf8proc_ssize_t n;

	n = utf8proc_decompose_char(c, parts, 32, (utf8proc_option_t)how,
				    &bound);
	for (utf8proc_ssize_t i = 0; i < n && i < 32; i++) {
		utf8proc_category_t category = utf8proc_category(parts[i]);
		utf8proc_uint8_t bytes[4];
		utf8proc_ssize_t len;

		if (is_accent(parts[i]) ||
		    (!is_mark(category) && !is_letter_or_digit(category)))
			continue;
		len = utf8proc_encode_char(parts[i], bytes);
		if (len > 0)
			fold_bytes(f, bytes, (size_t)len);
	}
}

/* Letters and digits of ASCII, where most words end. */
static void fold_ascii_run(struct text_words *w, struct fold *f)
{
	while (w->at < w->text.len) {
		unsigned char c = (unsigned char)w->text.ptr[w->at];

		if (c >= 0x80 || ascii_role(c) != ROLE_LETTER)
			break;
		/* Bit 5 is set in digits, and tells the cases apart. */
		c |= 0x20;
		fold_bytes(f, &c, 1);
		w->at++;
	}
}

/* From the first character of a word on; says where its last one ends. */
static size_t fold_word(struct text_words *w, struct fold *f)
{
	utf8proc_int32_t c = 0;
	size_t next, end = w->at;
	enum role first = look(w, &c, &next), role = first;

	do {
		if (c < 0x80) {
			fold_ascii_run(w, f);
		} else {
			w->at = next;
			if (role != ROLE_HIDDEN)
				fold_char(f, c);
		}
		if (role != ROLE_HIDDEN)
			end = w->at;
		role = look(w, &c, &next);
	} while (role == ROLE_MARK || role == ROLE_HIDDEN ||
		 (role == ROLE_LETTER && first == ROLE_LETTER));
	return end;
}

void text_words_init(struct text_words *w, struct wr_str text)
{
	w->text = text;
	w->at = 0;
}

bool text_words_next(struct text_words *w, struct text_word *word)
{
	while (w->at < w->text.len) {
		struct fold f = { .to = w->folded, .room = sizeof(w->folded) };
		utf8proc_int32_t c;
		size_t next, start = w->at;
		enum role role = look(w, &c, &next);

		if (role != ROLE_LETTER && role != ROLE_ALONE) {
			w->at = next;
			continue;
		}
		word->raw.ptr = w->text.ptr + start;
		word->raw.len = fold_word(w, &f) - start;
		word->folded = (struct wr_str){ w->folded, f.len };
		if (f.len)
			return true;
	}
	return false;
}
