/*
 * url_query.h - the parameters of a URL, for the aggressive mode of url.h.
 */
#ifndef RECORD_URL_QUERY_H
#define RECORD_URL_QUERY_H

#include "windrow.h"
#include <stddef.h>

/*
 * Drop empty and tracking parameters from a query (what is behind the "?")
 * and sort the others by name, the order of equal names kept.  out holds
 * query.len bytes and may be query.ptr.  Returns the new length.
 */
size_t url_query_tidy(char *out, struct wr_str query);

#endif
