/*
 * A parser of our own: on the bulk path a general library was the costliest
 * step of reading a page, could not be lenient without a second pass, and took
 * its memory elsewhere.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/json_number.h"
#include "base/json_tree.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include <stdlib.h>

struct root {
	struct json value; /* first: a root is used as its value */
	struct arena arena;
};

struct parser {
	const char *at, *end;
	struct arena *arena;
	/* The members of all containers that are still open. */
	struct json_pair *open;
	size_t nopen, room;
	struct buf scratch; /* a string with escapes, while it is read */
	struct json_repairs repairs;
	unsigned depth;
	const char *problem; /* with WR_EDATA */
};

static int parse_value(struct parser *ps, struct json *out);

static int refuse(struct parser *ps, const char *problem)
{
	ps->problem = problem;
	return WR_EDATA;
}

static void skip_blanks(struct parser *ps)
{
	while (ps->at < ps->end && (*ps->at == ' ' || *ps->at == '\t' ||
				    *ps->at == '\n' || *ps->at == '\r'))
		ps->at++;
}

static bool take(struct parser *ps, char c)
{
	if (ps->at == ps->end || *ps->at != c)
		return false;
	ps->at++;
	return true;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Is one of eight bytes not ASCII, a control character, a quote or a \ ? */
static bool has_special(uint64_t w)
{
	uint64_t quote = w ^ EACH_BYTE('"');
	uint64_t slash = w ^ EACH_BYTE('\\');
	uint64_t found = ((w - EACH_BYTE(0x20)) & ~w) |
			 ((quote - EACH_BYTE(1)) & ~quote) |
			 ((slash - EACH_BYTE(1)) & ~slash) | w;

	return found & EACH_BYTE(0x80);
}

/* Where the characters that stand for themselves end. */
static const char *skip_plain(const char *p, const char *end)
{
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		uint64_t w;

		if (c >= 0x80) {
			bool ok;
			size_t n = utf8_step(p, (size_t)(end - p), &ok);

			if (!ok)
				break;
			p += n;
			continue;
		}
		if (c < 0x20 || c == '"' || c == '\\')
			break;
		p++;
		for (; end - p >= 8; p += 8) {
			memcpy(&w, p, 8);
			if (has_special(w))
				break;
		}
	}
	return p;
}

