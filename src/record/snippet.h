/*
 * snippet.h - the piece of a text that shows why it was found.
 */
#ifndef RECORD_SNIPPET_H
#define RECORD_SNIPPET_H

#include "base/buf.h"
#include "record/query.h"

struct snippet_style {
	struct wr_str start, end; /* around each word found */
	size_t words;		  /* length; 0: 32 */
};

/*
 * Append the window of text with the most, and the most different, words of
 * the query, white space folded, "…" where it was cut.  Words match by folded
 * form or by a common stem of at least four letters ("indexes", "indexing").
 * Without a match, or without a query (NULL), the beginning of the text.
 */
void snippet_write(struct buf *out, struct wr_str text,
		   const struct text_query *query,
		   const struct snippet_style *style);

#endif
