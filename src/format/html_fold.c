#include "format/html_fold.h"

#include <stdint.h>

/* What windows-1252 has at 0x80 .. 0x9f, which is what "&#150;" means. */
static const uint16_t c1_means[32] = {
	0x20ac, 0,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,	0x017d, 0,
	0,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,	0x017e, 0x0178,
};

void fold_ask(struct fold *f, enum fold_gap gap)
{
	if (!f->fresh && f->gap < gap)
		f->gap = gap;
}

void fold_break(struct fold *f)
{
	fold_ask(f, f->gap >= GAP_LINE ? GAP_PARA : GAP_LINE);
}

void fold_open(struct fold *f, enum fold_gap gap)
{
	if (f->gap < gap)
		f->gap = gap;
	f->fresh = true;
}

void fold_close(struct fold *f, enum fold_gap gap)
{
	f->fresh = false;
	if (f->gap > gap)
		f->gap = gap;
}

void fold_open_pre(struct fold *f)
{
	if (!f->pre++)
		f->pre_begun = false;
}

void fold_close_pre(struct fold *f)
{
	struct buf *b = f->out;

	if (!f->pre || --f->pre || !f->pre_begun)
		return;
	while (b->len > f->pre_from &&
	       (b->ptr[b->len - 1] == '\n' || b->ptr[b->len - 1] == ' ' ||
		b->ptr[b->len - 1] == '\t'))
		b->len--;
	/* Nothing is there where memory ran out. */
	if (b->ptr)
		b->ptr[b->len] = '\0';
}

/* The gap, now that something follows it. */
static void write_gap(struct fold *f)
{
	static const char *const gaps[] = { "", " ", "\t", "\n", "\n\n" };

	if (f->gap != GAP_NONE && f->out->len)
		buf_puts(f->out, gaps[f->gap]);
	f->lines += f->gap >= GAP_LINE;
	f->paras += f->gap == GAP_PARA;
	f->gap = GAP_NONE;
	f->fresh = false;
	if (f->pre && !f->pre_begun) {
		f->pre_begun = true;
		f->pre_from = f->out->len;
	}
}

static void put(struct fold *f, const char *p, size_t n)
{
	if (f->gap != GAP_NONE || f->pre || f->fresh)
		write_gap(f);
	buf_add(f->out, p, n);
}

/* Fold, or keep in a <pre>: one ASCII blank. */
static void put_blank(struct fold *f, char c)
{
	if (!f->pre) {
		fold_ask(f, GAP_SPACE);
	} else if (c != '\r' && (c != '\n' || f->pre_begun)) {
		put(f, &c, 1);
		f->lines += c == '\n';
	}
}

static void put_char(struct fold *f, uint32_t c)
{
	char s[3];

	if (c < 0x800) {
		s[0] = (char)(0xc0 | c >> 6);
		s[1] = (char)(0x80 | (c & 0x3f));
		put(f, s, 2);
		return;
	}
	s[0] = (char)(0xe0 | c >> 12);
	s[1] = (char)(0x80 | (c >> 6 & 0x3f));
	s[2] = (char)(0x80 | (c & 0x3f));
	put(f, s, 3);
}

/* A character of two bytes that begins with 0xc2: U+0080 to U+00BF. */
static void put_latin(struct fold *f, const char *p)
{
	unsigned char c = (unsigned char)p[1];

	if (c == 0xa0) /* no-break space */
		put_blank(f, ' ');
	else if (c < 0xa0 && c1_means[c & 0x1f])
		put_char(f, c1_means[c & 0x1f]);
	else if (c > 0xa0 && c != 0xad) /* soft hyphen */
		put(f, p, 2);
}

/* The spaces and invisible characters among those of three bytes. */
static void put_three(struct fold *f, const char *p)
{
	unsigned a = (unsigned char)p[0], b = (unsigned char)p[1],
		 c = (unsigned char)p[2];
	uint32_t code = (a & 0x0f) << 12 | (b & 0x3f) << 6 | (c & 0x3f);

	if ((code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
	    code == 0x205f || code == 0x3000)
		put_blank(f, ' ');
	else if (code == 0x2028 || code == 0x2029)
		fold_ask(f, GAP_LINE);
	else if (code != 0x200b && code != 0x2060 && code != 0xfeff)
		put(f, p, 3);
}

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c != 0x7f && c != 0xc2 && c != 0xe2 && c != 0xe3 &&
	       c != 0xef;
}

void fold_text(struct fold *f, struct wr_str text)
{
	const char *p = text.ptr, *end = p + text.len, *run;

	while (p < end) {
		for (run = p; p < end && is_plain((unsigned char)*p);)
			p++;
		if (p > run)
			put(f, run, (size_t)(p - run));
		if (p == end)
			break;
		switch ((unsigned char)*p) {
		case 0xc2:
			if (end - p >= 2)
				put_latin(f, p);
			p += end - p < 2 ? end - p : 2;
			break;
		case 0xe2:
		case 0xe3:
		case 0xef:
			if (end - p >= 3)
				put_three(f, p);
			p += end - p < 3 ? end - p : 3;
			break;
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			put_blank(f, *p++);
			break;
		default: /* another control character */
			p++;
		}
	}
}
