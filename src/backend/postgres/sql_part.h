/*
 * sql_part.h - the variables of statements that are made of others.
 *
 * What several statements say, or what one says in several places, or in
 * another way for each kind of table.  Any thread.
 */
#ifndef BACKEND_POSTGRES_SQL_PART_H
#define BACKEND_POSTGRES_SQL_PART_H

#include "backend/postgres/layout.h"

/*
 * The text that stands for ":name", NULL where there is none of that name.  It
 * has variables in its turn, and may be empty.
 *   filter        see filter_sql.h
 *   same_content, same_meta
 *                 is the row that is excluded the same as d?  (upsert)
 *   is_due        is the row that is excluded newer than d by over $14?
 *   was_changed   is the row another one than before?  (upsert-plain; over
 *                 workers also where it was only fetched again)
 *   row_vectors, row_vector
 *                 what is taken apart into r.vector, and the vector of it
 *   words_column, words_row, words_set
 *                 what the column of words adds to the three lists of an
 *                 upsert; $19 is how many characters of the content count
 *   stats_pending how many rows wait, up to $1; NULL where it would take long
 *   stats_fetched the name of the column with the time of fetching
 *   check_hash, check_counts
 *                 the digest that is stored, and does it count?
 * and those of search_sql.h.
 */
const char *sql_part(const struct layout *l, struct wr_str name);

#endif
