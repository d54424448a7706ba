/*
 * search_sql.h - the variables of the statements that search.
 *
 * One list of parameters serves them all:
 *   $1 to $5  the filter's
 *   $6  how many hits
 *   $7  how many of each ranking; hits that a single ranking gives are as many
 *   $8  how many of the vector's candidates are looked at again, exactly
 *   $9, $10, $11  texts, words and negated of the terms; $12 is "s"."t"
 *   $13 the query's vector, as an index compares it; $14 as it is stored
 *   $15 characters of each content, for snippets; $16, $17 is the whole content
 *       wanted, is the vector?
 *   $18 urls of documents
 * A statement gets those that it needs; what it does not need is NULL.
 */
#ifndef BACKEND_POSTGRES_SEARCH_SQL_H
#define BACKEND_POSTGRES_SEARCH_SQL_H

#include "backend/postgres/layout.h"

/*
 * The text that stands for ":name", NULL where there is none of that name:
 *   search_text    common table expressions; the last one is by_text (url,
 *                  score), at most $7 rows
 *   search_near    likewise by_vector (url, score)
 *   search_found   the columns of a hit, of the document d
 */
const char *search_sql_part(const struct layout *l, struct wr_str name);

/* Does the server compare vectors, or does the client have to? */
bool search_sql_has_vectors(const struct layout *l);
/* Is an approximate distance what it orders by at first? */
bool search_sql_ranks_again(const struct layout *l);

#endif