static void put_char(struct buf *b, uint32_t c)
{
	char s[4];
	size_t n = 0;

	if (c < 0x80) {
		s[n++] = (char)c;
	} else {
		if (c < 0x800) {
			s[n++] = (char)(0xc0 | c >> 6);
		} else {
			if (c < 0x10000) {
				s[n++] = (char)(0xe0 | c >> 12);
			} else {
				s[n++] = (char)(0xf0 | c >> 18);
				s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
			}
			s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		}
		s[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_add(b, s, n);
}

/* The four hexadecimal digits at p. */
static bool read_hex(const char *p, const char *end, uint32_t *out)
{
	uint32_t v = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* Behind "\u". */
static int parse_code_point(struct parser *ps)
{
	uint32_t c, low;

	if (!read_hex(ps->at, ps->end, &c))
		return refuse(ps, "a broken \\u escape");
	ps->at += 4;
	if (c == 0) {
		ps->repairs.nul++;
		return 0;
	}
	if (c >= 0xd800 && c < 0xdc00 && ps->end - ps->at >= 6 &&
	    ps->at[0] == '\\' && ps->at[1] == 'u' &&
	    read_hex(ps->at + 2, ps->end, &low) && low >= 0xdc00 &&
	    low < 0xe000) {
		ps->at += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xd800 && c < 0xe000) {
		ps->repairs.utf8++;
		c = 0xfffd;
	}
	put_char(&ps->scratch, c);
	return 0;
}

/* Behind a backslash. */
static int parse_escape(struct parser *ps)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (ps->at == ps->end)
		return refuse(ps, "a string without an end");
	c = *ps->at++;
	if (c == 'u')
		return parse_code_point(ps);
	found = memchr(from, c, sizeof(from) - 1);
	if (!found) {
		ps->at--;
		return refuse(ps, "an unknown escape");
	}
	buf_putc(&ps->scratch, to[found - from]);
	return 0;
}

/* A character that cannot be taken over as it is; not the closing quote. */
static int parse_special(struct parser *ps)
{
	unsigned char c = (unsigned char)*ps->at;
	bool ok;

	if (c == '\\') {
		ps->at++;
		return parse_escape(ps);
	}
	if (c == 0) {
		ps->at++;
		ps->repairs.nul++;
		return 0;
	}
	if (c < 0x20)
		return refuse(ps, "a control character in a string");
	ps->at += utf8_step(ps->at, (size_t)(ps->end - ps->at), &ok);
	ps->repairs.utf8++;
	put_char(&ps->scratch, 0xfffd);
	return 0;
}

/* Behind the opening quote. */
static int parse_string(struct parser *ps, struct wr_str *out)
{
	const char *start = ps->at;
	int rc;

	ps->at = skip_plain(ps->at, ps->end);
	if (ps->at < ps->end && *ps->at == '"') {
		*out = (struct wr_str){ start, (size_t)(ps->at - start) };
		ps->at++;
		return arena_dup(ps->arena, out, *out);
	}
	buf_clear(&ps->scratch);
	while (ps->at < ps->end) {
		buf_add(&ps->scratch, start, (size_t)(ps->at - start));
		if (take(ps, '"')) {
			if (buf_status(&ps->scratch))
				return WR_ENOMEM;
			*out = buf_str(&ps->scratch);
			return arena_dup(ps->arena, out, *out);
		}
		rc = parse_special(ps);
		if (rc)
			return rc;
		start = ps->at;
		ps->at = skip_plain(ps->at, ps->end);
	}
	return refuse(ps, "a string without an end");
}

static int parse_number(struct parser *ps, struct json *out)
{
	struct wr_str text = { ps->at, (size_t)(ps->end - ps->at) };
	size_t used;
	int rc;

	rc = json_number_read(text, &used, &ps->scratch, out);
	if (rc == WR_EINVAL)
		return refuse(ps, "something that is no value");
	if (rc == WR_EDATA)
		return refuse(ps, "a number out of range");
	ps->at += used;
	return rc;
}

static int parse_word(struct parser *ps, const char *word, struct json *out,
		      struct json value)
{
	size_t n = strlen(word);

	if ((size_t)(ps->end - ps->at) < n || memcmp(ps->at, word, n))
		return refuse(ps, "something that is no value");
	ps->at += n;
	*out = value;
	return 0;
}

static int push(struct parser *ps, const struct json_pair *pair)
{
	if (ps->nopen == ps->room) {
		size_t room = ps->room ? ps->room * 2 : 32;
		void *p = mem_resize(ps->open, room, sizeof(*ps->open));

		if (!p)
			return WR_ENOMEM;
		ps->open = p;
		ps->room = room;
	}
	ps->open[ps->nopen++] = *pair;
	return 0;
}

static int close_list(struct parser *ps, size_t base, struct json *out)
{
	size_t n = ps->nopen - base;
	struct json *items = arena_zalloc(ps->arena, n, sizeof(*items));

	if (!items)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++)
		items[i] = ps->open[base + i].value;
	ps->nopen = base;
	*out = (struct json){ .kind = JSON_LIST, .count = n, .items = items };
	return 0;
}

static int parse_list(struct parser *ps, struct json *out)
{
	struct json_pair item = { { 0 } };
	size_t base = ps->nopen;
	int rc;

	skip_blanks(ps);
	if (take(ps, ']'))
		return close_list(ps, base, out);
	for (;;) {
		rc = parse_value(ps, &item.value);
		if (!rc)
			rc = push(ps, &item);
		if (rc)
			return rc;
		skip_blanks(ps);
		if (take(ps, ']'))
			return close_list(ps, base, out);
		if (!take(ps, ','))
			return refuse(ps, "no comma between items");
	}
}

/* By name, then by place in the text. */
static int compare_members(const void *x, const void *y)
{
	const struct json_pair *a = x, *b = y;
	int c = str_cmp(a->name, b->name);

	if (c)
		return c;
	return (a->value.order > b->value.order) -
	       (a->value.order < b->value.order);
}

static int close_object(struct parser *ps, size_t base, struct json *out)
{
	size_t n = ps->nopen - base, kept = 0;
	struct json_pair *from = NULL, *members;

	if (n)
		from = ps->open + base;
	if (n > 1)
		qsort(from, n, sizeof(*from), compare_members);
	/* Of equal names the last one stays. */
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || !str_eq(from[i].name, from[i + 1].name))
			from[kept++] = from[i];
	members = arena_zalloc(ps->arena, kept, sizeof(*members));
	if (!members)
		return WR_ENOMEM;
	if (kept)
		memcpy(members, from, kept * sizeof(*members));
	ps->nopen = base;
	*out = (struct json){ .kind = JSON_OBJECT,
			      .count = kept,
			      .members = members };
	return 0;
}

