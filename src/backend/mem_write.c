/*
 * A batch of writes in two steps: prepare() decides and allocates all that is
 * needed, and can be undone; commit() cannot fail.
 */
#include "backend/mem_table.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include <string.h>

/* What one write will do; owns what it points to until commit(). */
struct change {
	struct decision decision;
	struct mem_doc *doc; /* NULL: there is none and will be none */
	bool fresh;	     /* doc is in the map already, not in docs */
	struct mem_text title, content, metadata; /* ptr NULL: as it was */
	struct mem_content *same;		  /* NULL: likewise */
	float *vector;				  /* NULL: likewise */
};

static int copy_text(struct mem_text *to, struct wr_str from)
{
	if (!from.ptr)
		return 0;
	to->ptr = mem_dup(from.ptr, from.len);
	to->len = from.len;
	return to->ptr ? 0 : WR_ENOMEM;
}

static int copy_row(struct mem_table *t, struct change *c,
		    const struct write *w)
{
	const struct record *rec = w->rec;

	if (c->decision.row == ROW_INSERT) {
		c->doc = mem_table_add(t, rec->key);
		if (!c->doc)
			return WR_ENOMEM;
		c->fresh = true;
	}
	if (copy_text(&c->title, rec->title) ||
	    copy_text(&c->metadata, rec->metadata))
		return WR_ENOMEM;
	if (!c->decision.content_changes)
		return 0;
	c->same = mem_table_hold(t, rec->content_hash);
	return c->same ? copy_text(&c->content, rec->content) : WR_ENOMEM;
}

static int prepare(struct mem_table *t, struct change *c, const struct write *w,
		   int64_t touch_after_us, int64_t now)
{
	struct stored_row row;

	c->doc = mem_table_find(t, w->rec->key);
	row = mem_doc_row(c->doc);
	decide_write(&c->decision, w, &row, touch_after_us, now);
	if (c->decision.vector == VECTOR_SET) {
		if (!t->dim)
			return WR_EDATA;
		c->vector = mem_resize(NULL, t->dim, sizeof(float));
		if (!c->vector)
			return WR_ENOMEM;
		memcpy(c->vector, w->vector, t->dim * sizeof(float));
	}
	if (c->decision.row == ROW_INSERT || c->decision.row == ROW_UPDATE)
		return copy_row(t, c, w);
	return 0;
}

static void undo(struct mem_table *t, struct change *c)
{
	mem_free(c->title.ptr);
	mem_free(c->content.ptr);
	mem_free(c->metadata.ptr);
	mem_free(c->vector);
	if (c->same)
		mem_table_drop(t, c->same);
	if (c->fresh)
		mem_table_undo(t, c->doc);
}

static void replace_text(struct mem_text *old, struct mem_text new)
{
	if (!new.ptr)
		return;
	mem_free(old->ptr);
	*old = new;
}

static void replace_vector(struct mem_doc *doc, float *vector)
{
	mem_free(doc->vector);
	doc->vector = vector;
}

static void commit(struct mem_table *t, struct change *c)
{
	const struct decision *d = &c->decision;
	struct mem_doc *doc = c->doc;

	if (!doc)
		return;
	if (d->row == ROW_DELETE) {
		doc->gone = true;
		return;
	}
	replace_text(&doc->title, c->title);
	replace_text(&doc->content, c->content);
	replace_text(&doc->metadata, c->metadata);
	if (d->vector != VECTOR_KEEP)
		replace_vector(doc, c->vector);
	if (c->same) {
		list_remove(&doc->link);
		if (doc->same)
			mem_table_drop(t, doc->same);
		doc->same = c->same;
	}
	if (d->row == ROW_INSERT)
		doc->created_at = d->created_at;
	if (d->row == ROW_INSERT || d->row == ROW_UPDATE) {
		doc->updated_at = d->updated_at;
		memcpy(doc->meta_hash, d->meta_hash, META_SIZE);
	}
	if (d->row != ROW_KEEP)
		doc->fetched_at = d->fetched_at;
	doc->pending = d->pending;
	mem_doc_relink(doc);
}

static int check_order(const struct write *items, size_t n,
		       struct wr_error *err)
{
	for (size_t i = 1; i < n; i++)
		if (str_cmp(items[i - 1].rec->key, items[i].rec->key) >= 0)
			return error_set(err, WR_EBUG, 0, "mem",
					 "a batch is not in the order of its "
					 "keys, or has one twice");
	return 0;
}

static int prepare_all(struct mem_table *t, struct change *changes,
		       const struct write *items, size_t n,
		       int64_t touch_after_us, size_t *prepared,
		       struct wr_error *err)
{
	int64_t now = clock_now_us();

	for (size_t i = 0; i < n; i++) {
		int status;

		*prepared = i + 1;
		status =
			prepare(t, &changes[i], &items[i], touch_after_us, now);
		if (status == WR_EDATA)
			return error_set(err, status, 0, "mem",
					 "the dimension of vectors is not "
					 "recorded in the store yet");
		if (status)
			return error_nomem(err, "mem");
	}
	return 0;
}

int mem_table_write(struct mem_table *t, struct write *items, size_t n,
		    int64_t touch_after_us, struct wr_error *err)
{
	struct change *changes = NULL;
	struct mem_doc **fresh = NULL;
	size_t nprepared = 0, nfresh = 0;
	bool gone = false;
	int status;

	status = check_order(items, n, err);
	if (status)
		return status;
	changes = mem_zalloc(n, sizeof(*changes));
	fresh = mem_zalloc(n, sizeof(struct mem_doc *));
	if (!changes || !fresh || mem_table_reserve(t, n)) {
		status = error_nomem(err, "mem");
		goto out;
	}
	status = prepare_all(t, changes, items, n, touch_after_us, &nprepared,
			     err);
	if (status)
		goto out;
	for (size_t i = 0; i < n; i++) {
		commit(t, &changes[i]);
		if (changes[i].fresh)
			fresh[nfresh++] = changes[i].doc;
		gone |= changes[i].decision.row == ROW_DELETE;
		items[i].outcome = changes[i].decision.outcome;
		items[i].skip = changes[i].decision.skip;
	}
	nprepared = 0;
	mem_table_merge(t, fresh, nfresh);
	if (gone)
		mem_table_sweep(t);
out:
	for (size_t i = 0; i < nprepared; i++)
		undo(t, &changes[i]);
	mem_free(fresh);
	mem_free(changes);
	return status;
}
