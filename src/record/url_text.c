#include "record/url_text.h"

#include <string.h>

/* RFC 3986, section 2. */
const uint8_t url_class_of[256] = {
	['0' ... '9'] =
		URL_HOST | URL_LEGAL | URL_UNRESERVED | URL_PLAIN | URL_HEX,
	['a' ... 'z'] = URL_HOST | URL_LEGAL | URL_UNRESERVED | URL_PLAIN,
	['A' ... 'F'] = URL_LEGAL | URL_UNRESERVED | URL_PLAIN | URL_HEX,
	['G' ... 'Z'] = URL_LEGAL | URL_UNRESERVED | URL_PLAIN,
	['-'] = URL_HOST | URL_LEGAL | URL_UNRESERVED | URL_PLAIN,
	['.'] = URL_HOST | URL_LEGAL | URL_UNRESERVED | URL_PLAIN,
	['_'] = URL_HOST | URL_LEGAL | URL_UNRESERVED | URL_PLAIN,
	['~'] = URL_HOST | URL_LEGAL | URL_UNRESERVED | URL_PLAIN,
	['!'] = URL_LEGAL | URL_PLAIN,
	['$'] = URL_LEGAL | URL_PLAIN,
	['&'] = URL_LEGAL | URL_PLAIN,
	['\''] = URL_LEGAL | URL_PLAIN,
	['('] = URL_LEGAL | URL_PLAIN,
	[')'] = URL_LEGAL | URL_PLAIN,
	['*'] = URL_LEGAL | URL_PLAIN,
	['+'] = URL_LEGAL | URL_PLAIN,
	[','] = URL_LEGAL | URL_PLAIN,
	[';'] = URL_LEGAL | URL_PLAIN,
	['='] = URL_LEGAL | URL_PLAIN,
	[':'] = URL_LEGAL | URL_PLAIN,
	['@'] = URL_LEGAL | URL_PLAIN,
	['['] = URL_LEGAL | URL_PLAIN, /* in no grammar, but in every query */
	[']'] = URL_LEGAL | URL_PLAIN,
	['/'] = URL_LEGAL, /* may begin a dot segment */
	['?'] = URL_LEGAL, /* ends the path */
};

static int hex_value(char c)
{
	if (url_is_digit(c))
		return c - '0';
	c = url_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_escape_value(const char *p, const char *end)
{
	int high, low;

	if (end - p < 3 || *p != '%')
		return -1;
	high = hex_value(p[1]);
	low = hex_value(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void piece_add(struct piece *to, const char *p, size_t len)
{
	if (len > to->room - to->len) {
		to->over = true;
		return;
	}
	memcpy(to->ptr + to->len, p, len);
	to->len += len;
}

void piece_putc(struct piece *to, char c)
{
	piece_add(to, &c, 1);
}

static void piece_escape(struct piece *to, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[3] = { '%', digits[c >> 4], digits[c & 15] };

	piece_add(to, text, sizeof(text));
}

void piece_add_encoded(struct piece *to, struct wr_str s, const char *reserve)
{
	const char *p = s.ptr, *end = s.ptr + s.len;

	while (p < end && !to->over) {
		int c = url_escape_value(p, end);

		if (c >= 0) {
			if (url_is((char)c, URL_UNRESERVED))
				piece_putc(to, (char)c);
			else
				piece_escape(to, (unsigned char)c);
			p += 3;
			continue;
		}
		if (url_is(*p, URL_LEGAL) && !strchr(reserve, *p))
			piece_putc(to, *p);
		else
			piece_escape(to, (unsigned char)*p);
		p++;
	}
}
