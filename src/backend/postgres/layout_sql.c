/* The statements of a layout: their variables, and what these stand for. */
#include "backend/postgres/layout.h"
#include "backend/postgres/sql_part.h"
#include "backend/postgres/words_sql.h"
#include "base/error.h"
#include "base/str.h"
#include <inttypes.h>
#include <string.h>

enum {
	NESTING = 8, /* variables in what variables stand for */
	/* pgvector's HNSW indexes a vector up to here, a halfvec up to 4,000.
	 */
	VECTOR_INDEX_MAX = 2000
};

/* --------------------------------------------------------- expressions -- */

struct expression {
	const char *name, *text;
};

/*
 * Its bytes, which are UTF-8: convert_to() says the same, but Citus takes only
 * functions in an upsert that never say anything else.
 */
#define BYTES_OF(text) \
	"decode(replace(" text ", chr(92), repeat(chr(92), 2)), 'escape')"
#define SHA256(text) "sha256(" BYTES_OF(text) ")"
#define NO_HALF "decode(repeat('00', 16), 'hex')"
#define TITLE_HALF                                    \
	"CASE WHEN d.title IS NULL THEN " NO_HALF " " \
	"ELSE substr(" SHA256("d.title") ", 1, 16) END"
#define METADATA_HALF                                    \
	"CASE WHEN d.metadata IS NULL THEN " NO_HALF " " \
	"ELSE coalesce(substr(d.meta_hash, 17, 16), "    \
	"substr(" SHA256("d.metadata::text") ", 1, 16)) END"
#define EPOCH "CAST('epoch' AS :time)"
/* Letters or digits of any script; the pipeline looks more closely. */
#define LACKS_VECTOR                                          \
	"(d.embedding IS NULL AND coalesce(d.content, '') ~ " \
	"'[^[:space:][:punct:]]')"

/*
 * As the index of such rows has it.  Of a number the planner thinks that it is
 * rare, and takes the index; of a comparison of two columns it thinks that it
 * holds for nearly every row.
 */
#define STALE "(coalesce(d.hashed_at <> d.updated_at, true)::integer = 1)"

/*
 * A row's digests count while nobody has changed it since.  What somebody else
 * wrote was fetched when it was written, and its digests are made here.
 */
static const struct expression of_own[] = {
	{ "d_stale", STALE },
	{ "d_content_hash",
	  "coalesce(CASE WHEN d.hashed_at = d.updated_at "
	  "THEN d.content_hash END, " SHA256("coalesce(d.content, '')") ")" },
	{ "d_meta_hash",
	  "CASE WHEN d.hashed_at = d.updated_at AND d.meta_hash IS NOT NULL "
	  "THEN d.meta_hash ELSE " TITLE_HALF " || " METADATA_HALF " END" },
	{ "d_fetched_at", "CASE WHEN d.hashed_at = d.updated_at "
			  "THEN coalesce(d.fetched_at, d.updated_at) "
			  "ELSE coalesce(greatest(d.fetched_at, d.updated_at), "
			  "d.created_at, " EPOCH ") END" },
	{ "d_metadata", "d.metadata" },
	{ "d_pending", "(d.pending OR (" STALE " AND " LACKS_VECTOR "))" },
	{ NULL, NULL },
};

static const struct expression of_plain[] = {
	{ "d_stale", "true" },
	{ "d_content_hash", SHA256("coalesce(d.content, '')") },
	{ "d_meta_hash", "(" TITLE_HALF " || " NO_HALF ")" },
	{ "d_fetched_at", "coalesce(d.updated_at, d.created_at, " EPOCH ")" },
	{ "d_metadata", "(NULL::jsonb)" },
	{ "d_pending", LACKS_VECTOR },
	{ NULL, NULL },
};

/*
 * Cut so that no text is too long for a tsvector, whatever its script: what is
 * made on the way must not fail a search.
 */
#define WORDS_MADE                                                         \
	"(" WORDS_OF_TITLE("d.title") " || " WORDS_OF_CONTENT("d.content", \
							      "100000") ")"

static const struct expression of_words[] = {
	{ "d_words",
	  "CASE WHEN d.hashed_at = d.updated_at AND d.words IS NOT NULL "
	  "THEN d.words ELSE " WORDS_MADE " END" },
	{ "d_words_stored", "d.words" },
	{ "words_kept", ", words = " WORDS_MADE },
	{ "d_words_made", WORDS_MADE },
	{ NULL, NULL },
};

static const struct expression without_words[] = {
	{ "d_words", WORDS_MADE },
	{ "d_words_stored", "(NULL::tsvector)" },
	{ "words_kept", "" },
	{ "d_words_made", WORDS_MADE },
	{ NULL, NULL },
};

