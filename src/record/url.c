/*
 * Most URLs are canonical when they come: one scan finds that out.  The others
 * are taken apart and put together again; what hosts may look like (addresses
 * in all their spellings, international names) is left to libcurl.
 */
#include "record/url.h"

#include "base/error.h"
#include "base/str.h"
#include "record/url_host.h"
#include "record/url_query.h"
#include "record/url_text.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	QUOTED = 80,	      /* bytes of a URL that a message shows */
	LONGEST = 4 * URL_MAX /* before dot segments are removed */
};

static const struct scheme {
	const char *name;
	long port; /* the default one */
} schemes[] = {
	/* Their hosts are names of the DNS or addresses, and are required. */
	{ "http", 80 }, { "https", 443 }, { "ftp", 21 },
	{ "ws", 80 },	{ "wss", 443 },
};

static void quote(struct wr_str url, struct wr_str *head, const char **dots)
{
	*head = str_clip(url, QUOTED);
	*dots = head->len < url.len ? "..." : "";
}

static int refuse(struct wr_error *err, struct wr_str url, const char *why)
{
	struct wr_str head;
	const char *dots;

	quote(url, &head, &dots);
	return error_set(err, WR_EDATA, 0, "record", "URL \"%.*s%s\" %s",
			 (int)head.len, head.ptr, dots, why);
}

static int refuse_long(struct wr_error *err, struct wr_str url)
{
	struct wr_str head;
	const char *dots;

	quote(url, &head, &dots);
	return error_set(err, WR_EDATA, 0, "record",
			 "URL of %zu bytes is over the limit of %d; give a "
			 "shorter key: \"%.*s%s\"",
			 url.len, URL_MAX, (int)head.len, head.ptr, dots);
}

/* ------------------------------------------------------- the usual case -- */

/* Behind "http://" or "https://" in lower case; NULL where it is another. */
static const char *web_scheme_skip(struct wr_str url, long *port)
{
	if (url.len > 8 && !memcmp(url.ptr, "https://", 8)) {
		*port = 443;
		return url.ptr + 8;
	}
	if (url.len > 7 && !memcmp(url.ptr, "http://", 7)) {
		*port = 80;
		return url.ptr + 7;
	}
	return NULL;
}

/* Could the segment at p, behind a slash, be "." or ".."? */
static bool is_dot_segment(const char *p, const char *end)
{
	if (p == end || *p != '.')
		return false;
	p++;
	if (p < end && *p == '.')
		p++;
	return p == end || *p == '/' || *p == '?';
}

/*
 * Is it canonical beyond doubt?  One pass; every URL that this accepts is left
 * as it is by the thorough way too.  *query: where one begins, or NULL.
 */
static bool is_canonical(struct wr_str url, const char **query)
{
	const char *end = url.ptr + url.len, *p;
	long port = 0;

	*query = NULL;
	if (url.len > URL_MAX)
		return false;
	p = web_scheme_skip(url, &port);
	if (p)
		p = host_skip_plain(p, end, port);
	if (!p || p == end || *p != '/')
		return false;
	for (; p < end; p++) {
		if (url_is(*p, URL_PLAIN))
			continue;
		if (*p == '/') {
			if (!*query && is_dot_segment(p + 1, end))
				return false;
		} else if (*p == '?') {
			if (!*query)
				*query = p + 1;
		} else if (*p == '%') {
			if (end - p < 3 || !url_is(p[1], URL_HEX) ||
			    !url_is(p[2], URL_HEX) ||
			    url_is((char)url_escape_value(p, end),
				   URL_UNRESERVED))
				return false;
			p += 2;
		} else {
			return false;
		}
	}
	return true;
}

/* ------------------------------------------------------ the thorough way -- */

/* A URL taken apart; everything points into the text. */
struct parts {
	char scheme[32]; /* lower case */
	const struct scheme *known;
	struct wr_str user; /* and password; ptr NULL: none */
	struct wr_str host;
	struct wr_str port; /* digits */
	struct wr_str path;
	struct wr_str query; /* ptr NULL: none */
};

static bool is_space(char c)
{
	return (unsigned char)c <= ' ';
}

/*
 * What a link in a page may have around it and in it, as browsers see it: white
 * space at the ends, line ends and tabs anywhere.  The fragment goes too.
 */
static void strip(struct piece *to, struct wr_str url)
{
	const char *p = url.ptr, *end = url.ptr + url.len, *hash;

	while (p < end && is_space(*p))
		p++;
	while (p < end && is_space(end[-1]))
		end--;
	hash = p < end ? memchr(p, '#', (size_t)(end - p)) : NULL;
	if (hash)
		end = hash;
	for (; p < end && !to->over; p++)
		if (*p != '\t' && *p != '\n' && *p != '\r' && *p != '\0')
			piece_putc(to, *p);
}

