/*
 * url.h - from a URL as scraped to the key of a document.
 */
#ifndef RECORD_URL_H
#define RECORD_URL_H

#include "base/arena.h"
#include "windrow.h"

enum { URL_MAX = 2048 }; /* bytes, of every key */

/*
 * The canonical form of url, in arena (or url itself where it is canonical
 * already: arena is then not touched).  Modes, see RFC 3986 section 6.2.2:
 *  - WR_URLS_AS_GIVEN: url, byte for byte;
 *  - WR_URLS_CONSERVATIVE (and _DEFAULT): scheme and host in lower case, no
 *    default port, no dot segments, percent-encodings in upper case and only
 *    where they are needed, "/" for an empty path, bytes that a URL cannot hold
 *    percent-encoded, surrounding white space, line ends and tabs inside, and
 *    the fragment dropped.  Hosts of http, https, ftp, ws and wss: addresses in
 *    their usual spelling, international names in ASCII (xn--), no dot at the
 *    end.  The result is ASCII;
 *  - WR_URLS_AGGRESSIVE: also without tracking parameters (utm_*, gclid,
 * fbclid,
 *    ...) and with the others sorted by name, the order of equal names kept.
 * Any scheme with "//" behind it will do ("file:///x", "s3://bucket/x").
 * Canonicalising twice changes nothing.
 * WR_EDATA: empty, over URL_MAX, no scheme, no host or a bad one; says which.
 */
int url_canonical(struct wr_str *out, struct wr_str url, enum wr_urls mode,
		  struct arena *arena, struct wr_error *err);

/*
 * The host of a canonical URL, without port or user, an IPv6 address in its
 * brackets; empty if there is none.
 */
struct wr_str url_host(struct wr_str url);

#endif
