#include "format/html_guard.h"

#include <stdbool.h>
#include <string.h>

#include "format/ascii.h"

enum { ATTRIBUTES_MOST = 256 };

/* What ends text that holds no tags. */
enum end { END_COMMENT, END_SCRIPT, END_STYLE, END_KINDS };

static const char *const ends[END_KINDS] = { "-->", "</script", "</style" };

/* The page from at on. */
struct scan {
	char *p;
	size_t at, len;
	bool none[END_KINDS]; /* no such end comes any more: looking for it
				 again and again would take for ever */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool looking_at(const struct scan *s, const char *what)
{
	return ascii_starts((struct wr_str){ s->p + s->at, s->len - s->at },
			    what);
}

static void skip_blanks(struct scan *s)
{
	while (s->at < s->len && is_blank(s->p[s->at]))
		s->at++;
}

/*
 * To the end, or nowhere if there is none: parsers differ on what that means.
 * Each end begins with two bytes that are the same in either case of letters.
 */
static void skip_to(struct scan *s, enum end end)
{
	size_t from = s->at;
	const char *p;

	if (s->none[end])
		return;
	while ((p = memmem(s->p + s->at, s->len - s->at, ends[end], 2))) {
		s->at = (size_t)(p - s->p);
		if (looking_at(s, ends[end]))
			return;
		s->at++;
	}
	s->none[end] = true;
	s->at = from;
}

static void skip_value(struct scan *s)
{
	char quote = s->at < s->len ? s->p[s->at] : '\0';
	const char *p;

	if (quote == '"' || quote == '\'') {
		s->at++;
		p = memchr(s->p + s->at, quote, s->len - s->at);
		s->at = p ? (size_t)(p - s->p) + 1 : s->len;
		return;
	}
	while (s->at < s->len && !is_blank(s->p[s->at]) && s->p[s->at] != '>')
		s->at++;
}

static void skip_attribute(struct scan *s)
{
	s->at++;
	while (s->at < s->len && !is_blank(s->p[s->at]) && s->p[s->at] != '=' &&
	       s->p[s->at] != '>' && s->p[s->at] != '/')
		s->at++;
	skip_blanks(s);
	if (s->at < s->len && s->p[s->at] == '=') {
		s->at++;
		skip_blanks(s);
		skip_value(s);
	}
}

/* Behind a tag whose name starts here; true if it ended in "/>". */
static bool skip_tag(struct scan *s)
{
	unsigned attributes = 0;
	bool slash = false;
	size_t from;

	while (s->at < s->len && !is_blank(s->p[s->at]) && s->p[s->at] != '>' &&
	       s->p[s->at] != '/')
		s->at++;
	while (s->at < s->len && s->p[s->at] != '>') {
		if (is_blank(s->p[s->at]) || s->p[s->at] == '/') {
			slash = s->p[s->at++] == '/';
			continue;
		}
		from = s->at;
		slash = false;
		skip_attribute(s);
		if (++attributes > ATTRIBUTES_MOST)
			memset(s->p + from, ' ', s->at - from);
	}
	return slash;
}

static void guard_tag(struct scan *s)
{
	bool script = looking_at(s, "script"), style = looking_at(s, "style");
	bool closed = skip_tag(s);

	if (script && !closed)
		skip_to(s, END_SCRIPT);
	else if (style && !closed)
		skip_to(s, END_STYLE);
}

static void guard_tags(struct scan *s)
{
	const char *p;

	while ((p = memchr(s->p + s->at, '<', s->len - s->at))) {
		s->at = (size_t)(p - s->p) + 1;
		if (looking_at(s, "!-->") || looking_at(s, "!--->"))
			continue; /* a comment that is over at once */
		if (looking_at(s, "!--"))
			skip_to(s, END_COMMENT);
		else if (s->at < s->len && ascii_is_letter(s->p[s->at]))
			guard_tag(s);
	}
}

void html_guard(char *page, size_t len)
{
	struct scan s = { page, 0, len };

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)page[i];

		if ((c < 0x20 && !is_blank(page[i])) || c == 0x7f)
			page[i] = ' ';
	}
	guard_tags(&s);
}