static const char *scheme_parse(struct parts *parts, struct wr_str s)
{
	size_t n = 0;

	if (!s.len || !url_is_alpha(*s.ptr))
		return NULL;
	while (n < s.len &&
	       (url_is_alpha(s.ptr[n]) || url_is_digit(s.ptr[n]) ||
		s.ptr[n] == '+' || s.ptr[n] == '-' || s.ptr[n] == '.'))
		n++;
	if (n >= sizeof(parts->scheme) || s.len - n < 3 ||
	    memcmp(s.ptr + n, "://", 3) != 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		parts->scheme[i] = url_lower(s.ptr[i]);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (!strcmp(schemes[i].name, parts->scheme))
			parts->known = &schemes[i];
	return s.ptr + n + 3;
}

/* user@host:port; false where it is none. */
static bool authority_parse(struct parts *parts, struct wr_str s)
{
	const char *end = s.ptr + s.len;
	const char *at = s.len ? memrchr(s.ptr, '@', s.len) : NULL;
	const char *host = at ? at + 1 : s.ptr, *colon = NULL;
	size_t len;

	if (s.len && memchr(s.ptr, '\\', s.len))
		return false; /* a slash to browsers, and a trap to others */
	if (at && at > s.ptr && !(at == s.ptr + 1 && *s.ptr == ':'))
		parts->user = (struct wr_str){ s.ptr, (size_t)(at - s.ptr) };
	len = (size_t)(end - host);
	if (len && *host == '[') {
		const char *close = memchr(host, ']', len);

		if (!close || (close + 1 < end && close[1] != ':'))
			return false;
		colon = close + 1 < end ? close + 1 : NULL;
	} else if (len) {
		colon = memrchr(host, ':', len);
	}
	parts->host =
		(struct wr_str){ host, (size_t)((colon ? colon : end) - host) };
	if (!colon)
		return true;
	for (colon++; colon < end && *colon == '0' && colon + 1 < end;)
		colon++;
	parts->port = (struct wr_str){ colon, (size_t)(end - colon) };
	for (const char *p = colon; p < end; p++)
		if (!url_is_digit(*p))
			return false;
	return parts->port.len < 5 ||
	       (parts->port.len == 5 && memcmp(colon, "65535", 5) <= 0);
}

/* NULL, or what is wrong with it. */
static const char *parts_parse(struct parts *parts, struct wr_str s)
{
	const char *end = s.ptr + s.len, *p = scheme_parse(parts, s), *q;

	if (!p)
		return "has no scheme and host; give all of it, or a key "
		       "instead";
	for (q = p; q < end && *q != '/' && *q != '?';)
		q++;
	if (!authority_parse(parts, (struct wr_str){ p, (size_t)(q - p) }))
		return "has no valid host and port";
	if (!parts->host.len && parts->known)
		return "has no host; give all of it, or a key instead";
	p = q;
	for (q = p; q < end && *q != '?';)
		q++;
	parts->path = (struct wr_str){ p, (size_t)(q - p) };
	if (q < end)
		parts->query = (struct wr_str){ q + 1, (size_t)(end - q - 1) };
	return NULL;
}

static int authority_add(struct piece *out, const struct parts *parts)
{
	bool local =
		!strcmp(parts->scheme, "file") &&
		parts->host.len == strlen("localhost") &&
		!strncasecmp(parts->host.ptr, "localhost", parts->host.len);
	char port[8];
	int status = 0;

	if (parts->user.ptr) {
		piece_add_encoded(out, parts->user, "/?@[]");
		piece_putc(out, '@');
	}
	if (parts->host.len && *parts->host.ptr == '[')
		status = host_add_literal(out, parts->host);
	else if (parts->known)
		status = host_add_name(out, parts->host);
	else if (!local)
		status = host_add_other(out, parts->host);
	if (status || !parts->port.len)
		return status;
	memcpy(port, parts->port.ptr, parts->port.len);
	port[parts->port.len] = '\0';
	if (parts->known && strtol(port, NULL, 10) == parts->known->port)
		return 0;
	piece_putc(out, ':');
	piece_add(out, port, parts->port.len);
	return 0;
}

/* RFC 3986, section 5.2.4; in place, for a path that begins with a slash. */
static size_t dot_segments_remove(char *path, size_t len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		const char *slash =
			memchr(path + from + 1, '/', len - from - 1);
		size_t next = slash ? (size_t)(slash - path) : len;
		size_t n = next - from; /* with the slash in front */

		if (n == 2 && path[from + 1] == '.') {
			if (next == len)
				path[to++] = '/';
		} else if (n == 3 && path[from + 1] == '.' &&
			   path[from + 2] == '.') {
			while (to && path[--to] != '/')
				;
			if (next == len)
				path[to++] = '/';
		} else {
			memmove(path + to, path + from, n);
			to += n;
		}
		from = next;
	}
	return to;
}

