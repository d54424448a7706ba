/*
 * Searching: by words, by vector, or by both, in one round trip.
 *
 * Where an index gave fewer vectors than were asked for, the search is made
 * again without it.  Where the server cannot compare vectors, they come here,
 * page by page; then a search takes a few round trips more.
 */
#include "backend/postgres/document.h"
#include "backend/postgres/filter_sql.h"
#include "backend/postgres/search_sql.h"
#include "backend/postgres/task.h"
#include "backend/topk.h"
#include "base/error.h"
#include "base/str.h"
#include "record/snippet.h"
#include "record/vector.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FUSED_FIRST = 60, /* as pipeline/fuse.h has it */
	SETTINGS_MAX = 3,
	EFFORT_MIN = 40,
	EFFORT_MAX = 1000, /* what pgvector allows */
	SCAN_MIN = 1000,   /* of an index, where a filter may refuse them */
	PAGE_BYTES = 4 << 20,
	/* Words are made of so many characters: what lies behind is not found.
	 */
	SNIPPET_MAX = 250000,
	SNIPPETS_BYTES = 64 << 20
};

/* Behind a document; the last three of a fused search alone. */
enum column {
	COL_SNIPPET = DOCUMENT_COLUMNS, /* NULL where the content is there */
	COL_SCORE,
	COL_OF_TEXT,
	COL_OF_VECTOR,
	COL_NEAR
};

/* What the exchange at hand is for. */
enum step { STEP_SEARCH, STEP_INDEX, STEP_EXACT, STEP_PAGE, STEP_DOCUMENTS };

/* One document of a ranking that is made here. */
struct hit {
	struct wr_str key;
	double score;
	uint32_t of_text, of_vector;
};

struct search {
	enum step step;
	unsigned nsettings; /* statements before the one that searches */
	uint32_t depth;	    /* of each ranking */
	uint32_t near;	    /* vectors that the server found */
	bool is_approximate;
	/* Where vectors are compared here. */
	bool pages;
	struct topk best;
	float *query, *vector;
	struct wr_str after;
	uint32_t page_rows, rows; /* of a page: asked for, read */
	struct hit *hits;
	size_t nhits;
};

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static bool wants_text(const struct backend_op *op)
{
	return op->u.search.mode != WR_SEARCH_VECTOR;
}

static bool wants_vector(const struct backend_op *op)
{
	return op->u.search.mode != WR_SEARCH_TEXT;
}

/* ----------------------------------------------------------- statements -- */

static void add_setting(struct task_setting *settings, size_t *n,
			const char *name, const char *value)
{
	settings[(*n)++] = (struct task_setting){ name, value };
}

/* pgvector 0.8 and later go on where a filter refused what was found. */
static bool has_iterative_scans(const struct layout *l)
{
	unsigned major = 0, minor = 0;

	return sscanf(l->pgvector_version, "%u.%u", &major, &minor) == 2 &&
	       (major || minor >= 8);
}

static int set_here(struct task *t, const struct task_setting *settings,
		    size_t n, struct wr_error *err)
{
	struct search *s = t->state;
	struct wr_str names[SETTINGS_MAX], values[SETTINGS_MAX];
	struct params p;

	for (size_t i = 0; i < n; i++) {
		names[i] = str_of(settings[i].name);
		values[i] = str_of(settings[i].value);
	}
	params_init(&p, &t->arena);
	params_add_texts(&p, names, n);
	params_add_texts(&p, values, n);
	s->nsettings++;
	return task_add(t, PGSQL_SET_LOCAL, &p, err);
}

/* Compiling a plan takes longer than nearly any search. */
static int add_settings(struct task *t, bool exact, struct wr_error *err)
{
	const struct backend_op *op = t->op;
	const struct layout *l = t->pg->layout;
	struct search *s = t->state;
	uint32_t effort = op->u.search.effort;
	struct task_setting settings[SETTINGS_MAX];
	char number[16];
	struct params p;
	size_t n = 0;
	int status;

	add_setting(settings, &n, "jit", "off");
	if (exact)
		add_setting(settings, &n, "enable_indexscan", "off");
	else if (wants_vector(op) && search_sql_has_vectors(l)) {
		if (!effort)
			effort = max_u32(EFFORT_MIN, s->depth > EFFORT_MAX
							     ? EFFORT_MAX
							     : 2 * s->depth);
		snprintf(number, sizeof(number), "%u",
			 (unsigned)(effort > EFFORT_MAX ? EFFORT_MAX : effort));
		add_setting(settings, &n, "hnsw.ef_search", number);
		if (has_iterative_scans(l))
			add_setting(settings, &n, "hnsw.iterative_scan",
				    "strict_order");
	}
	s->nsettings = 0;
	if (l->distributed)
		return task_begin_spread(t, settings, n, err);
	status = set_here(t, settings, n, err);
	if (status || n < 3 || !op->u.search.filter ||
	    filter_is_empty(op->u.search.filter))
		return status;
	s->nsettings++;
	params_init(&p, &t->arena);
	params_add_int8(&p, l->oid);
	params_add_int8(&p, max_u32(SCAN_MIN, s->depth * 4));
	return task_add(t, PGSQL_SEARCH_SCAN, &p, err);
}

