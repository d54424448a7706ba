#include "backend/sqlite/rows.h"

#include "base/error.h"
#include "base/str.h"
#include <string.h>

/* Copies a digest; false where the column holds something else. */
static bool take_digest(sqlite3_stmt *stmt, int i, uint8_t *to, size_t size)
{
	const void *p = sqlite3_column_blob(stmt, i);

	if (!p || (size_t)sqlite3_column_bytes(stmt, i) != size)
		return false;
	memcpy(to, p, size);
	return true;
}

static void take_row(sqlite3_stmt *stmt, struct row *row)
{
	struct stored_row *s = &row->stored;

	row->id = sqlite3_column_int64(stmt, 0);
	s->found = true;
	s->pending = sqlite3_column_int(stmt, 2);
	s->has_vector = sqlite3_column_int(stmt, 3);
	s->fetched_at = sqlite3_column_int64(stmt, 4);
	if (!sqlite3_column_int(stmt, 1) ||
	    !take_digest(stmt, 5, row->content_hash, DIGEST_SIZE) ||
	    !take_digest(stmt, 6, row->meta_hash, META_SIZE))
		return;
	s->digests_count = true;
	s->content_hash = row->content_hash;
	s->meta_hash = row->meta_hash;
}

int row_find(struct db *db, struct wr_str key, struct row *row,
	     struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(db, SQL_ROW_BY_URL, err);
	int status;

	if (!stmt)
		return err->status;
	row->id = 0;
	memset(&row->stored, 0, sizeof(row->stored));
	db_bind(stmt, 1, key);
	status = db_step(db, stmt, err);
	if (status > 0)
		take_row(stmt, row);
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

/* ----------------------------------------------------------- documents -- */

static int take_text(sqlite3_stmt *stmt, int i, struct result *result,
		     struct wr_str *to)
{
	return arena_dup(&result->arena, to, db_column(stmt, i));
}

static int take_vector(sqlite3_stmt *stmt, int i, struct result *result,
		       struct document *doc)
{
	const void *p = sqlite3_column_blob(stmt, i);
	size_t size = (size_t)sqlite3_column_bytes(stmt, i);
	float *copy;

	if (!p || !size || size % sizeof(float))
		return 0;
	copy = arena_alloc(&result->arena, size);
	if (!copy)
		return WR_ENOMEM;
	memcpy(copy, p, size);
	doc->embedding = copy;
	doc->dim = (uint32_t)(size / sizeof(float));
	return 0;
}

/* A row of document-by-id or document-by-url. */
static int take_document(sqlite3_stmt *stmt, struct result *result,
			 struct document *doc)
{
	doc->found = true;
	doc->fetched_at = sqlite3_column_int64(stmt, 4);
	doc->created_at = sqlite3_column_int64(stmt, 5);
	doc->updated_at = sqlite3_column_int64(stmt, 6);
	doc->pending = sqlite3_column_int(stmt, 7);
	if (take_text(stmt, 1, result, &doc->key) ||
	    take_text(stmt, 2, result, &doc->title) ||
	    take_text(stmt, 3, result, &doc->metadata) ||
	    take_text(stmt, 8, result, &doc->content))
		return WR_ENOMEM;
	return take_vector(stmt, 9, result, doc);
}

int row_document(struct conn *c, int64_t id, struct wr_str key, unsigned parts,
		 struct result *result, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(
		&c->db, id ? SQL_DOCUMENT_BY_ID : SQL_DOCUMENT_BY_URL, err);
	struct document *doc;
	int status;

	if (!stmt)
		return err->status;
	doc = result_add(result);
	if (!doc)
		return WR_ENOMEM;
	if (id)
		sqlite3_bind_int64(stmt, 1, id);
	else
		db_bind(stmt, 1, key);
	sqlite3_bind_int(stmt, 2, (parts & WR_PART_CONTENT) != 0);
	sqlite3_bind_int(stmt, 3, (parts & WR_PART_EMBEDDING) != 0);
	status = db_step(&c->db, stmt, err);
	if (status > 0)
		status = take_document(stmt, result, doc);
	sqlite3_reset(stmt);
	return status;
}

/* -------------------------------------------------------------- filters -- */

int row_passes(struct conn *c, const struct filter *f, int64_t id,
	       struct wr_str *key, bool *passes, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_ROW_FILTER, err);
	int status;

	*passes = false;
	*key = (struct wr_str){ NULL, 0 };
	if (!stmt)
		return err->status;
	/* Kept open, so that *key stays until here. */
	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_int(stmt, 2, f && f->members);
	status = db_step(&c->db, stmt, err);
	if (status <= 0) {
		sqlite3_reset(stmt);
		return status;
	}
	*key = db_column(stmt, 0);
	*passes = !f || filter_matches(f, *key, sqlite3_column_int64(stmt, 1),
				       db_column(stmt, 2));
	return 0;
}

