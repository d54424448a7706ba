#include "record/url_host.h"

#include "record/url.h"
#include <curl/curl.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>

const char *host_skip_plain(const char *p, const char *end, long default_port)
{
	const char *label = p;
	long port = 0;

	if (p == end || *p == '.')
		return NULL;
	for (; p < end && url_is(*p, URL_HOST); p++)
		if (*p == '.')
			label = p + 1;
	if (p == label || url_is_digit(*label))
		return NULL;
	if (p < end && *p == ':') {
		const char *digits = ++p;

		for (; p < end && url_is_digit(*p) && p - digits < 6; p++)
			port = port * 10 + (*p - '0');
		if (p == digits || (*digits == '0' && p - digits > 1) ||
		    port > 65535 || port == default_port)
			return NULL;
	}
	return p;
}

static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;
static locale_t utf8;

static void utf8_open(void)
{
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/*
 * The name of u's host in ASCII.  libcurl takes an international name to be in
 * the charset of the locale, and a key must not depend on the user's.
 */
static CURLUcode host_in_ascii(CURLU *u, char **host)
{
	locale_t before = (locale_t)0;
	CURLUcode rc;

	pthread_once(&utf8_once, utf8_open);
	if (utf8)
		before = uselocale(utf8);
	rc = curl_url_get(u, CURLUPART_HOST, host, CURLU_PUNYCODE);
	if (utf8)
		uselocale(before);
	return rc;
}

/* Through libcurl: a name in ASCII, or an address in its usual form. */
static int host_parse(struct piece *host)
{
	static const char prefix[] = "http://";
	char text[sizeof(prefix) + URL_MAX];
	char *name = NULL, *zone = NULL;
	int status = WR_EDATA;
	CURLU *u = NULL;
	CURLUcode rc;

	if (host->len >= URL_MAX)
		goto out;
	memcpy(text, prefix, sizeof(prefix) - 1);
	memcpy(text + sizeof(prefix) - 1, host->ptr, host->len);
	text[sizeof(prefix) - 1 + host->len] = '\0';

	status = WR_ENOMEM;
	u = curl_url();
	if (!u)
		goto out;
	rc = curl_url_set(u, CURLUPART_URL, text, 0);
	if (!rc)
		rc = curl_url_get(u, CURLUPART_ZONEID, &zone, 0);
	if (!rc || rc == CURLUE_NO_ZONEID)
		rc = host_in_ascii(u, &name);
	if (rc == CURLUE_OUT_OF_MEMORY) {
		/*
		 * It says so too where IDNA does not know the name, and some
		 * versions then leave a copy of it behind.
		 */
		curl_free(name);
		name = NULL;
		rc = curl_url_get(u, CURLUPART_HOST, &name, 0);
		if (rc == CURLUE_OUT_OF_MEMORY)
			goto out;
	}
	status = rc ? WR_EDATA : 0;
	if (rc)
		goto out;
	host->len = 0;
	piece_add(host, name, strlen(name));
	if (zone) {
		host->len--; /* the bracket */
		piece_add(host, "%25", 3);
		piece_add(host, zone, strlen(zone));
		piece_putc(host, ']');
	}
out:
	curl_free(zone);
	curl_free(name);
	curl_url_cleanup(u);
	return status;
}

static void host_trim(struct piece *host)
{
	while (host->len && host->ptr[host->len - 1] == '.')
		host->len--;
	for (size_t i = 0; i < host->len; i++)
		host->ptr[i] = url_lower(host->ptr[i]);
}

static void host_decode(struct piece *to, struct wr_str host)
{
	const char *end = host.ptr + host.len;

	for (const char *p = host.ptr; p < end; p++) {
		int c = url_escape_value(p, end);

		piece_putc(to, c >= 0 ? (char)c : *p);
		if (c >= 0)
			p += 2;
	}
	host_trim(to);
}

/* The legal characters of a name in the DNS, or bytes beyond ASCII. */
static bool host_is_name(const struct piece *host)
{
	for (size_t i = 0; i < host->len; i++)
		if (!url_is(host->ptr[i], URL_HOST) && !(host->ptr[i] & 0x80))
			return false;
	return host->len > 0;
}

int host_add_literal(struct piece *out, struct wr_str host)
{
	char room[URL_MAX];
	struct piece text = { room, 0, sizeof(room), false };
	int status;

	piece_add(&text, host.ptr, host.len);
	if (text.over || text.len < 2 || room[text.len - 1] != ']')
		return WR_EDATA;
	for (size_t i = 1; i + 1 < text.len; i++)
		if (!url_is(room[i], URL_UNRESERVED) && room[i] != ':' &&
		    room[i] != '%')
			return WR_EDATA;
	status = host_parse(&text);
	if (status)
		return status;
	for (size_t i = 0; i < text.len; i++)
		room[i] = url_lower(room[i]);
	piece_add(out, text.ptr, text.len);
	return text.over ? WR_EDATA : 0;
}

/*
 * What libcurl makes of a name may have yet another form
 * (full-width digits become an address, which has its own spellings), so it is
 * asked until it changes nothing.
 */
int host_add_name(struct piece *out, struct wr_str host)
{
	enum { ROUNDS = 4 };
	char room[URL_MAX], last[URL_MAX];
	struct piece name = { room, 0, sizeof(room), false };
	size_t last_len = 0;
	int status;

	host_decode(&name, host);
	for (int i = 0; i < ROUNDS; i++) {
		const char *end = name.ptr + name.len;

		if (name.over || !host_is_name(&name))
			return WR_EDATA;
		if (host_skip_plain(name.ptr, end, 0) == end ||
		    (i && name.len == last_len &&
		     !memcmp(name.ptr, last, last_len)))
			break;
		last_len = name.len;
		memcpy(last, name.ptr, last_len);
		status = host_parse(&name);
		if (status)
			return status;
		host_trim(&name);
	}
	piece_add_encoded(out, (struct wr_str){ name.ptr, name.len }, "");
	return 0;
}

int host_add_other(struct piece *out, struct wr_str host)
{
	size_t start = out->len;

	piece_add_encoded(out, host, ":@[]/?");
	for (size_t i = start; i < out->len; i++) {
		if (out->ptr[i] == '%')
			i += 2; /* in upper case */
		else
			out->ptr[i] = url_lower(out->ptr[i]);
	}
	return 0;
}
