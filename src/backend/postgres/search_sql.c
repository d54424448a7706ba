#include "backend/postgres/search_sql.h"

#include "backend/postgres/words_sql.h"
#include "base/str.h"

enum { PARTIAL_SORTS = 160000 }; /* the server's version with them */

/* ---------------------------------------------------------------- words -- */

/*
 * The terms, and all of them in one: any of the wanted, none of the others.  A
 * term is found as it was typed and by the words in it; what the language
 * ignores is no term.
 */
#define TERM_QUERY                                   \
	"phraseto_tsquery(:language, " WORDS_FOLDED( \
		"t.text") ") || phraseto_tsquery(:language, t.words)"

#define TERMS                                                        \
	"term AS MATERIALIZED (SELECT t.n, t.negated, t.query FROM " \
	"(SELECT t.n, t.negated, " TERM_QUERY " AS query FROM "      \
	"unnest($9::text[], $10::text[], $11::boolean[])"            \
	" WITH ORDINALITY AS t (text, words, negated, n)) AS t "     \
	"WHERE numnode(t.query) > 0 ORDER BY t.n), "

#define WANTED                                                        \
	"wanted AS MATERIALIZED (SELECT CASE WHEN w.others IS NULL "  \
	"THEN w.query ELSE w.query && !! w.others END AS query FROM " \
	"(SELECT (string_agg(term.query::text, ' | ')"                \
	" FILTER (WHERE NOT term.negated))::tsquery AS query, "       \
	"(string_agg(term.query::text, ' | ')"                        \
	" FILTER (WHERE term.negated))::tsquery AS others "           \
	"FROM term) AS w), "

/* A title counts three times, and a long text a little less. */
#define RANK "ts_rank('{0.33, 0.33, 0.33, 1}', r.words, term.query, 1)"

#define RANKED_OPEN                                                        \
	"found AS MATERIALIZED (SELECT r.url, ARRAY("                      \
	"SELECT CASE WHEN r.words @@ term.query THEN " RANK " ELSE 0 END " \
	"FROM term WHERE NOT term.negated) AS ranks FROM ("

#define ROWS_MADE                                                         \
	"SELECT d.url, made.words FROM :table AS d, LATERAL "             \
	"(SELECT :d_words_made AS words OFFSET 0) AS made WHERE :filter " \
	"AND made.words @@ (SELECT query FROM wanted) AND :d_stale"

/* || '': once out of its storage, for all that looks at it. */
#define ROWS_STORED                                                \
	"SELECT d.url, d.words || '' AS words FROM :table AS d "   \
	"WHERE d.words @@ (SELECT query FROM wanted) AND :filter " \
	"AND NOT :d_stale"

/*
 * A document's score is the sum over the terms of how much it has of one, and
 * how rare that one is: the weights of BM25.  One term needs none.
 */
#define RANKED_CLOSE                                                         \
	") AS r), "                                                          \
	"weight AS MATERIALIZED (SELECT array_agg(ln(1 + "                   \
	"(s.documents - t.documents + 0.5) / (t.documents + 0.5))"           \
	" ORDER BY t.n) AS weights FROM "                                    \
	"(SELECT u.n, count(*) FILTER (WHERE u.rank > 0)::float8"            \
	" AS documents FROM found, unnest(found.ranks)"                      \
	" WITH ORDINALITY AS u (rank, n)"                                    \
	" WHERE (SELECT count(*) FROM term WHERE NOT negated) > 1"           \
	" GROUP BY u.n) AS t, "                                              \
	"(SELECT greatest((SELECT c.reltuples FROM pg_catalog.pg_class AS c" \
	" WHERE c.oid = $12::bigint::oid), (SELECT count(*) FROM found))"    \
	"::float8 AS documents) AS s), "                                     \
	"by_text AS MATERIALIZED (SELECT found.url, "                        \
	"CASE WHEN weight.weights IS NULL THEN found.ranks[1]::float8 "      \
	"ELSE (SELECT sum(u.rank * u.weight) FROM "                          \
	"unnest(found.ranks, weight.weights) AS u (rank, weight)) END"       \
	" AS score FROM found, weight "                                      \
	"ORDER BY score DESC, found.url COLLATE \"C\" LIMIT $7)"