/* $9, $10, $11: no more than 64 terms of 64 words each. */
static int add_terms(struct params *p, const struct text_query *query,
		     struct arena *arena)
{
	size_t n = query ? query->nterms : 0;
	struct wr_str *texts = arena_zalloc(arena, 2 * n + 1, sizeof(*texts));
	struct array negated;

	if (!texts)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct query_term *term = &query->terms[i];
		struct buf words = { 0 };
		int status;

		for (size_t w = 0; w < term->nwords; w++) {
			if (w)
				buf_putc(&words, ' ');
			buf_add_str(&words, term->words[w]);
		}
		texts[i] = term->text;
		status = buf_status(&words);
		if (!status)
			status = arena_dup(arena, &texts[n + i],
					   words.len ? buf_str(&words)
						     : str_of(""));
		buf_release(&words);
		if (status)
			return status;
	}
	params_add_texts(p, texts, n);
	params_add_texts(p, texts + n, n);
	array_begin(&negated, p, OID_BOOL_ARRAY, OID_BOOL, n, n);
	for (size_t i = 0; i < n; i++)
		array_put_bool(&negated, query->terms[i].negated);
	array_end(&negated);
	return 0;
}

static void add_null_vector(struct params *p, const struct vector_type *type)
{
	params_add_text(p, (struct wr_str){ NULL, 0 });
	p->types[p->n - 1] = type->oid;
}

/* $13 and $14.  Halves go up to 65,504: the query is of length 1 there. */
static int add_vectors(struct params *p, const struct task *t,
		       struct arena *arena)
{
	const struct backend_op *op = t->op;
	const struct layout *l = t->pg->layout;
	struct vector_type whole = { VECTOR_AS_VECTOR, l->vector_oid,
				     l->vector_array_oid };
	bool has = wants_vector(op) && op->u.search.vector && l->dim &&
		   search_sql_has_vectors(l);
	float *query = NULL;

	if (has) {
		query = arena_alloc(arena, l->dim * sizeof(*query));
		if (!query)
			return WR_ENOMEM;
		memcpy(query, op->u.search.vector, l->dim * sizeof(*query));
		if (l->query.kind == VECTOR_AS_HALFVEC)
			vector_normalise(query, l->dim);
		params_add_vector(p, &l->query, query, l->dim);
	} else {
		add_null_vector(p, &l->query);
	}
	if (has && search_sql_ranks_again(l))
		params_add_vector(p, &whole, op->u.search.vector, l->dim);
	else
		add_null_vector(p, &l->vector);
	return 0;
}

/* However many there are, their contents take a bounded room. */
static int32_t snippet_characters(const struct backend_op *op, bool none)
{
	uint32_t share = SNIPPETS_BYTES / max_u32(op->u.search.limit, 1);

	return none ? 0 : (int32_t)(share < SNIPPET_MAX ? share : SNIPPET_MAX);
}

/*
 * Those of search_sql.h.  keys_only: of what is found the scores will do;
 * hits, where not NULL, are what is to be read.
 */
