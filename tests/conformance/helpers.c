/*
 * Making pages, saving them and reading them back in one line each.
 */
#include "conformance.h"

#include "base/clock.h"
#include "base/json.h"
#include "record/digest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *make(struct fixture *fx, size_t n, size_t size)
{
	void *p = arena_zalloc(&fx->arena, n, size);

	assert_non_null(p);
	return p;
}

static struct wr_str copy_str(struct fixture *fx, struct wr_str from)
{
	struct wr_str to;

	assert_int_equal(arena_dup(&fx->arena, &to, from), 0);
	return to;
}

const char *text_make(struct fixture *fx, const char *fmt, ...)
{
	struct buf text = { 0 };
	struct wr_str copy;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	assert_int_equal(buf_status(&text), 0);
	copy = copy_str(fx, text.len ? buf_str(&text) : str_of(""));
	buf_release(&text);
	return copy.ptr;
}

/* --------------------------------------------------------------- writing -- */

struct record *record_make(struct fixture *fx, const struct page *page)
{
	struct record *rec = make(fx, 1, sizeof(*rec));

	rec->key = copy_str(fx, str_of(page->key));
	rec->key_hash = digest_hash(rec->key);
	rec->title = copy_str(fx, str_of(page->title));
	rec->content = str_of(page->content ? page->content : "");
	if (page->content_len)
		rec->content.len = page->content_len;
	rec->content = copy_str(fx, rec->content);
	rec->metadata = copy_str(fx, str_of(page->metadata));
	rec->timed = page->fetched_at != 0;
	rec->fetched_at = rec->timed ? page->fetched_at : clock_now_us();
	rec->created_at = page->created_at;
	rec->updated_at = page->updated_at;
	rec->embedding = page->own;
	digest_of(rec->content, rec->content_hash);
	record_meta_hash(rec->meta_hash, rec->title, rec->metadata);
	return rec;
}

struct write write_make(struct fixture *fx, const struct page *page)
{
	return (struct write){
		.kind = WRITE_UPSERT,
		.rec = record_make(fx, page),
		.vector = page->own ? page->own : page->vector,
		.policy = page->policy,
		.wants_vector = page->wants_vector,
		.known_absent = page->known_absent,
		.retried = page->retried,
		.predicted = page->predicted,
	};
}

static int write_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct write *)a)->rec->key,
		       ((const struct write *)b)->rec->key);
}

int write_all(struct fixture *fx, struct write *items, size_t n,
	      int64_t touch_after_us)
{
	struct backend_op op = {
		.kind = BACKEND_WRITE,
		.u.write = { items, n, touch_after_us },
	};

	qsort(items, n, sizeof(*items), write_cmp);
	return run_op(fx, &op);
}

static struct saved save_write(struct fixture *fx, struct write *w,
			       int64_t touch_after_us)
{
	if (write_all(fx, w, 1, touch_after_us))
		fail_msg("write of %s: %s", w->rec->key.ptr, fx->err.message);
	return (struct saved){ w->outcome, w->skip };
}

struct saved save_page(struct fixture *fx, const struct page *page)
{
	struct write w = write_make(fx, page);

	return save_write(fx, &w, page->touch_after_us);
}

struct saved save_vector(struct fixture *fx, const char *key,
			 const char *content, const float *vector)
{
	const struct page page = { .key = key, .content = content };
	struct write w = {
		.kind = WRITE_VECTOR,
		.rec = record_make(fx, &page),
		.vector = vector,
	};

	return save_write(fx, &w, 0);
}

struct saved delete_key(struct fixture *fx, const char *key)
{
	const struct page page = { .key = key };
	struct write w = {
		.kind = WRITE_DELETE,
		.rec = record_make(fx, &page),
	};

	return save_write(fx, &w, 0);
}

/* --------------------------------------------------------------- reading -- */

const struct document *get(struct fixture *fx, const char *key)
{
	struct wr_str keys[] = { str_of(key) };
	struct backend_op op = {
		.kind = BACKEND_GET,
		.u.get = { keys, 1, WR_PART_CONTENT | WR_PART_EMBEDDING,
			   result_make(fx) },
	};

	if (run_op(fx, &op))
		fail_msg("get %s: %s", key, fx->err.message);
	assert_int_equal(op.u.get.result->ndocs, 1);
	return &op.u.get.result->docs[0];
}

struct lookup lookup(struct fixture *fx, const struct page *page, float *vector)
{
	struct lookup item = {
		.rec = record_make(fx, page),
		.vector = vector,
	};
	struct backend_op op = {
		.kind = BACKEND_LOOKUP,
		.u.lookup = { &item, 1 },
	};

	if (run_op(fx, &op))
		fail_msg("lookup of %s: %s", page->key, fx->err.message);
	return item;
}

struct filter *filter_make(struct fixture *fx, const struct wr_filter *from)
{
	struct filter *filter = make(fx, 1, sizeof(*filter));
	struct wr_filter whole = WR_FILTER_INIT;
	struct wr_error err = { 0 };

