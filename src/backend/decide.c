#include "backend/decide.h"

#include <assert.h>
#include <string.h>

static bool content_is_same(const struct record *rec,
			    const struct stored_row *row)
{
	return row->digests_count &&
	       !memcmp(rec->content_hash, row->content_hash, DIGEST_SIZE);
}

static bool meta_is_same(const struct record *rec, const struct stored_row *row)
{
	return row->digests_count && record_meta_same(rec, row->meta_hash);
}

/* Halves that the record leaves out stay as they are. */
static void merge_meta(struct decision *d, const struct record *rec,
		       const struct stored_row *row)
{
	memcpy(d->meta_hash, rec->meta_hash, META_SIZE);
	if (!rec->title.ptr && row->digests_count)
		memcpy(d->meta_hash, row->meta_hash, META_HALF);
	if (!rec->metadata.ptr && row->digests_count)
		memcpy(d->meta_hash + META_HALF, row->meta_hash + META_HALF,
		       META_SIZE - META_HALF);
	d->rehash = row->found && !row->digests_count &&
		    (!rec->title.ptr || !rec->metadata.ptr);
}

static void set_vector(struct decision *d)
{
	d->vector = VECTOR_SET;
	d->pending = false;
}

/* The content stays: a vector is taken where one is missing. */
static void keep_content(struct decision *d, const struct write *w,
			 const struct stored_row *row)
{
	if (w->vector && (row->pending || !row->has_vector) &&
	    (record_has_text(w->rec) || w->rec->embedding))
		set_vector(d);
}

static void change_content(struct decision *d, const struct write *w,
			   const struct stored_row *row)
{
	d->content_changes = true;
	if (w->vector && (record_has_text(w->rec) || w->rec->embedding)) {
		set_vector(d);
	} else if (!record_has_text(w->rec)) {
		d->vector = row->has_vector ? VECTOR_CLEAR : VECTOR_KEEP;
		d->pending = false;
	} else {
		/* A vector that stays belongs to the content before. */
		d->pending = w->wants_vector || row->pending || row->has_vector;
	}
}

static void insert(struct decision *d, const struct write *w,
		   const struct stored_row *row, int64_t now)
{
	const struct record *rec = w->rec;

	d->outcome = WR_INSERTED;
	d->row = ROW_INSERT;
	d->fetched_at = rec->fetched_at;
	d->created_at = rec->created_at ? rec->created_at : now;
	d->updated_at = rec->updated_at ? rec->updated_at : now;
	merge_meta(d, rec, row);
	change_content(d, w, row);
}

static void update(struct decision *d, const struct write *w,
		   const struct stored_row *row, int64_t now)
{
	d->outcome = WR_UPDATED;
	d->row = ROW_UPDATE;
	d->fetched_at = w->rec->fetched_at;
	d->updated_at = now;
	merge_meta(d, w->rec, row);
	if (!content_is_same(w->rec, row))
		change_content(d, w, row);
	else if (w->vector && w->rec->embedding)
		set_vector(d);
	else
		keep_content(d, w, row);
}

static void leave(struct decision *d, const struct write *w,
		  const struct stored_row *row, int64_t touch_after_us)
{
	d->outcome = WR_UNCHANGED;
	if (record_newer_by_more(w->rec->fetched_at, row->fetched_at,
				 touch_after_us)) {
		d->row = ROW_TOUCH;
		d->fetched_at = w->rec->fetched_at;
	}
	keep_content(d, w, row);
}

/*
 * Did the attempt before write this row?  Only an outcome that stores something
 * can have been predicted of it.
 */
static bool was_written(const struct write *w, const struct stored_row *row)
{
	return w->retried &&
	       (w->predicted == WR_INSERTED || w->predicted == WR_UPDATED ||
		w->predicted == WR_UNCHANGED) &&
	       row->fetched_at == w->rec->fetched_at &&
	       content_is_same(w->rec, row) && meta_is_same(w->rec, row);
}

static void skip(struct decision *d, enum wr_skip why)
{
	d->outcome = WR_SKIPPED;
	d->skip = why;
}

/*
 * Is what is stored newer?  A record without a time of its own counts as
 * fetched now, but when it is tried again another program may have stored a
 * newer page since it was looked up.
 */
static bool is_stale(const struct write *w, const struct stored_row *row)
{
	if (row->fetched_at <= w->rec->fetched_at)
		return false;
	return w->rec->timed || (w->retried && row->fetched_at != w->seen_at);
}

static void upsert(struct decision *d, const struct write *w,
		   const struct stored_row *row, int64_t touch_after_us,
		   int64_t now)
{
	if (!row->found) {
		insert(d, w, row, now);
	} else if (was_written(w, row)) {
		d->outcome = w->predicted;
		/* Unless it was not that attempt, but the same page before. */
		keep_content(d, w, row);
	} else if (w->policy == WR_SKIP) {
		skip(d, WR_SKIP_STORED);
	} else if (w->policy == WR_FAIL) {
		d->outcome = WR_FAILED;
	} else if (is_stale(w, row)) {
		skip(d, WR_SKIP_STALE);
	} else if (content_is_same(w->rec, row) && meta_is_same(w->rec, row)) {
		leave(d, w, row, touch_after_us);
	} else {
		update(d, w, row, now);
	}
}

static void add_vector(struct decision *d, const struct write *w,
		       const struct stored_row *row)
{
	assert(w->vector);
	if (!row->found || !content_is_same(w->rec, row)) {
		skip(d, WR_SKIP_GONE);
		return;
	}
	d->outcome = WR_UPDATED;
	set_vector(d);
}

static void remove_row(struct decision *d, const struct write *w,
		       const struct stored_row *row)
{
	if (row->found) {
		d->outcome = WR_UPDATED;
		d->row = ROW_DELETE;
		d->pending = false;
	} else if (w->retried && w->predicted == WR_UPDATED) {
		d->outcome = WR_UPDATED;
	} else {
		skip(d, WR_SKIP_GONE);
	}
}

void decide_write(struct decision *d, const struct write *w,
		  const struct stored_row *row, int64_t touch_after_us,
		  int64_t now)
{
	memset(d, 0, sizeof(*d));
	d->pending = row->pending;
	switch (w->kind) {
	case WRITE_UPSERT:
		upsert(d, w, row, touch_after_us, now);
		break;
	case WRITE_VECTOR:
		add_vector(d, w, row);
		break;
	case WRITE_DELETE:
		remove_row(d, w, row);
		break;
	}
	d->pending_changes = d->pending != row->pending;
}

void decide_lookup(struct lookup *item, const struct stored_row *row)
{
	item->found = row->found;
	item->same_content = row->found && content_is_same(item->rec, row);
	item->same_meta = row->found && meta_is_same(item->rec, row);
	item->has_vector = row->found && row->has_vector;
	item->pending = row->found && row->pending;
	item->reused = false;
	item->fetched_at = row->found ? row->fetched_at : 0;
}

bool decide_reuse(const struct lookup *item)
{
	return item->vector && (!item->same_content || item->pending);
}