static const struct expression of_timestamptz[] = {
	{ "time", "timestamp with time zone" },
	{ "now", "now()" },
	{ NULL, NULL },
};

/* Without a zone, the times are UTC. */
static const struct expression of_timestamp[] = {
	{ "time", "timestamp without time zone" },
	{ "now", "(now() AT TIME ZONE 'UTC')" },
	{ NULL, NULL },
};

static const struct expression of_arrays[] = {
	{ "vector", "double precision[]" },
	{ "vectors", "double precision[]" },
	{ "d_dim", "coalesce(array_length(d.embedding, 1), 0)" },
	{ NULL, NULL },
};

static const struct expression of_vectors[] = {
	{ "vector", ":pgvector.vector" },
	{ "vectors", ":pgvector.vector[]" },
	{ "d_dim", "coalesce(:pgvector.vector_dims(d.embedding), 0)" },
	{ NULL, NULL },
};

static const struct expression of_halfvecs[] = {
	{ "vector", ":pgvector.halfvec" },
	{ "vectors", ":pgvector.halfvec[]" },
	{ "d_dim", "coalesce(:pgvector.vector_dims(d.embedding), 0)" },
	{ NULL, NULL },
};

static const struct expression queries_as_vector[] = {
	{ "query_vector", ":pgvector.vector" },
	{ "vector_ops", ":pgvector.vector_cosine_ops" },
	{ "cosine", "OPERATOR(:pgvector.<=>)" },
	{ NULL, NULL },
};

static const struct expression queries_as_halfvec[] = {
	{ "query_vector", ":pgvector.halfvec" },
	{ "vector_ops", ":pgvector.halfvec_cosine_ops" },
	{ "cosine", "OPERATOR(:pgvector.<=>)" },
	{ NULL, NULL },
};

/* Statements with an operator are not for these: it exists nowhere. */
static const struct expression queries_as_array[] = {
	{ "query_vector", "double precision[]" },
	{ "vector_ops", "array_ops" },
	{ "cosine", "OPERATOR(pg_catalog.<=>)" },
	{ NULL, NULL },
};

static const struct expression *of_kind(enum vector_kind kind)
{
	switch (kind) {
	case VECTOR_AS_ARRAY:
		return of_arrays;
	case VECTOR_AS_VECTOR:
		return of_vectors;
	case VECTOR_AS_HALFVEC:
		return of_halfvecs;
	}
	return of_arrays;
}

static const struct expression *of_query(enum vector_kind kind)
{
	switch (kind) {
	case VECTOR_AS_ARRAY:
		return queries_as_array;
	case VECTOR_AS_VECTOR:
		return queries_as_vector;
	case VECTOR_AS_HALFVEC:
		return queries_as_halfvec;
	}
	return queries_as_array;
}

static const char *find(const struct expression *list, struct wr_str name)
{
	for (; list->name; list++)
		if (str_eq(str_of(list->name), name))
			return list->text;
	return NULL;
}

/* What is a text with variables of its own; NULL: it is none of these. */
static const char *find_text(const struct layout *l, struct wr_str name)
{
	const struct expression *lists[] = {
		l->plain ? of_plain : of_own,
		l->has_words ? of_words : without_words,
		l->time_oid == OID_TIMESTAMP ? of_timestamp : of_timestamptz,
		of_kind(l->vector.kind),
		of_query(l->query.kind),
	};
	const char *text = NULL;

	for (size_t i = 0; !text && i < sizeof(lists) / sizeof(lists[0]); i++)
		text = find(lists[i], name);
	return text ? text : sql_part(l, name);
}

/* ------------------------------------------------------ names, numbers -- */

static void put_name(struct buf *out, const char *prefix, struct wr_str behind)
{
	buf_putc(out, '"');
	for (; *prefix; prefix++) {
		if (*prefix == '"')
			buf_putc(out, '"');
		buf_putc(out, *prefix);
	}
	buf_add_str(out, behind);
	buf_putc(out, '"');
}

void layout_quote(struct buf *out, const char *name)
{
	put_name(out, name, str_of(""));
}

static void put_quoted(struct buf *out, const char *from, size_t len)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (from[i] == '"' || from[i] == '\'')
			buf_putc(out, from[i]);
		buf_putc(out, from[i]);
	}
	buf_putc(out, '"');
}