static int add_search(struct task *t, enum pgsql which, bool keys_only,
		      const struct search *hits, struct wr_error *err)
{
	const struct backend_op *op = t->op;
	const struct search *s = t->state;
	struct wr_str *keys = NULL;
	size_t nkeys = hits ? hits->nhits : 0;
	struct params p;

	params_init(&p, &t->arena);
	if (filter_sql_params(&p, op->u.search.filter, t->pg->layout))
		return error_nomem(err, "postgres");
	params_add_int8(&p, op->u.search.limit);
	params_add_int8(&p, s->depth);
	params_add_int8(&p, (int64_t)s->depth * 2 + EFFORT_MIN);
	if (add_terms(&p, wants_text(op) ? op->u.search.text : NULL, &t->arena))
		return error_nomem(err, "postgres");
	params_add_int8(&p, t->pg->layout->oid);
	if (add_vectors(&p, t, &t->arena))
		return error_nomem(err, "postgres");
	params_add_int4(&p, snippet_characters(op, keys_only));
	params_add_bool(&p,
			!keys_only && (op->u.search.parts & WR_PART_CONTENT));
	params_add_bool(&p,
			!keys_only && (op->u.search.parts & WR_PART_EMBEDDING));
	keys = arena_zalloc(&t->arena, nkeys + 1, sizeof(*keys));
	if (!keys)
		return error_nomem(err, "postgres");
	for (size_t i = 0; i < nkeys; i++)
		keys[i] = hits->hits[i].key;
	params_add_texts(&p, keys, nkeys);
	return task_add(t, which, &p, err);
}

/* ------------------------------------------------------------ documents -- */

static int put_snippet(struct arena *arena, struct document *doc,
		       const struct backend_op *op, struct wr_str content)
{
	struct buf text = { 0 };
	int status;

	if (!content.ptr)
		content = str_of("");
	snippet_write(&text, content, op->u.search.text, &op->u.search.style);
	status = buf_status(&text);
	if (!status)
		status = arena_dup(arena, &doc->snippet,
				   text.len ? buf_str(&text) : str_of(""));
	buf_release(&text);
	return status;
}

static int put_document(struct task *t, const PGresult *res, int row,
			struct document **out)
{
	const struct backend_op *op = t->op;
	struct result *result = op->u.search.result;
	struct document *doc = result_add(result);

	*out = doc;
	if (!doc || document_read(doc, result, t->pg->layout, res, row))
		return WR_ENOMEM;
	return put_snippet(&result->arena, doc, op,
			   op->u.search.parts & WR_PART_CONTENT
				   ? doc->content
				   : wire_text(res, row, COL_SNIPPET));
}

/* The whole answer of the server. */
static int put_found(struct task *t, const PGresult *res)
{
	const struct backend_op *op = t->op;
	struct search *s = t->state;
	int n = PQntuples(res), status = 0;

	op->u.search.result->ndocs = 0;
	s->near = op->u.search.mode == WR_SEARCH_VECTOR ? (uint32_t)n : 0;
	for (int i = 0; !status && i < n; i++) {
		struct document *doc;

		status = put_document(t, res, i, &doc);
		if (status)
			break;
		doc->score = wire_float8(res, i, COL_SCORE);
		if (op->u.search.mode == WR_SEARCH_TEXT) {
			doc->rank_text = (uint32_t)i + 1;
		} else if (op->u.search.mode == WR_SEARCH_VECTOR) {
			doc->rank_vector = (uint32_t)i + 1;
		} else {
			doc->rank_text =
				(uint32_t)wire_int4(res, i, COL_OF_TEXT);
			doc->rank_vector =
				(uint32_t)wire_int4(res, i, COL_OF_VECTOR);
			s->near = (uint32_t)wire_int4(res, i, COL_NEAR);
		}
	}
	return status;
}

/* ---------------------------------------------------- comparing it here -- */

/* Of the fused rankings the words' comes first, whole. */
static int put_ranking(struct task *t, const PGresult *res)
{
	struct search *s = t->state;
	int n = PQntuples(res);

	s->hits =
		arena_zalloc(&t->arena, (size_t)n + s->depth, sizeof(*s->hits));
	if (!s->hits)
		return WR_ENOMEM;
	s->nhits = 0;
	for (int i = 0; i < n; i++) {
		struct hit *hit = &s->hits[s->nhits++];

		hit->of_text = (uint32_t)i + 1;
		if (arena_dup(&t->arena, &hit->key,
			      wire_text(res, i, DOCUMENT_URL)))
			return WR_ENOMEM;
	}
	return 0;
}

static int put_page(struct task *t, const PGresult *res)
{
	const struct layout *l = t->pg->layout;
	struct search *s = t->state;
	int n = PQntuples(res), status = 0;

	s->rows = (uint32_t)n;
	for (int i = 0; !status && i < n; i++) {
		double score;

		if (!wire_vector(res, i, 1, &l->vector, s->vector, l->dim) ||
		    !vector_is_sound(s->vector, l->dim))
			continue;
		score = vector_cosine(s->query, s->vector, l->dim);
		if (topk_wants(&s->best, score))
			status = topk_add(&s->best, 0, score,
					  wire_text(res, i, 0));
	}
	if (!status && n)
		status = arena_dup(&t->arena, &s->after,
				   wire_text(res, n - 1, 0));
	return status;
}

