/*
 * A batch of writes: one transaction, under the lock.
 *
 * What a write does is decided by decide_write(); here it is carried out.  A
 * batch that changes nothing dirties no page, and so is not synced either.
 */
#include "backend/sqlite/rows.h"
#include "backend/sqlite/texts.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

/* SQLite's own limit, for a whole row. */
enum { ROW_BYTES_MAX = 1000000000 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "vectors are stored little endian, as they lie in memory");

struct batch {
	struct conn *c;
	int64_t touch_after_us, now;
	struct row row; /* of the write at hand */
};

/* ------------------------------------------------------------- vectors -- */

static int put_vector(struct conn *c, int64_t id, const float *vector,
		      struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_VECTOR_PUT, err);

	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, id);
	db_bind_blob(stmt, 2, vector, c->settings.dim * sizeof(float));
	return db_do(&c->db, stmt, err);
}

static int run_by_id(struct conn *c, enum sql which, int64_t id,
		     struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, which, err);

	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, id);
	return db_do(&c->db, stmt, err);
}

/* The vector alone; the flag "embedded" is the document's. */
static int change_vector(struct conn *c, int64_t id, const struct write *w,
			 const struct decision *d, struct wr_error *err)
{
	switch (d->vector) {
	case VECTOR_SET:
		return put_vector(c, id, w->vector, err);
	case VECTOR_CLEAR:
		return run_by_id(c, SQL_VECTOR_DELETE, id, err);
	case VECTOR_KEEP:
		break;
	}
	return 0;
}

static bool will_have_vector(const struct row *row, const struct decision *d)
{
	return d->vector == VECTOR_SET ||
	       (d->vector == VECTOR_KEEP && row->stored.has_vector);
}

/* ---------------------------------------------------------------- rows -- */

/* *inserted is false where the key is stored after all. */
static int insert_row(struct conn *c, const struct write *w,
		      const struct decision *d, bool *inserted,
		      struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_DOCUMENT_INSERT, err);
	const struct record *rec = w->rec;
	int64_t id;
	int status;

	if (!stmt)
		return err->status;
	db_bind(stmt, 1, rec->key);
	db_bind_blob(stmt, 2, rec->content_hash, DIGEST_SIZE);
	db_bind_blob(stmt, 3, d->meta_hash, META_SIZE);
	sqlite3_bind_int64(stmt, 4, d->fetched_at);
	sqlite3_bind_int64(stmt, 5, d->created_at);
	sqlite3_bind_int64(stmt, 6, d->updated_at);
	sqlite3_bind_int(stmt, 7, d->pending);
	sqlite3_bind_int(stmt, 8, d->vector == VECTOR_SET);
	sqlite3_bind_int64(stmt, 9, (int64_t)rec->content.len);
	db_bind(stmt, 10, rec->title);
	db_bind(stmt, 11, rec->metadata);
	db_bind(stmt, 12, rec->content);
	status = db_do(&c->db, stmt, err);
	*inserted = !status && sqlite3_changes(c->db.handle) > 0;
	if (status || !*inserted)
		return status;
	id = sqlite3_last_insert_rowid(c->db.handle);
	if (conn_has_text(c))
		status = texts_put(&c->db, id, rec->title, rec->content, err);
	return status ? status : change_vector(c, id, w, d, err);
}

/* The digest of a half that the record leaves out and nobody vouches for. */
static int rehash(struct conn *c, const struct record *rec,
		  const struct row *row, struct decision *d,
		  struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_ROW_TEXT, err);
	struct wr_str title = rec->title, metadata = rec->metadata;
	int status;

	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, row->id);
	status = db_step(&c->db, stmt, err);
	if (status > 0) {
		if (!title.ptr)
			title = db_column(stmt, 0);
		if (!metadata.ptr)
			metadata = db_column(stmt, 2);
		record_meta_hash(d->meta_hash, title, metadata);
	}
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

/* Do the words in the full text index change? */
static bool text_changes(const struct row *row, const struct decision *d)
{
	return d->content_changes || !row->stored.digests_count ||
	       memcmp(d->meta_hash, row->meta_hash, META_HALF) != 0;
}

static int update_row(struct conn *c, const struct write *w,
		      const struct row *row, struct decision *d,
		      struct wr_error *err)
{
	const struct record *rec = w->rec;
	sqlite3_stmt *stmt;
	int status = 0;

	if (d->rehash)
		status = rehash(c, rec, row, d, err);
	if (!status && conn_has_text(c) && text_changes(row, d))
		status = texts_replace(&c->db, row->id, rec->title,
				       rec->content, err);
	if (status)
		return status;
	stmt = db_stmt(&c->db, SQL_DOCUMENT_UPDATE, err);
	if (!stmt)
		return err->status;
	sqlite3_bind_int64(stmt, 1, row->id);
	db_bind_blob(stmt, 2, rec->content_hash, DIGEST_SIZE);
	db_bind_blob(stmt, 3, d->meta_hash, META_SIZE);
	sqlite3_bind_int64(stmt, 4, d->fetched_at);
	sqlite3_bind_int64(stmt, 5, d->updated_at);
	sqlite3_bind_int(stmt, 6, d->pending);
	sqlite3_bind_int(stmt, 7, will_have_vector(row, d));
	sqlite3_bind_int64(stmt, 8, (int64_t)rec->content.len);
	db_bind(stmt, 9, rec->title);
	db_bind(stmt, 10, rec->metadata);
	db_bind(stmt, 11, rec->content);
	status = db_do(&c->db, stmt, err);
	return status ? status : change_vector(c, row->id, w, d, err);
}

