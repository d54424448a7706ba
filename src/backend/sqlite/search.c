/*
 * Searching: words by FTS5 and BM25, vectors by looking at each one.
 *
 * Either way a heap keeps the best rows, and a filter is held only against rows
 * that would get into it: what comes out are the best that pass.
 */
#include "backend/sqlite/rows.h"
#include "backend/topk.h"
#include "base/error.h"
#include "record/snippet.h"
#include "record/vector.h"
#include <stdalign.h>
#include <string.h>

/* Rows between two looks at whether the search was cancelled. */
enum { ROWS_A_LOOK = 1024 };

static int consider(struct conn *c, const struct filter *f, struct topk *best,
		    int64_t id, double score, struct wr_error *err)
{
	struct wr_str key;
	bool passes;
	int status;

	if (!topk_wants(best, score))
		return 0;
	status = row_passes(c, f, id, &key, &passes, err);
	if (status || !passes)
		return status;
	return topk_add(best, id, score, key);
}

/* --------------------------------------------------------------- words -- */

/* In quotes nothing is syntax; FTS5 takes the words apart itself. */
static void add_term(struct buf *to, struct wr_str text)
{
	buf_putc(to, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			buf_putc(to, '"');
		if (text.ptr[i])
			buf_putc(to, text.ptr[i]);
	}
	buf_putc(to, '"');
}

/* ("a" OR "b c") NOT "d" NOT "e" */
static void write_match(struct buf *to, const struct text_query *query)
{
	const char *before = "(";

	for (size_t i = 0; i < query->nterms; i++) {
		if (query->terms[i].negated)
			continue;
		buf_puts(to, before);
		add_term(to, query->terms[i].text);
		before = " OR ";
	}
	buf_putc(to, ')');
	for (size_t i = 0; i < query->nterms; i++) {
		if (!query->terms[i].negated)
			continue;
		buf_puts(to, " NOT ");
		add_term(to, query->terms[i].text);
	}
}

static int find_texts(struct conn *c, const struct backend_op *op,
		      struct topk *best, struct wr_error *err)
{
	const struct text_query *query = op->u.search.text;
	struct buf match = { 0 };
	sqlite3_stmt *stmt;
	int status = 0;

	if (!conn_has_text(c))
		return error_set(err, WR_ENOTSUP, 0, "sqlite",
				 "%s was made without full text: search by "
				 "vector, or export it into a store with full "
				 "text",
				 c->db.path);
	if (!query || !query->nwanted)
		return 0;
	stmt = db_stmt(&c->db, SQL_TEXT_SEARCH, err);
	if (!stmt)
		return err->status;
	write_match(&match, query);
	if (buf_status(&match)) {
		status = WR_ENOMEM;
		goto out;
	}
	db_bind(stmt, 1, buf_str(&match));
	while (!status && (status = db_step(&c->db, stmt, err)) > 0) {
		status = conn_check(c, err);
		if (!status)
			status = consider(c, op->u.search.filter, best,
					  sqlite3_column_int64(stmt, 0),
					  -sqlite3_column_double(stmt, 1), err);
	}
out:
	sqlite3_reset(stmt);
	buf_release(&match);
	return status;
}

/* ------------------------------------------------------------- vectors -- */

/* A blob may lie anywhere: floats are read where floats may be. */
static const float *aligned(const void *p, float *copy, size_t size)
{
	if ((uintptr_t)p % alignof(float) == 0)
		return p;
	memcpy(copy, p, size);
	return copy;
}

static int scan_vectors(struct conn *c, const struct backend_op *op,
			float *query, float *copy, struct topk *best,
			struct wr_error *err)
{
	size_t dim = c->settings.dim, size = dim * sizeof(float);
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_VECTOR_SCAN, err);
	unsigned rows = 0;
	int status = 0;

	if (!stmt)
		return err->status;
	while (!status && (status = db_step(&c->db, stmt, err)) > 0) {
		const void *p = sqlite3_column_blob(stmt, 1);
		float score;

		status = ++rows % ROWS_A_LOOK ? 0 : conn_check(c, err);
		if (!p || (size_t)sqlite3_column_bytes(stmt, 1) != size)
			continue;
		score = vector_cosine(query, aligned(p, copy, size), dim);
		if (!status && topk_wants(best, score))
			status = consider(c, op->u.search.filter, best,
					  sqlite3_column_int64(stmt, 0), score,
					  err);
	}
	sqlite3_reset(stmt);
	return status;
}