static int by_key(const void *a, const void *b)
{
	return str_cmp(((const struct hit *)a)->key,
		       ((const struct hit *)b)->key);
}

static int by_score(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return str_cmp(x->key, y->key);
}

static double part_of_score(uint32_t rank)
{
	return rank ? 1.0 / (FUSED_FIRST + rank) : 0;
}

/* One document of each key; hits are sorted by it. */
static void merge_hits(struct search *s)
{
	size_t k = 0;

	for (size_t i = 0; i < s->nhits; i++) {
		if (k && str_eq(s->hits[k - 1].key, s->hits[i].key)) {
			s->hits[k - 1].of_text += s->hits[i].of_text;
			s->hits[k - 1].of_vector += s->hits[i].of_vector;
		} else {
			s->hits[k++] = s->hits[i];
		}
	}
	s->nhits = k;
}

/* What topk has, fused with what the words found, where they were asked. */
static int rank_hits(struct task *t)
{
	const struct backend_op *op = t->op;
	struct search *s = t->state;
	bool fused = op->u.search.mode == WR_SEARCH_HYBRID;

	topk_sort(&s->best);
	if (!s->hits)
		s->hits = arena_zalloc(&t->arena, s->best.n + 1,
				       sizeof(*s->hits));
	if (!s->hits)
		return WR_ENOMEM;
	for (size_t i = 0; i < s->best.n; i++) {
		const struct topk_row *row = &s->best.rows[i];

		s->hits[s->nhits++] =
			(struct hit){ .key = { row->key, row->key_len },
				      .score = row->score,
				      .of_vector = (uint32_t)i + 1 };
	}
	if (!fused)
		return 0;
	qsort(s->hits, s->nhits, sizeof(*s->hits), by_key);
	merge_hits(s);
	for (size_t i = 0; i < s->nhits; i++)
		s->hits[i].score = part_of_score(s->hits[i].of_text) +
				   part_of_score(s->hits[i].of_vector);
	qsort(s->hits, s->nhits, sizeof(*s->hits), by_score);
	if (s->nhits > op->u.search.limit)
		s->nhits = op->u.search.limit;
	return 0;
}

/* One that was deleted meanwhile is not among them. */
static int put_hits(struct task *t, const PGresult *res)
{
	struct search *s = t->state;
	int n = PQntuples(res), status = 0;

	t->op->u.search.result->ndocs = 0;
	for (int i = 0; !status && i < n; i++) {
		uint32_t which = (uint32_t)wire_int4(res, i, COL_SCORE);
		struct document *doc;

		if (!which || which > s->nhits)
			continue;
		status = put_document(t, res, i, &doc);
		if (status)
			break;
		doc->score = s->hits[which - 1].score;
		doc->rank_text = s->hits[which - 1].of_text;
		doc->rank_vector = s->hits[which - 1].of_vector;
	}
	return status;
}

static int add_page(struct task *t, struct wr_error *err)
{
	struct search *s = t->state;
	struct params p;

	s->step = STEP_PAGE;
	params_init(&p, &t->arena);
	if (filter_sql_params(&p, t->op->u.search.filter, t->pg->layout))
		return error_nomem(err, "postgres");
	params_add_text(&p, s->after);
	params_add_int8(&p, s->page_rows);
	return task_add(t, PGSQL_SEARCH_PAGE, &p, err);
}

/* A vector takes 12 bytes a number on its way. */
static int begin_pages(struct task *t)
{
	const struct layout *l = t->pg->layout;
	const struct backend_op *op = t->op;
	struct search *s = t->state;
	uint32_t rows = PAGE_BYTES / (12 * l->dim + 100);

	s->pages = true;
	s->page_rows = max_u32(rows, 16);
	s->after = str_of("");
	topk_init(&s->best, s->depth);
	s->query = arena_zalloc(&t->arena, l->dim, sizeof(float));
	s->vector = arena_zalloc(&t->arena, l->dim, sizeof(float));
	if (!s->query || !s->vector)
		return WR_ENOMEM;
	memcpy(s->query, op->u.search.vector, l->dim * sizeof(float));
	return 0;
}

/* ----------------------------------------------------------- the search -- */