void row_forget(struct conn *c)
{
	sqlite3_reset(c->db.stmts[SQL_ROW_FILTER]);
}

/* The first text that is greater than all with this prefix. */
static void add_successor(struct buf *to, struct wr_str prefix)
{
	while (prefix.len && (unsigned char)prefix.ptr[prefix.len - 1] == 0xff)
		prefix.len--;
	if (!prefix.len)
		return;
	buf_add(to, prefix.ptr, prefix.len - 1);
	buf_putc(to, (char)(prefix.ptr[prefix.len - 1] + 1));
}

/* from: the prefix, or what comes right behind after. */
static int set_range(struct keys *k, const struct filter *f,
		     struct wr_str after)
{
	struct wr_str prefix = f ? f->url_prefix : (struct wr_str){ NULL, 0 };

	if (after.len && str_cmp(after, prefix) >= 0) {
		buf_add_str(&k->from, after);
		buf_putc(&k->from, '\0');
	} else {
		buf_add_str(&k->from, prefix);
	}
	add_successor(&k->to, prefix);
	return buf_status(&k->from) || buf_status(&k->to) ? WR_ENOMEM : 0;
}

int keys_open(struct keys *k, struct conn *c, const struct filter *f,
	      struct wr_str after, struct wr_error *err)
{
	memset(k, 0, sizeof(*k));
	k->c = c;
	k->filter = f;
	if (f) {
		k->of_key.url_prefix = f->url_prefix;
		k->of_key.host = f->host;
		k->of_row = f->since || f->until || f->members;
	}
	if (set_range(k, f, after))
		return WR_ENOMEM;
	k->stmt = db_stmt(&c->db, SQL_KEYS_FROM, err);
	if (!k->stmt)
		return err->status;
	sqlite3_bind_text64(k->stmt, 1, k->from.len ? k->from.ptr : "",
			    k->from.len, SQLITE_STATIC, SQLITE_UTF8);
	if (k->to.len)
		db_bind(k->stmt, 2, buf_str(&k->to));
	else
		sqlite3_bind_zeroblob(k->stmt, 2, 0);
	return 0;
}

int keys_next(struct keys *k, int64_t *id, struct wr_str *key,
	      struct wr_error *err)
{
	struct wr_str again;
	bool passes;
	int status;

	while ((status = db_step(&k->c->db, k->stmt, err)) > 0) {
		*id = sqlite3_column_int64(k->stmt, 0);
		*key = db_column(k->stmt, 1);
		if (!filter_matches(&k->of_key, *key, 0,
				    (struct wr_str){ NULL, 0 }))
			continue;
		if (!k->of_row)
			return 1;
		status = row_passes(k->c, k->filter, *id, &again, &passes, err);
		if (status)
			return status;
		if (passes)
			return 1;
	}
	return status;
}

/*
 * No statement stays open: a write transaction that began under one would be
 * refused where another process has written since.
 */
void keys_close(struct keys *k)
{
	if (k->stmt)
		sqlite3_reset(k->stmt);
	row_forget(k->c);
	buf_release(&k->from);
	buf_release(&k->to);
}
