#include "format/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "format/ascii.h"

/* Declarations are looked for in this many bytes; browsers take 1,024. */
enum { PRESCAN = 4096 };

/*
 * What pages call a character set, and what iconv() calls the one that they
 * mean, after the WHATWG Encoding Standard.  Only these are ever loaded.
 */
static const struct {
	const char *label, *name;
} charsets[] = {
	{ "utf-8", "UTF-8" },
	{ "utf8", "UTF-8" },
	{ "unicode-1-1-utf-8", "UTF-8" },
	/* A page that says so in ASCII is not written in it. */
	{ "utf-16", "UTF-8" },
	{ "utf-16le", "UTF-8" },
	{ "utf-16be", "UTF-8" },
	{ "windows-1252", "CP1252" },
	{ "cp1252", "CP1252" },
	{ "x-cp1252", "CP1252" },
	{ "iso-8859-1", "CP1252" },
	{ "iso8859-1", "CP1252" },
	{ "iso_8859-1", "CP1252" },
	{ "latin1", "CP1252" },
	{ "l1", "CP1252" },
	{ "ascii", "CP1252" },
	{ "us-ascii", "CP1252" },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "latin2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "CP1254" },
	{ "latin5", "CP1254" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-11", "CP874" },
	{ "tis-620", "CP874" },
	{ "windows-874", "CP874" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "latin-9", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "windows-1250", "CP1250" },
	{ "cp1250", "CP1250" },
	{ "windows-1251", "CP1251" },
	{ "cp1251", "CP1251" },
	{ "windows-1253", "CP1253" },
	{ "windows-1254", "CP1254" },
	{ "windows-1255", "CP1255" },
	{ "windows-1256", "CP1256" },
	{ "windows-1257", "CP1257" },
	{ "windows-1258", "CP1258" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
	{ "ibm866", "CP866" },
	{ "cp866", "CP866" },
	{ "macintosh", "MACINTOSH" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "gb18030", "GB18030" },
	{ "x-gbk", "GB18030" },
	{ "big5", "BIG5-HKSCS" },
	{ "big5-hkscs", "BIG5-HKSCS" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "sjis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "windows-31j", "CP932" },
	{ "euc-jp", "EUC-JP" },
	{ "x-euc-jp", "EUC-JP" },
	{ "iso-2022-jp", "ISO-2022-JP" },
	{ "euc-kr", "CP949" },
	{ "ks_c_5601-1987", "CP949" },
	{ "windows-949", "CP949" },
};

/* iconv's name, or NULL where the label is not known. */
static const char *charset_named(struct wr_str label)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(*charsets); i++)
		if (ascii_is(label, charsets[i].label))
			return charsets[i].name;
	return NULL;
}

/* Where word (in lower case) stands in s, or NULL. */
static const char *find_word(struct wr_str s, const char *word)
{
	for (; s.len; s.ptr++, s.len--)
		if (ascii_starts(s, word))
			return s.ptr;
	return NULL;
}

static struct wr_str behind(struct wr_str s, const char *p)
{
	return (struct wr_str){ p, (size_t)(s.ptr + s.len - p) };
}

static bool is_label_byte(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == ':' ||
	       c == '.' || c == '+';
}

/* The value of name="value" in a tag, quoted or not. */
static struct wr_str value_of(struct wr_str tag, const char *name)
{
	struct wr_str v = { 0 };
	const char *p;

	while ((p = find_word(tag, name))) {
		tag = behind(tag, p + strlen(name));
		while (tag.len && ascii_is_blank(*tag.ptr))
			tag = behind(tag, tag.ptr + 1);
		if (!tag.len || *tag.ptr != '=')
			continue;
		tag = behind(tag, tag.ptr + 1);
		while (tag.len && (ascii_is_blank(*tag.ptr) ||
				   *tag.ptr == '"' || *tag.ptr == '\''))
			tag = behind(tag, tag.ptr + 1);
		v.ptr = tag.ptr;
		while (v.len < tag.len && is_label_byte(tag.ptr[v.len]))
			v.len++;
		return v;
	}
	return v;
}

/* From here to the end of the tag. */
static struct wr_str tag_at(struct wr_str page, const char *p)
{
	struct wr_str rest = behind(page, p);
	const char *end = memchr(rest.ptr, '>', rest.len);

	if (end)
		rest.len = (size_t)(end - rest.ptr);
	return rest;
}

/* What a <meta> outside of comments declares. */
static const char *declared_by_meta(struct wr_str head)
{
	struct wr_str rest = head, tag;
	const char *p, *name;

	while ((p = memchr(rest.ptr, '<', rest.len))) {
		rest = behind(rest, p + 1);
		if (str_starts(rest, str_of("!--"))) {
			p = memmem(rest.ptr, rest.len, "-->", 3);
			if (!p)
				return NULL;
			rest = behind(rest, p + 3);
		} else if (rest.len > 4 && ascii_starts(rest, "meta") &&
			   !ascii_is_alnum(rest.ptr[4])) {
			tag = tag_at(rest, rest.ptr);
			name = charset_named(value_of(tag, "charset"));
			if (name)
				return name;
			rest = behind(rest, tag.ptr + tag.len);
		}
		if (!rest.len)
			break;
	}
	return NULL;
}

static const char *declared_by_xml(struct wr_str head)
{
	if (!str_starts(head, str_of("<?xml")))
		return NULL;
	return charset_named(value_of(tag_at(head, head.ptr), "encoding"));
}

/* The character set; *page is moved behind a byte order mark. */
static const char *detect(struct wr_str *page)
{
	struct wr_str head;
	const char *name;

	if (str_starts(*page, (struct wr_str){ "\xef\xbb\xbf", 3 })) {
		*page = behind(*page, page->ptr + 3);
		return "UTF-8";
	}
	if (str_starts(*page, (struct wr_str){ "\xff\xfe", 2 })) {
		*page = behind(*page, page->ptr + 2);
		return "UTF-16LE";
	}
	if (str_starts(*page, (struct wr_str){ "\xfe\xff", 2 })) {
		*page = behind(*page, page->ptr + 2);
		return "UTF-16BE";
	}
	if (str_starts(*page, (struct wr_str){ "<\0", 2 }))
		return "UTF-16LE";
	if (str_starts(*page, (struct wr_str){ "\0<", 2 }))
		return "UTF-16BE";

	head = *page;
	if (head.len > PRESCAN)
		head.len = PRESCAN;
	if ((name = declared_by_meta(head)) || (name = declared_by_xml(head)))
		return name;
	return NULL;
}

/*
 * By iconv(); bytes that it refuses become one U+FFFD each.  Some character
 * sets hold a character back until they are asked without input.
 */
static int convert(struct buf *out, struct wr_str page, iconv_t cd)
{
	/* iconv() takes its input as char **, though it only reads it. */
	union {
		const char *in;
		char *given;
	} p = { page.ptr };
	size_t left = page.len, room, code;
	char chunk[16384], *to;

	for (bool more = true; more;) {
		to = chunk;
		room = sizeof(chunk);
		more = left > 0;
		code = more ? iconv(cd, &p.given, &left, &to, &room)
			    : iconv(cd, NULL, NULL, &to, &room);
		buf_add(out, chunk, sizeof(chunk) - room);
		if (code == (size_t)-1 && errno != E2BIG && left) {
			buf_puts(out, "\xef\xbf\xbd");
			p.in++;
			left--;
		}
	}
	return buf_status(out);
}

/* As UTF-8; with or_else only if it is sound. */
static const char *take_utf8(struct buf *out, struct wr_str page,
			     const char *or_else)
{
	uint64_t repaired = 0, nuls = 0;
	size_t before = out->len;

	text_clean(out, page, &repaired, &nuls);
	if (!or_else || !repaired)
		return NULL;
	out->len = before;
	return or_else;
}

int charset_to_utf8(struct buf *out, struct wr_str page)
{
	const char *name = page.len ? detect(&page) : "UTF-8";
	iconv_t cd = (iconv_t)-1;
	int status;

	if (!name)
		name = take_utf8(out, page, "CP1252");
	else if (!strcmp(name, "UTF-8"))
		name = take_utf8(out, page, NULL);
	if (!name)
		return buf_status(out);

	cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1) {
		take_utf8(out, page, NULL);
		return buf_status(out);
	}
	status = convert(out, page, cd);
	iconv_close(cd);
	return status;
}