/* The row stays, but for the time, the flags and the vector. */
static int keep_row(struct conn *c, const struct write *w,
		    const struct row *row, const struct decision *d,
		    struct wr_error *err)
{
	bool vector = will_have_vector(row, d);
	sqlite3_stmt *stmt;
	int status = 0;

	if (d->row == ROW_TOUCH) {
		stmt = db_stmt(&c->db, SQL_DOCUMENT_TOUCH, err);
		if (!stmt)
			return err->status;
		sqlite3_bind_int64(stmt, 1, row->id);
		sqlite3_bind_int64(stmt, 2, d->fetched_at);
		status = db_do(&c->db, stmt, err);
	}
	if (!status &&
	    (d->pending_changes || vector != row->stored.has_vector)) {
		stmt = db_stmt(&c->db, SQL_DOCUMENT_FLAGS, err);
		if (!stmt)
			return err->status;
		sqlite3_bind_int64(stmt, 1, row->id);
		sqlite3_bind_int(stmt, 2, d->pending);
		sqlite3_bind_int(stmt, 3, vector);
		status = db_do(&c->db, stmt, err);
	}
	return status ? status : change_vector(c, row->id, w, d, err);
}

int rows_delete(struct conn *c, int64_t id, struct wr_error *err)
{
	return run_by_id(c, SQL_DOCUMENT_DELETE, id, err);
}

/* --------------------------------------------------------------- batch -- */

static int check_size(const struct record *rec, struct wr_error *err)
{
	if (rec->title.len < ROW_BYTES_MAX &&
	    rec->content.len < ROW_BYTES_MAX &&
	    rec->metadata.len < ROW_BYTES_MAX)
		return 0;
	return error_set(err, WR_EDATA, SQLITE_TOOBIG, "sqlite",
			 "a text is longer than SQLite stores (1,000,000,000 "
			 "bytes)");
}

static int carry_out(struct batch *b, struct write *w, struct decision *d,
		     struct wr_error *err)
{
	struct conn *c = b->c;
	bool inserted;

	switch (d->row) {
	case ROW_INSERT:
		return insert_row(c, w, d, &inserted, err);
	case ROW_UPDATE:
		return update_row(c, w, &b->row, d, err);
	case ROW_DELETE:
		return rows_delete(c, b->row.id, err);
	case ROW_KEEP:
	case ROW_TOUCH:
		if (b->row.stored.found)
			return keep_row(c, w, &b->row, d, err);
		break;
	}
	return 0;
}

static void tell(struct write *w, const struct decision *d)
{
	w->outcome = d->outcome;
	w->skip = d->skip;
}

/* The look-up did not find it: most likely it is not there now either. */
static int try_insert(struct batch *b, struct write *w, bool *inserted,
		      struct wr_error *err)
{
	static const struct stored_row none;
	struct decision d;
	int status;

	decide_write(&d, w, &none, b->touch_after_us, b->now);
	status = insert_row(b->c, w, &d, inserted, err);
	if (*inserted)
		tell(w, &d);
	return status;
}

static int write_row(struct batch *b, struct write *w, struct wr_error *err)
{
	bool inserted = false;
	struct decision d;
	int status = 0;

	if (w->kind == WRITE_UPSERT)
		status = check_size(w->rec, err);
	if (!status && w->vector && !b->c->settings.dim)
		status = error_set(err, WR_EDATA, 0, "sqlite",
				   "%s: a vector for a store without a "
				   "dimension",
				   b->c->db.path);
	if (!status && w->kind == WRITE_UPSERT && w->known_absent)
		status = try_insert(b, w, &inserted, err);
	if (status || inserted)
		return status;
	status = row_find(&b->c->db, w->rec->key, &b->row, err);
	if (status)
		return status;
	decide_write(&d, w, &b->row.stored, b->touch_after_us, b->now);
	status = carry_out(b, w, &d, err);
	if (!status)
		tell(w, &d);
	return status;
}

int op_write(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct batch b = { .c = c,
			   .touch_after_us = op->u.write.touch_after_us,
			   .now = clock_now_us() };
	int status = conn_begin(c, err);

	for (size_t i = 0; !status && i < op->u.write.n; i++) {
		status = conn_check(c, err);
		if (!status)
			status = write_row(&b, &op->u.write.items[i], err);
	}
	if (!status)
		status = conn_commit(c, err);
	if (!status)
		conn_checkpoint(c);
	return status;
}