static int parts_join(struct piece *out, const struct parts *parts,
		      enum wr_urls mode)
{
	size_t path;
	int status;

	piece_add(out, parts->scheme, strlen(parts->scheme));
	piece_add(out, "://", 3);
	status = authority_add(out, parts);
	if (status)
		return status;
	path = out->len;
	if (!parts->path.len)
		piece_putc(out, '/');
	piece_add_encoded(out, parts->path, "?");
	if (out->over)
		return 0;
	out->len = path + dot_segments_remove(out->ptr + path, out->len - path);
	if (!parts->query.ptr)
		return 0;
	piece_putc(out, '?');
	path = out->len;
	piece_add_encoded(out, parts->query, "");
	if (out->over || mode != WR_URLS_AGGRESSIVE)
		return 0;
	out->len = path + url_query_tidy(out->ptr + path,
					 (struct wr_str){ out->ptr + path,
							  out->len - path });
	if (out->len == path)
		out->len--; /* the question mark */
	return 0;
}

static int canonical_make(struct wr_str *out, struct wr_str url,
			  enum wr_urls mode, struct arena *arena,
			  struct wr_error *err)
{
	char stripped[LONGEST], made[LONGEST];
	struct piece in = { stripped, 0, sizeof(stripped), false };
	struct piece to = { made, 0, sizeof(made), false };
	struct parts parts = { 0 };
	const char *wrong;
	int status;

	strip(&in, url);
	if (in.over)
		return refuse_long(err, url);
	if (!in.len)
		return refuse(err, url,
			      "is empty; a record needs one, or a key");
	wrong = parts_parse(&parts, (struct wr_str){ in.ptr, in.len });
	if (wrong)
		return refuse(err, url, wrong);
	status = parts_join(&to, &parts, mode);
	if (status == WR_ENOMEM)
		return error_nomem(err, "record");
	if (status)
		return refuse(err, url, "has no valid host");
	if (to.over || to.len > URL_MAX)
		return refuse_long(err, url);
	if (to.len == url.len && !memcmp(to.ptr, url.ptr, to.len)) {
		*out = url;
		return 0;
	}
	if (arena_dup(arena, out, (struct wr_str){ to.ptr, to.len }))
		return error_nomem(err, "record");
	return 0;
}

/* ------------------------------------------------------------- the door -- */

/* A canonical URL whose query begins at query. */
static int query_make(struct wr_str *out, struct wr_str url, const char *query,
		      struct arena *arena, struct wr_error *err)
{
	char text[URL_MAX];
	size_t head = (size_t)(query - url.ptr), len;

	memcpy(text, url.ptr, url.len);
	len = url_query_tidy(text + head,
			     (struct wr_str){ text + head, url.len - head });
	len = len ? head + len : head - 1; /* the question mark */
	*out = url;
	if (len == url.len && !memcmp(text, url.ptr, len))
		return 0;
	if (arena_dup(arena, out, (struct wr_str){ text, len }))
		return error_nomem(err, "record");
	return 0;
}

int url_canonical(struct wr_str *out, struct wr_str url, enum wr_urls mode,
		  struct arena *arena, struct wr_error *err)
{
	const char *query;

	if (!url.ptr || !url.len)
		return error_set(err, WR_EDATA, 0, "record",
				 "URL is empty; a record needs one, or a key");
	if (mode == WR_URLS_AS_GIVEN) {
		if (url.len > URL_MAX)
			return refuse_long(err, url);
		*out = url;
		return 0;
	}
	if (!is_canonical(url, &query))
		return canonical_make(out, url, mode, arena, err);
	if (mode == WR_URLS_AGGRESSIVE && query)
		return query_make(out, url, query, arena, err);
	*out = url;
	return 0;
}

struct wr_str url_host(struct wr_str url)
{
	const char *p = url.len ? memmem(url.ptr, url.len, "://", 3) : NULL;
	const char *end = p ? url.ptr + url.len : NULL, *q, *at, *colon;

	/* Only a scheme stands before it: other keys have no host. */
	for (q = url.ptr; p && q < p; q++)
		if (!url_is_alpha(*q) && !url_is_digit(*q) && *q != '+' &&
		    *q != '-' && *q != '.')
			return (struct wr_str){ "", 0 };
	if (!p || p == url.ptr)
		return (struct wr_str){ "", 0 };
	p += 3;
	for (q = p; q < end && *q != '/' && *q != '?' && *q != '#';)
		q++;
	at = memrchr(p, '@', (size_t)(q - p));
	if (at)
		p = at + 1;
	colon = memrchr(p, ':', (size_t)(q - p));
	if (colon && (*p != '[' || colon[-1] == ']'))
		q = colon;
	return (struct wr_str){ p, (size_t)(q - p) };
}
