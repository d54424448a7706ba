#include "backend/postgres/sql_part.h"

#include "backend/postgres/filter_sql.h"
#include "backend/postgres/search_sql.h"
#include "backend/postgres/words_sql.h"
#include "base/str.h"

struct part {
	const char *name, *text;
};

/*
 * Not as a sum: Citus takes only functions in an upsert that never say anything
 * else.  A difference is not out of range, as it is only made forwards.
 */
#define TOUCH_AFTER "make_interval(secs => $14::bigint / 1e6::double precision)"
#define IS_DUE(new)                                                     \
	"CASE WHEN " new " > :d_fetched_at AND isfinite(:d_fetched_at)" \
			 " THEN " new " - :d_fetched_at > " TOUCH_AFTER \
				      " ELSE " new " > :d_fetched_at END"

/*
 * The digests tell; a half of meta_hash that is left out is the same.  What
 * somebody else wrote may be the same content, and is not embedded again then;
 * its title and metadata are written again, with digests that count.
 */
static const struct part of_digests[] = {
	{ "same_content",
	  "coalesce(excluded.content_hash = :d_content_hash, false)" },
	{ "same_meta", "coalesce(d.hashed_at = d.updated_at"
		       " AND (excluded.title IS NULL"
		       " OR substr(excluded.meta_hash, 1, 16)"
		       " = substr(d.meta_hash, 1, 16))"
		       " AND (excluded.metadata IS NULL"
		       " OR substr(excluded.meta_hash, 17)"
		       " = substr(d.meta_hash, 17)), false)" },
	{ "is_due", IS_DUE("excluded.fetched_at") },
	{ "stats_pending",
	  "(SELECT count(*) FROM (SELECT 1 AS one FROM :table AS d"
	  " WHERE d.pending LIMIT $1) AS them)"
	  " + (SELECT count(*) FROM (SELECT 1 AS one FROM :table AS d"
	  " WHERE :d_stale AND NOT d.pending AND :d_pending "
	  "LIMIT $1) AS them)" },
	{ "stats_fetched", "'fetched_at'" },
	{ "check_hash", "d.content_hash" },
	{ "check_counts", "d.hashed_at = d.updated_at" },
	{ NULL, NULL },
};

/* The original's table has none, and no metadata. */
static const struct part of_texts[] = {
	{ "same_content", "excluded.content = coalesce(d.content, '')" },
	{ "same_meta", "coalesce(excluded.title = d.title,"
		       " excluded.title IS NULL)" },
	{ "is_due", IS_DUE("excluded.updated_at") },
	{ "stats_pending", "NULL::bigint" },
	{ "stats_fetched", "'updated_at'" },
	{ "check_hash", "NULL::bytea" },
	{ "check_counts", "false" },
	{ NULL, NULL },
};

static const struct part of_vectors[] = {
	{ "row_vectors", "CAST($11 AS :vectors)" },
	{ "row_vector", "r.vector" },
	{ NULL, NULL },
};

/* unnest() does not take an array of arrays apart: it is a flat one. */
static const struct part of_arrays[] = {
	{ "row_vectors", "$11::integer[]" },
	{ "row_vector", "CASE WHEN r.vector IS NOT NULL THEN"
			" ($12::double precision[])"
			"[(r.vector - 1) * $20::integer + 1 :"
			" r.vector * $20::integer] END" },
	{ NULL, NULL },
};

/* What a statement reads is the row as it was before. */
static const struct part on_one_server[] = {
	{ "was_changed",
	  "NOT EXISTS (SELECT FROM :table AS o WHERE o.url = d.url"
	  " AND o.title IS NOT DISTINCT FROM d.title"
	  " AND coalesce(o.content, '') = coalesce(d.content, ''))" },
	{ NULL, NULL },
};

/* A worker sees its part of the table alone. */
static const struct part on_workers[] = {
	{ "was_changed", "true" },
	{ NULL, NULL },
};

static const struct part of_words[] = {
	{ "words_column", ", words" },
	{ "words_row", ", " WORDS_OF_TITLE("r.title") " || " WORDS_OF_CONTENT(
			       "r.content", "$19") },
	{ "words_set",
	  ", words = CASE"
	  " WHEN :same_content AND d.hashed_at = d.updated_at"
	  " AND (excluded.title IS NULL OR excluded.title = d.title)"
	  " THEN d.words"
	  " WHEN excluded.title IS NULL AND d.title IS NOT NULL"
	  " THEN " WORDS_OF_TITLE("d.title") " || excluded.words"
					     " ELSE excluded.words END" },
	{ NULL, NULL },
};

static const struct part without_words[] = {
	{ "words_column", "" },
	{ "words_row", "" },
	{ "words_set", "" },
	{ NULL, NULL },
};

static const char *find(const struct part *parts, struct wr_str name)
{
	for (; parts->name; parts++)
		if (str_eq(str_of(parts->name), name))
			return parts->text;
	return NULL;
}

const char *sql_part(const struct layout *l, struct wr_str name)
{
	const struct part *lists[] = {
		l->plain ? of_texts : of_digests,
		l->vector.kind == VECTOR_AS_ARRAY ? of_arrays : of_vectors,
		l->has_words ? of_words : without_words,
		l->distributed ? on_workers : on_one_server,
	};
	const char *text = NULL;

	if (str_eq(name, str_of("filter")))
		return filter_sql_condition;
	for (size_t i = 0; !text && i < sizeof(lists) / sizeof(lists[0]); i++)
		text = find(lists[i], name);
	return text ? text : search_sql_part(l, name);
}
