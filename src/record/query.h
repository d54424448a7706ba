/*
 * query.h - what a user typed into a search box, taken apart.
 *
 * Any input is a query: words and "phrases" of which any may match, -word and
 * -"phrase" which must not.  A backend renders the terms into its own syntax.
 */
#ifndef RECORD_QUERY_H
#define RECORD_QUERY_H

#include "base/arena.h"
#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>

struct query_term {
	struct wr_str text;   /* as typed, clean, without quotes */
	struct wr_str *words; /* folded; a phrase has several, and so has a */
	size_t nwords;	      /* "word" such as foo-bar or c++11; never 0 */
	bool negated;
};

struct text_query {
	struct query_term *terms;
	size_t nterms;
	size_t nwanted; /* terms that are not negated */
};

/*
 * Nothing of text is kept.  At most 64 terms with at most 64 words each are.
 * 0 or WR_ENOMEM.
 */
int query_parse(struct text_query *out, struct wr_str text,
		struct arena *arena);

#endif