static int parse_member(struct parser *ps, uint32_t order)
{
	struct json_pair member;
	int rc;

	skip_blanks(ps);
	if (!take(ps, '"'))
		return refuse(ps, "no name of a member");
	rc = parse_string(ps, &member.name);
	if (rc)
		return rc;
	skip_blanks(ps);
	if (!take(ps, ':'))
		return refuse(ps, "no colon behind a name");
	rc = parse_value(ps, &member.value);
	if (rc)
		return rc;
	member.value.order = order;
	return push(ps, &member);
}

static int parse_object(struct parser *ps, struct json *out)
{
	size_t base = ps->nopen;
	uint32_t order = 0;
	int rc;

	skip_blanks(ps);
	if (take(ps, '}'))
		return close_object(ps, base, out);
	for (;;) {
		rc = parse_member(ps, order++);
		if (rc)
			return rc;
		skip_blanks(ps);
		if (take(ps, '}'))
			return close_object(ps, base, out);
		if (!take(ps, ','))
			return refuse(ps, "no comma between members");
	}
}

static int parse_container(struct parser *ps, struct json *out)
{
	bool is_list = *ps->at == '[';
	int rc;

	if (ps->depth == JSON_DEPTH_MOST)
		return refuse(ps, "too deep a nesting");
	ps->depth++;
	ps->at++;
	rc = is_list ? parse_list(ps, out) : parse_object(ps, out);
	ps->depth--;
	return rc;
}

static int parse_value(struct parser *ps, struct json *out)
{
	skip_blanks(ps);
	if (ps->at == ps->end)
		return refuse(ps, "an end where a value should be");
	switch (*ps->at) {
	case '{':
	case '[':
		return parse_container(ps, out);
	case '"':
		ps->at++;
		*out = (struct json){ .kind = JSON_TEXT };
		return parse_string(ps, &out->text);
	case 't':
		return parse_word(
			ps, "true", out,
			(struct json){ .kind = JSON_BOOL, .truth = true });
	case 'f':
		return parse_word(ps, "false", out,
				  (struct json){ .kind = JSON_BOOL });
	case 'n':
		return parse_word(ps, "null", out,
				  (struct json){ .kind = JSON_NULL });
	default:
		return parse_number(ps, out);
	}
}

static int parse_root(struct parser *ps, struct json *out)
{
	int rc;

	if (ps->end - ps->at >= 3 && !memcmp(ps->at, "\xef\xbb\xbf", 3))
		ps->at += 3; /* a byte order mark */
	rc = parse_value(ps, out);
	if (rc)
		return rc;
	skip_blanks(ps);
	return ps->at < ps->end ? refuse(ps, "more behind the value") : 0;
}

static int explain(const struct parser *ps, struct wr_str text,
		   struct wr_error *err)
{
	size_t line = 1, column = 1;

	for (const char *p = text.ptr; p < ps->at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	}
	if (line == 1)
		return error_set(err, WR_EDATA, 0, "json",
				 "not JSON: %s at column %zu", ps->problem,
				 column);
	return error_set(err, WR_EDATA, 0, "json",
			 "not JSON: %s at line %zu, column %zu", ps->problem,
			 line, column);
}

int json_parse(struct json **out, struct wr_str text,
	       struct json_repairs *repairs, struct wr_error *err)
{
	struct parser ps = { .at = text.ptr, .end = text.ptr };
	struct root *root;
	int rc;

	*out = NULL;
	if (text.len > BUF_CAP)
		return error_set(err, WR_EDATA, 0, "json", "over 2 GiB");
	if (text.len)
		ps.end += text.len;
	root = mem_zalloc(1, sizeof(*root));
	if (!root)
		return error_nomem(err, "json");
	ps.arena = &root->arena;
	rc = parse_root(&ps, &root->value);
	mem_free(ps.open);
	buf_release(&ps.scratch);
	if (rc) {
		json_free(&root->value);
		return rc == WR_EDATA ? explain(&ps, text, err)
				      : error_nomem(err, "json");
	}
	if (repairs) {
		repairs->utf8 += ps.repairs.utf8;
		repairs->nul += ps.repairs.nul;
	}
	*out = &root->value;
	return 0;
}

void json_free(struct json *json)
{
	struct root *root = (struct root *)(void *)json;

	if (!root)
		return;
	arena_release(&root->arena);
	mem_free(root);
}