static const char text_of_stored[] = TERMS WANTED RANKED_OPEN ROWS_STORED
	" UNION ALL " ROWS_MADE RANKED_CLOSE;
static const char text_of_made[] =
	TERMS WANTED RANKED_OPEN ROWS_MADE RANKED_CLOSE;

/* -------------------------------------------------------------- vectors -- */

#define QUERY "CAST($13 AS :query_vector)"
#define NEAR_ROWS " FROM :table AS d WHERE :d_vector IS NOT NULL AND :filter"

/* Of equal distances the smaller keys, whatever the index gives first. */
#define NEAR_CLOSE                          \
	" WHERE n.distance < 'NaN'::float8" \
	" ORDER BY n.distance, n.url COLLATE \"C\" LIMIT $7)"

/* From the index as it orders them, then by key among equals. */
static const char near_by_both[] =
	"by_vector AS MATERIALIZED "
	"(SELECT n.url, 1 - n.distance AS score FROM "
	"(SELECT d.url, :d_vector :cosine " QUERY " AS distance" NEAR_ROWS
	" ORDER BY :d_vector :cosine " QUERY ", d.url COLLATE \"C\" LIMIT $7)"
	" AS n" NEAR_CLOSE;

/* Older servers sort all or nothing: so many, and those like the last. */
static const char near_with_ties[] =
	"by_vector AS MATERIALIZED "
	"(SELECT n.url, 1 - n.distance AS score FROM "
	"(SELECT d.url, :d_vector :cosine " QUERY " AS distance" NEAR_ROWS
	" ORDER BY :d_vector :cosine " QUERY " FETCH FIRST $7 ROWS WITH TIES)"
	" AS n" NEAR_CLOSE;

/* The index has halves: more than enough by these, then by the whole. */
static const char near_again[] =
	"by_vector AS MATERIALIZED "
	"(SELECT n.url, 1 - n.distance AS score FROM "
	"(SELECT h.url, CAST(h.embedding AS :pgvector.vector) :cosine"
	" CAST($14 AS :pgvector.vector) AS distance FROM "
	"(SELECT d.url, d.embedding" NEAR_ROWS
	" ORDER BY :d_vector :cosine " QUERY " LIMIT $8) AS h) AS n" NEAR_CLOSE;

static const char nothing_near[] =
	"by_vector AS MATERIALIZED "
	"(SELECT ''::text AS url, 0::float8 AS score WHERE false)";

/* ------------------------------------------------------------ documents -- */

/* As document.h has them, and what is to make a snippet of. */
static const char found[] =
	"d.url, d.title, :d_metadata, :d_fetched_at, d.created_at, "
	"d.updated_at, :d_pending, "
	"CASE WHEN $16 THEN d.content END, "
	"CASE WHEN $17 AND :d_vector IS NOT NULL THEN d.embedding END, "
	"CASE WHEN NOT $16 THEN left(d.content, $15) END";

bool search_sql_has_vectors(const struct layout *l)
{
	return l->query.kind != VECTOR_AS_ARRAY && l->query.oid;
}

bool search_sql_ranks_again(const struct layout *l)
{
	return l->query.kind == VECTOR_AS_HALFVEC &&
	       l->vector.kind != VECTOR_AS_HALFVEC;
}

static const char *near_part(const struct layout *l)
{
	if (!search_sql_has_vectors(l) || !l->dim)
		return nothing_near;
	if (search_sql_ranks_again(l))
		return near_again;
	return l->server_version >= PARTIAL_SORTS ? near_by_both
						  : near_with_ties;
}

const char *search_sql_part(const struct layout *l, struct wr_str name)
{
	if (str_eq(name, str_of("search_text")))
		return l->has_words ? text_of_stored : text_of_made;
	if (str_eq(name, str_of("search_near")))
		return near_part(l);
	return str_eq(name, str_of("search_found")) ? found : NULL;
}