/* A name that itself is read as identifiers: quoted twice. */
static void put_configuration(struct buf *out, const char *language)
{
	const char *dot = strchr(language, '.');

	buf_putc(out, '\'');
	if (dot)
		put_quoted(out, language, (size_t)(dot - language));
	else
		buf_puts(out, "pg_catalog");
	buf_putc(out, '.');
	language = dot ? dot + 1 : language;
	put_quoted(out, language, strlen(language));
	buf_puts(out, "'::regconfig");
}

/* As the query's type, whose numbers may go less far: of a cosine the length
 * does not matter. */
static void put_as_query(struct buf *out, const struct layout *l,
			 const char *of)
{
	bool is_array = l->vector.kind == VECTOR_AS_ARRAY;
	bool halved = l->query.kind == VECTOR_AS_HALFVEC &&
		      l->vector.kind != VECTOR_AS_HALFVEC;

	buf_printf(out, "%s%sembedding%s%s",
		   halved ? ":pgvector.l2_normalize(" : "", of,
		   halved && is_array ? ":::pgvector.vector" : "",
		   halved ? ")" : "");
	if (l->query.kind != l->vector.kind)
		buf_puts(out, ":::query_vector");
}

/* Of other programs' arrays: no vector is made of NULL, NaN, what a float
 * cannot hold, or arrays of arrays. */
static void put_is_sound(struct buf *out, const char *of)
{
	buf_printf(out,
		   "array_ndims(%sembedding) = 1"
		   " AND 3.4e38 >= ALL (%sembedding)"
		   " AND -3.4e38 <= ALL (%sembedding) AND ",
		   of, of, of);
}

/*
 * NULL where the length is another one.  An index wants to see the length in
 * the outermost type: CASE has none.
 */
static void put_if_long_enough(struct buf *out, const struct layout *l,
			       const char *of)
{
	bool is_array = l->vector.kind == VECTOR_AS_ARRAY;

	buf_puts(out, "((CASE WHEN ");
	if (is_array && l->query.kind != VECTOR_AS_ARRAY)
		put_is_sound(out, of);
	buf_printf(out, "%s(%sembedding%s) = %" PRIu32 " THEN ",
		   is_array ? "array_length" : ":pgvector.vector_dims", of,
		   is_array ? ", 1" : "", l->dim);
	put_as_query(out, l, of);
	buf_puts(out, " END)");
	if (l->query.kind != VECTOR_AS_ARRAY)
		buf_printf(out, ":::query_vector(%" PRIu32 ")", l->dim);
	buf_putc(out, ')');
}

/* The embedding as searches compare it; of is the alias and a dot, or "". */
static void put_vector(struct buf *out, const struct layout *l, const char *of)
{
	bool whole = l->vector.kind != VECTOR_AS_ARRAY &&
		     (!l->dim || l->column_dim == l->dim);

	if (whole && l->query.kind == l->vector.kind) {
		buf_printf(out, "%sembedding", of);
	} else if (!l->dim) {
		buf_puts(out, "(NULL:::query_vector)");
	} else if (whole) {
		buf_putc(out, '(');
		put_as_query(out, l, of);
		buf_printf(out, "(%" PRIu32 "))", l->dim);
	} else {
		put_if_long_enough(out, l, of);
	}
}

static void put_d_vector(struct buf *out, const struct layout *l)
{
	put_vector(out, l, "d.");
}

static void put_index_vector(struct buf *out, const struct layout *l)
{
	put_vector(out, l, "");
}

static void put_embedding(struct buf *out, const struct layout *l)
{
	static const char *const names[] = {
		[VECTOR_AS_ARRAY] = "double precision[]",
		[VECTOR_AS_VECTOR] = ":pgvector.vector",
		[VECTOR_AS_HALFVEC] = ":pgvector.halfvec",
	};

	buf_puts(out, names[l->vector.kind]);
	if (l->dim && l->vector.kind != VECTOR_AS_ARRAY)
		buf_printf(out, "(%" PRIu32 ")", l->dim);
}

static void put_schema(struct buf *out, const struct layout *l)
{
	layout_quote(out, l->schema);
}

static void put_table(struct buf *out, const struct layout *l)
{
	put_schema(out, l);
	buf_putc(out, '.');
	layout_quote(out, l->table);
}

static void put_meta(struct buf *out, const struct layout *l)
{
	put_schema(out, l);
	buf_putc(out, '.');
	put_name(out, l->table, str_of("_windrow"));
}

static void put_pgvector(struct buf *out, const struct layout *l)
{
	layout_quote(out, l->pgvector_schema);
}

static void put_language(struct buf *out, const struct layout *l)
{
	put_configuration(out, l->language);
}

static void put_dim(struct buf *out, const struct layout *l)
{
	buf_printf(out, "%" PRIu32, l->dim);
}