static int find_vectors(struct conn *c, const struct backend_op *op,
			struct topk *best, struct wr_error *err)
{
	size_t dim = c->settings.dim;
	struct arena arena;
	float *query, *copy;
	int status = WR_ENOMEM;

	if (!op->u.search.vector)
		return error_set(err, WR_EINVAL, 0, "sqlite",
				 "a vector search without a vector");
	if (!dim)
		return 0;
	arena_init(&arena);
	query = arena_zalloc(&arena, dim, sizeof(float));
	copy = arena_zalloc(&arena, dim, sizeof(float));
	if (query && copy) {
		memcpy(query, op->u.search.vector, dim * sizeof(float));
		status = scan_vectors(c, op, query, copy, best, err);
	}
	arena_release(&arena);
	return status;
}

/* ------------------------------------------------------------ documents -- */

static int put_snippet(const struct backend_op *op, struct result *result,
		       struct document *doc, struct wr_str content)
{
	struct buf text = { 0 };
	int status;

	snippet_write(&text, content, op->u.search.text, &op->u.search.style);
	status = buf_status(&text);
	if (!status)
		status = arena_dup(&result->arena, &doc->snippet,
				   buf_str(&text));
	buf_release(&text);
	return status;
}

/* What the caller gets of a document that was read with its content. */
static int put_document(const struct backend_op *op, struct result *result,
			const struct document *read)
{
	struct document *doc = result_add(result);
	struct arena *arena = &result->arena;
	float *copy;

	if (!doc)
		return WR_ENOMEM;
	*doc = *read;
	doc->content = (struct wr_str){ NULL, 0 };
	if (arena_dup(arena, &doc->key, read->key) ||
	    arena_dup(arena, &doc->title, read->title) ||
	    arena_dup(arena, &doc->metadata, read->metadata) ||
	    put_snippet(op, result, doc, read->content))
		return WR_ENOMEM;
	if ((op->u.search.parts & WR_PART_CONTENT) &&
	    arena_dup(arena, &doc->content, read->content))
		return WR_ENOMEM;
	if (!read->embedding)
		return 0;
	copy = arena_alloc(arena, read->dim * sizeof(float));
	if (!copy)
		return WR_ENOMEM;
	memcpy(copy, read->embedding, read->dim * sizeof(float));
	doc->embedding = copy;
	return 0;
}

/*
 * Contents are read for the snippets' sake, one at a time: a ranking of large
 * pages takes no more memory than what is asked for.
 */
static int put_hit(struct conn *c, const struct backend_op *op,
		   const struct topk *best, size_t i, struct wr_error *err)
{
	struct result read;
	int status;

	result_init(&read);
	status = row_document(c, best->rows[i].id, (struct wr_str){ NULL, 0 },
			      op->u.search.parts | WR_PART_CONTENT, &read, err);
	if (!status) {
		read.docs[0].score = best->rows[i].score;
		if (op->u.search.mode == WR_SEARCH_TEXT)
			read.docs[0].rank_text = (uint32_t)i + 1;
		else
			read.docs[0].rank_vector = (uint32_t)i + 1;
		status = put_document(op, op->u.search.result, &read.docs[0]);
	}
	result_release(&read);
	return status;
}

static int put_documents(struct conn *c, const struct backend_op *op,
			 const struct topk *best, struct wr_error *err)
{
	int status = 0;

	for (size_t i = 0; !status && i < best->n; i++) {
		status = conn_check(c, err);
		if (!status)
			status = put_hit(c, op, best, i, err);
	}
	return status;
}

int op_search(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct topk best;
	int status;

	topk_init(&best, op->u.search.limit);
	switch (op->u.search.mode) {
	case WR_SEARCH_TEXT:
		status = find_texts(c, op, &best, err);
		break;
	case WR_SEARCH_VECTOR:
		status = find_vectors(c, op, &best, err);
		break;
	default:
		status = error_set(err, WR_ENOTSUP, 0, "sqlite",
				   "the store searches by text or by vector");
	}
	if (!status) {
		topk_sort(&best);
		status = put_documents(c, op, &best, err);
	}
	topk_release(&best);
	return status;
}
