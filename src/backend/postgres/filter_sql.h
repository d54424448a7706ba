/*
 * filter_sql.h - a filter as a condition of a statement.
 *
 * Every statement that takes a filter says ":filter" where its condition stands
 * and has the filter's parameters first, $1 to $5; its own begin with $6.  What
 * a filter leaves open is NULL, or infinite: the server plans each statement
 * for the values at hand, and such a part of the condition is nothing to it.
 */
#ifndef BACKEND_POSTGRES_FILTER_SQL_H
#define BACKEND_POSTGRES_FILTER_SQL_H

#include "backend/postgres/layout.h"
#include "record/filter.h"

enum { FILTER_PARAMS = 5 };

/*
 * The text of ":filter", over the alias d; it has variables of its own, which
 * layout_fill() fills in too.
 */
extern const char filter_sql_condition[];

/* Add the parameters; f may be NULL.  0 or WR_ENOMEM. */
int filter_sql_params(struct params *p, const struct filter *f,
		      const struct layout *l);

/*
 * The hosts that url_host() finds to be host, as a regular expression over
 * URLs: in to.
 */
void filter_sql_host(struct buf *to, struct wr_str host);

#endif