/* What they put may have variables of its own. */
static const struct {
	const char *name;
	void (*put)(struct buf *out, const struct layout *l);
} made[] = {
	{ "d_vector", put_d_vector },
	{ "embedding", put_embedding },
	{ "index_vector", put_index_vector },
};

static const struct {
	const char *name;
	void (*put)(struct buf *out, const struct layout *l);
} names[] = {
	{ "dim", put_dim },	  { "language", put_language },
	{ "meta", put_meta },	  { "pgvector", put_pgvector },
	{ "schema", put_schema }, { "table", put_table },
};

static bool put_made(struct buf *out, const struct layout *l,
		     struct wr_str name)
{
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (str_eq(name, str_of(made[i].name))) {
			made[i].put(out, l);
			return true;
		}
	return false;
}

static bool put_atom(struct buf *out, const struct layout *l,
		     struct wr_str name)
{
	static const char index[] = "index_";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(name, str_of(names[i].name))) {
			names[i].put(out, l);
			return true;
		}
	if (!str_starts(name, str_of(index)))
		return false;
	name.ptr += sizeof(index) - 2;
	name.len -= sizeof(index) - 2;
	put_name(out, l->table, name);
	return true;
}

/* -------------------------------------------------------------- filling -- */

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
}

static int fill(const struct layout *l, struct buf *out, const char *sql,
		int depth);

static int fill_variable(const struct layout *l, struct buf *out,
			 struct wr_str name, int depth)
{
	struct buf part = { 0 };
	const char *text;
	int status;

	if (depth == NESTING)
		return WR_EBUG;
	if (put_made(&part, l, name)) {
		status = buf_status(&part);
		text = part.ptr;
	} else if (put_atom(out, l, name)) {
		return buf_status(out);
	} else {
		text = find_text(l, name);
		status = text ? 0 : WR_EBUG;
	}
	if (!status)
		status = fill(l, out, text, depth + 1);
	buf_release(&part);
	return status;
}

/* A literal or a quoted name up to its end; a doubled quote is two of them. */
static const char *end_of_quote(const char *at)
{
	const char *end = strchr(at + 1, *at);

	return end ? end + 1 : at + strlen(at);
}

static int fill(const struct layout *l, struct buf *out, const char *sql,
		int depth)
{
	while (*sql) {
		size_t len = strcspn(sql, ":'\"");
		struct wr_str name = { NULL, 0 };
		int status;

		if (sql[len] == '\'' || sql[len] == '"')
			len = (size_t)(end_of_quote(sql + len) - sql);
		else if (sql[len] == ':' && sql[len + 1] == ':')
			len += 2;
		else if (sql[len] == ':')
			name.ptr = sql + len + 1;
		buf_add(out, sql, len);
		sql += len;
		if (!name.ptr)
			continue;
		while (is_name(name.ptr[name.len]))
			name.len++;
		sql += 1 + name.len;
		if (!name.len) {
			buf_putc(out, ':');
			continue;
		}
		status = fill_variable(l, out, name, depth);
		if (status)
			return status;
	}
	return buf_status(out);
}

int layout_fill(const struct layout *l, struct buf *out, const char *sql)
{
	return fill(l, out, sql, 0);
}

/* How a search's vector travels, and what it is compared as. */
static void choose_query(struct layout *l)
{
	bool half = l->vector.kind == VECTOR_AS_HALFVEC ||
		    (l->dim > VECTOR_INDEX_MAX && l->halfvec_oid);

	if (!l->vector_oid)
		l->query = l->vector;
	else if (half)
		l->query =
			(struct vector_type){ VECTOR_AS_HALFVEC, l->halfvec_oid,
					      l->halfvec_array_oid };
	else
		l->query =
			(struct vector_type){ VECTOR_AS_VECTOR, l->vector_oid,
					      l->vector_array_oid };
}

int layout_render(struct layout *l, struct wr_error *err)
{
	struct buf sql = { 0 };
	int status = 0;

	choose_query(l);
	for (int i = 0; !status && i < PGSQL_COUNT; i++) {
		struct wr_str copy;

		buf_clear(&sql);
		status = layout_fill(l, &sql, pgsql_texts[i]);
		if (!status)
			status = arena_dup(&l->arena, &copy, buf_str(&sql));
		if (!status)
			l->sql[i] = copy.ptr;
		else if (status == WR_ENOMEM)
			error_nomem(err, "postgres");
		else
			error_set(err, status, 0, "postgres",
				  "a variable is unknown in: %.60s",
				  pgsql_texts[i]);
	}
	buf_release(&sql);
	return status;
}

void layout_release(struct layout *l)
{
	arena_release(&l->arena);
}
