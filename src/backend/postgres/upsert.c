#include "backend/postgres/upsert.h"

#include "backend/postgres/rows.h"

/* More than lies between any two times, nearly, and an interval yet. */
#define TOUCH_MAX_US (INT64_MAX / 2)

bool upsert_kind_equal(const struct upsert_kind *a, const struct upsert_kind *b)
{
	return a->mode == b->mode && a->guard == b->guard &&
	       a->seen_at == b->seen_at && a->own_vector == b->own_vector &&
	       a->no_text == b->no_text;
}

/* Only an outcome that stores something can have been predicted of a row. */
static bool may_be_ours(const struct write *w)
{
	return w->retried &&
	       (w->predicted == WR_INSERTED || w->predicted == WR_UPDATED ||
		w->predicted == WR_UNCHANGED);
}

static enum upsert_mode mode_of(const struct write *w)
{
	if (w->policy == WR_UPDATE)
		return UPSERT_UPDATE;
	return may_be_ours(w) ? UPSERT_FILL : UPSERT_KEEP;
}

void upsert_kind_of(struct upsert_kind *kind, const struct write *w)
{
	const struct record *rec = w->rec;

	kind->mode = mode_of(w);
	kind->guard = rec->timed || w->retried;
	kind->seen_at = INT64_MIN;
	/* What was seen before is not newer, whatever its time. */
	if (!rec->timed && w->retried && w->seen_at > rec->fetched_at)
		kind->seen_at = w->seen_at;
	kind->own_vector = w->vector && rec->embedding;
	kind->no_text = !record_has_text(rec);
}

static bool has_vector(const struct upsert_kind *kind, const struct write *w)
{
	return w->vector && (!kind->no_text || kind->own_vector);
}

/* ------------------------------------------------------------- columns -- */

typedef struct wr_str (*text_of)(const struct record *rec);

static struct wr_str key_of(const struct record *rec)
{
	return rec->key;
}

static struct wr_str title_of(const struct record *rec)
{
	return rec->title;
}

static struct wr_str content_of(const struct record *rec)
{
	return rec->content;
}

static struct wr_str content_hash_of(const struct record *rec)
{
	return rows_bytes(rec->content_hash, DIGEST_SIZE);
}

static struct wr_str meta_hash_of(const struct record *rec)
{
	return rows_bytes(rec->meta_hash, META_SIZE);
}

/* The limits of a record keep the sum from overflowing. */
static void add_texts(struct params *p, Oid array, Oid element, text_of text,
		      struct write *const *rows, size_t n)
{
	struct array a;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += text(rows[i]->rec).len;
	array_begin(&a, p, array, element, n, bytes);
	for (size_t i = 0; i < n; i++)
		array_put_text(&a, text(rows[i]->rec));
	array_end(&a);
}

static void add_metadata(struct params *p, struct write *const *rows, size_t n)
{
	struct array a;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += rows[i]->rec->metadata.len + 1;
	array_begin(&a, p, OID_JSONB_ARRAY, OID_JSONB, n, bytes);
	for (size_t i = 0; i < n; i++)
		array_put_jsonb(&a, rows[i]->rec->metadata);
	array_end(&a);
}

enum time_column { FETCHED_AT, CREATED_AT, UPDATED_AT };

static int64_t time_of(const struct record *rec, enum time_column which)
{
	switch (which) {
	case FETCHED_AT:
		return rec->fetched_at;
	case CREATED_AT:
		return rec->created_at;
	case UPDATED_AT:
		return rec->updated_at;
	}
	return 0;
}

static void add_times(struct params *p, const struct layout *l,
		      enum time_column which, struct write *const *rows,
		      size_t n)
{
	struct array a;

	array_begin(&a, p, l->time_array_oid, l->time_oid, n, n * 8);
	for (size_t i = 0; i < n; i++) {
		int64_t us = time_of(rows[i]->rec, which);

		if (us)
			array_put_time(&a, us);
		else
			array_put_null(&a);
	}
	array_end(&a);
}

