/*
 * url_host.h - the hosts of URLs: names and addresses in their usual form
 * (libcurl is included by url_host.c alone).
 */
#ifndef RECORD_URL_HOST_H
#define RECORD_URL_HOST_H

#include "record/url_text.h"

/*
 * Behind a host (and port) that cannot be written in another way; NULL where
 * that is not certain.  A last label with a digit in front may be an address.
 */
const char *host_skip_plain(const char *p, const char *end, long default_port);

/*
 * Each appends the canonical form of a host: 0, WR_EDATA where it is none, or
 * WR_ENOMEM.
 *  - an address in brackets, with a zone perhaps;
 *  - a host of the DNS: international names in ASCII (IDNA), IPv4 addresses
 *    with four decimal numbers, no dot at the end; what IDNA does not know
 *    stays percent-encoded;
 *  - a host of a scheme that has its own idea of hosts.
 */
int host_add_literal(struct piece *out, struct wr_str host);
int host_add_name(struct piece *out, struct wr_str host);
int host_add_other(struct piece *out, struct wr_str host);

#endif