	if (from)
		whole = *from;
	whole.size = sizeof(whole);
	if (filter_init(filter, &whole, &fx->arena, &err))
		fail_msg("filter: %s", err.message);
	return filter;
}

const char *result_keys(struct fixture *fx, const struct result *result)
{
	const char *keys = "";

	for (size_t i = 0; i < result->ndocs; i++)
		keys = text_make(fx, "%s%s%s", keys, i ? " " : "",
				 result->docs[i].key.ptr);
	return keys;
}

const char *scan_keys(struct fixture *fx, const struct wr_filter *filter,
		      uint32_t page_size)
{
	struct filter *checked = filter_make(fx, filter);
	const char *keys = "";
	struct wr_str after = { 0 };
	size_t got;

	do {
		struct result *result = result_make(fx);
		struct backend_op op = {
			.kind = BACKEND_SCAN,
			.u.scan = { checked, after, page_size, 0, result },
		};

		if (run_op(fx, &op))
			fail_msg("scan: %s", fx->err.message);
		got = result->ndocs;
		assert_in_range(got, 0, page_size);
		if (got) {
			keys = text_make(fx, "%s%s%s", keys, *keys ? " " : "",
					 result_keys(fx, result));
			after = result->docs[got - 1].key;
		}
	} while (got == page_size);
	filter_release(checked);
	return keys;
}

const char *pending_keys(struct fixture *fx)
{
	struct result *result = result_make(fx);
	struct backend_op op = {
		.kind = BACKEND_PENDING,
		.u.pending = { { 0 }, 1000, result, NULL },
	};

	if (run_op(fx, &op))
		fail_msg("pending: %s", fx->err.message);
	return result_keys(fx, result);
}

struct result *search_run(struct fixture *fx, enum wr_mode mode,
			  const char *text, const float *vector,
			  const struct wr_filter *filter, uint32_t limit,
			  unsigned parts)
{
	struct result *result = result_make(fx);
	struct text_query *query = make(fx, 1, sizeof(*query));
	struct filter *checked = filter_make(fx, filter);
	struct backend_op op = {
		.kind = BACKEND_SEARCH,
		.u.search = {
			.mode = mode,
			.text = text ? query : NULL,
			.vector = vector,
			.filter = checked,
			.limit = limit,
			.parts = parts,
			.style = { str_of("["), str_of("]"), 8 },
			.result = result,
		},
	};

	if (text)
		assert_int_equal(query_parse(query, str_of(text), &fx->arena),
				 0);
	if (run_op(fx, &op))
		fail_msg("search for %s: %s", text ? text : "a vector",
			 fx->err.message);
	assert_in_range(result->ndocs, 0, limit);
	filter_release(checked);
	return result;
}

const char *search_text(struct fixture *fx, const char *text)
{
	return result_keys(
		fx, search_run(fx, WR_SEARCH_TEXT, text, NULL, NULL, 100, 0));
}

const char *search_vector(struct fixture *fx, const float *vector)
{
	return result_keys(fx, search_run(fx, WR_SEARCH_VECTOR, NULL, vector,
					  NULL, 100, 0));
}

static const struct result *stats(struct fixture *fx)
{
	struct backend_op op = {
		.kind = BACKEND_STATS,
		.u.stats.result = result_make(fx),
	};

	if (run_op(fx, &op))
		fail_msg("stats: %s", fx->err.message);
	return op.u.stats.result;
}

uint64_t stat_of(struct fixture *fx, const char *name)
{
	const struct result *result = stats(fx);

	for (size_t i = 0; i < result->nstats; i++)
		if (!strcmp(result->stats[i].name, name))
			return result->stats[i].value;
	fail_msg("there is no statistic %s", name);
	return 0;
}

const char *property_of(struct fixture *fx, const char *name)
{
	const struct result *result = stats(fx);

	for (size_t i = 0; i < result->nproperties; i++)
		if (!strcmp(result->properties[i].name, name))
			return result->properties[i].value;
	fail_msg("there is no property %s", name);
	return NULL;
}

/* ----------------------------------------------------------------- words -- */

void assert_text(struct wr_str got, const char *wanted)
{
	if (!str_eq(got, str_of(wanted)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)got.len,
			 got.ptr ? got.ptr : "", wanted);
}

void assert_vector(const struct document *doc, const float *wanted)
{
	if (!wanted) {
		assert_null(doc->embedding);
		return;
	}
	assert_non_null(doc->embedding);
	assert_int_equal(doc->dim, DIM);
	for (size_t i = 0; i < DIM; i++)
		if (!(fabsf(doc->embedding[i] - wanted[i]) <=
		      fabsf(wanted[i]) * driver.rounding))
			fail_msg("element %zu is %g, not %g", i,
				 (double)doc->embedding[i], (double)wanted[i]);
}