/* As of a row that is new. */
static void add_pending(struct params *p, const struct upsert_kind *kind,
			struct write *const *rows, size_t n)
{
	struct array a;

	array_begin(&a, p, OID_BOOL_ARRAY, OID_BOOL, n, n);
	for (size_t i = 0; i < n; i++)
		array_put_bool(&a, rows[i]->wants_vector && !kind->no_text &&
					   !has_vector(kind, rows[i]));
	array_end(&a);
}

/* pgvector's: an array of them, and nothing. */
static void add_vectors(struct params *p, const struct layout *l,
			const struct upsert_kind *kind,
			struct write *const *rows, size_t n)
{
	const struct vector_type *type = &l->vector;
	size_t nvectors = 0;
	struct array a;

	for (size_t i = 0; i < n; i++)
		nvectors += has_vector(kind, rows[i]);
	array_begin(&a, p, type->array_oid, type->oid, n,
		    nvectors * vector_bytes(type, l->dim));
	for (size_t i = 0; i < n; i++) {
		if (has_vector(kind, rows[i]))
			array_put_vector(&a, type, rows[i]->vector, l->dim);
		else
			array_put_null(&a);
	}
	array_end(&a);
	params_add_text(p, (struct wr_str){ NULL, 0 });
}

/*
 * unnest() would take arrays of arrays apart to the last number: which of the
 * vectors it is, and all of their numbers in a row.
 */
static void add_arrays(struct params *p, const struct layout *l,
		       const struct upsert_kind *kind,
		       struct write *const *rows, size_t n)
{
	const struct vector_type *type = &l->vector;
	struct array a;
	size_t nvectors = 0;

	array_begin(&a, p, OID_INT4_ARRAY, OID_INT4, n, n * 4);
	for (size_t i = 0; i < n; i++) {
		if (has_vector(kind, rows[i]))
			array_put_int4(&a, (int32_t)++nvectors);
		else
			array_put_null(&a);
	}
	array_end(&a);
	array_begin(&a, p, type->array_oid, vector_element_oid(type),
		    nvectors * vector_elements(type, l->dim),
		    nvectors * vector_bytes(type, l->dim));
	for (size_t i = 0; i < n; i++)
		if (has_vector(kind, rows[i]))
			array_put_vector(&a, type, rows[i]->vector, l->dim);
	array_end(&a);
}

void upsert_params(struct params *p, const struct layout *l,
		   const struct upsert_batch *batch,
		   const struct upsert_kind *kind, struct write *const *rows,
		   size_t n)
{
	add_texts(p, OID_TEXT_ARRAY, OID_TEXT, key_of, rows, n);
	add_texts(p, OID_TEXT_ARRAY, OID_TEXT, title_of, rows, n);
	add_texts(p, OID_TEXT_ARRAY, OID_TEXT, content_of, rows, n);
	add_metadata(p, rows, n);
	add_texts(p, OID_BYTEA_ARRAY, OID_BYTEA, content_hash_of, rows, n);
	add_texts(p, OID_BYTEA_ARRAY, OID_BYTEA, meta_hash_of, rows, n);
	add_times(p, l, FETCHED_AT, rows, n);
	add_times(p, l, CREATED_AT, rows, n);
	add_times(p, l, UPDATED_AT, rows, n);
	add_pending(p, kind, rows, n);
	if (l->vector.kind == VECTOR_AS_ARRAY)
		add_arrays(p, l, kind, rows, n);
	else
		add_vectors(p, l, kind, rows, n);
	params_add_time(p, l->time_oid, batch->now);
	params_add_int8(p, batch->touch_after_us < TOUCH_MAX_US
				   ? batch->touch_after_us
				   : TOUCH_MAX_US);
	params_add_int4(p, kind->mode);
	params_add_bool(p, kind->guard);
	params_add_time(p, l->time_oid, kind->seen_at);
	params_add_int4(p, kind->own_vector | kind->no_text << 1);
	params_add_int4(p, batch->words_of);
	params_add_int4(p, (int32_t)l->dim);
}