static int check_search(const struct task *t, struct wr_error *err)
{
	const struct backend_op *op = t->op;

	if (wants_text(op) && !t->pg->layout->fulltext)
		return error_set(err, WR_ENOTSUP, 0, "postgres",
				 "%s was made without full text: search by "
				 "vector, or export it into a store with full "
				 "text",
				 t->pg->info.display);
	if (wants_vector(op) && !op->u.search.vector)
		return error_set(err, WR_EINVAL, 0, "postgres",
				 "a vector search without a vector");
	return 0;
}

static enum pgsql statement_of(const struct task *t)
{
	switch (t->op->u.search.mode) {
	case WR_SEARCH_TEXT:
		return PGSQL_SEARCH_TEXT;
	case WR_SEARCH_VECTOR:
		return PGSQL_SEARCH_VECTOR;
	default:
		return PGSQL_SEARCH_HYBRID;
	}
}

/* As fuse_depth() has it. */
static uint32_t depth_of(const struct backend_op *op)
{
	uint32_t limit = op->u.search.limit;

	if (op->u.search.mode != WR_SEARCH_HYBRID)
		return limit;
	return limit < 20 ? 60 : limit > 3000 ? limit : limit * 3;
}

static int search_begin(struct task *t, struct wr_error *err)
{
	const struct backend_op *op = t->op;
	const struct layout *l = t->pg->layout;
	struct search *s = arena_zalloc(&t->arena, 1, sizeof(*s));
	enum pgsql which = statement_of(t);
	int status = s ? check_search(t, err) : WR_ENOMEM;

	if (status)
		return status;
	t->state = s;
	op->u.search.result->ndocs = 0;
	s->depth = depth_of(op);
	if (wants_vector(op) && l->dim && !search_sql_has_vectors(l)) {
		status = begin_pages(t);
		if (!status && op->u.search.mode == WR_SEARCH_VECTOR)
			return add_page(t, err);
		which = PGSQL_SEARCH_TEXT;
	}
	if (!status)
		status = add_settings(t, false, err);
	if (!status)
		status = add_search(t, which, s->pages, NULL, err);
	return status;
}

static int search_result(struct task *t, unsigned i, const PGresult *res,
			 struct wr_error *err)
{
	struct search *s = t->state;

	(void)err;
	switch (s->step) {
	case STEP_SEARCH:
	case STEP_EXACT:
		if (i < s->nsettings)
			return 0;
		return s->pages ? put_ranking(t, res) : put_found(t, res);
	case STEP_INDEX:
		s->is_approximate = PQntuples(res) && wire_bool(res, 0, 0);
		return 0;
	case STEP_PAGE:
		return put_page(t, res);
	case STEP_DOCUMENTS:
		return put_hits(t, res);
	}
	return 0;
}

/* Fewer than were asked for: there are no more, or an index gave up. */
static int look_again(struct task *t, bool *more, struct wr_error *err)
{
	struct search *s = t->state;
	struct params p;
	int status;

	if (s->step == STEP_SEARCH && wants_vector(t->op) &&
	    search_sql_has_vectors(t->pg->layout) && s->near < s->depth) {
		s->step = STEP_INDEX;
		params_init(&p, &t->arena);
		params_add_int8(&p, t->pg->layout->oid);
		*more = true;
		return task_add(t, PGSQL_SEARCH_INDEX, &p, err);
	}
	if (s->step != STEP_INDEX || !s->is_approximate)
		return 0;
	s->step = STEP_EXACT;
	*more = true;
	status = add_settings(t, true, err);
	if (!status)
		status = add_search(t, statement_of(t), false, NULL, err);
	return status;
}

static int search_next(struct task *t, bool *more, struct wr_error *err)
{
	struct search *s = t->state;
	int status;

	if (!s->pages)
		return look_again(t, more, err);
	if (s->step == STEP_DOCUMENTS)
		return 0;
	if (s->step == STEP_SEARCH || s->rows == s->page_rows) {
		*more = true;
		return add_page(t, err);
	}
	status = rank_hits(t);
	if (status || !s->nhits)
		return status;
	s->step = STEP_DOCUMENTS;
	*more = true;
	return add_search(t, PGSQL_SEARCH_DOCUMENTS, false, s, err);
}

/* Before the arena goes. */
static void search_release(struct task *t)
{
	struct search *s = t->state;

	if (s)
		topk_release(&s->best);
}

const struct task_kind search_task = {
	.what = "searching",
	.reads = true,
	.begin = search_begin,
	.result = search_result,
	.next = search_next,
	.release = search_release,
};
