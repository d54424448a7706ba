/* Pruning, statistics, migrations and settings. */
#include "backend/settings.h"
#include "backend/sqlite/rows.h"
#include "backend/sqlite/schema.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --------------------------------------------------------------- prune -- */

/* Rows that pass; they are found without the lock, which is then held briefly.
 */
struct found {
	int64_t *ids;
	size_t n, room;
};

static int found_add(struct found *found, int64_t id)
{
	if (found->n == found->room) {
		size_t room = found->room ? found->room * 2 : 256;
		int64_t *ids = mem_resize(found->ids, room, sizeof(*ids));

		if (!ids)
			return WR_ENOMEM;
		found->ids = ids;
		found->room = room;
	}
	found->ids[found->n++] = id;
	return 0;
}

static int set_last(struct buf *last, struct wr_str key)
{
	if (!last)
		return 0;
	buf_clear(last);
	buf_add_str(last, key);
	return buf_status(last);
}

/* Up to limit rows, and whether there are more. */
static int find_rows(struct conn *c, struct backend_op *op, struct found *found,
		     struct wr_error *err)
{
	struct keys keys;
	struct wr_str key;
	int64_t id;
	int status;

	status =
		keys_open(&keys, c, op->u.prune.filter, op->u.prune.after, err);
	while (!status) {
		status = conn_check(c, err);
		if (!status)
			status = keys_next(&keys, &id, &key, err);
		if (status <= 0)
			break;
		status = 0;
		if (op->u.prune.dry_run) {
			op->u.prune.removed++;
		} else if (found->n == op->u.prune.limit) {
			op->u.prune.more = true;
			break;
		} else {
			status = found_add(found, id);
		}
		if (!status)
			status = set_last(op->u.prune.last, key);
	}
	keys_close(&keys);
	return status;
}

/* Somebody may have fetched it again meanwhile. */
static int prune_row(struct conn *c, struct backend_op *op, int64_t id,
		     struct wr_error *err)
{
	struct wr_str key;
	bool passes;
	int status;

	status = row_passes(c, op->u.prune.filter, id, &key, &passes, err);
	row_forget(c);
	if (status || !passes)
		return status;
	op->u.prune.removed++;
	return rows_delete(c, id, err);
}

int op_prune(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct found found = { 0 };
	int status;

	op->u.prune.removed = 0;
	op->u.prune.more = false;
	status = set_last(op->u.prune.last, op->u.prune.after);
	if (!status)
		status = find_rows(c, op, &found, err);
	if (status || op->u.prune.dry_run || !found.n)
		goto out;
	status = conn_begin(c, err);
	for (size_t i = 0; !status && i < found.n; i++) {
		status = conn_check(c, err);
		if (!status)
			status = prune_row(c, op, found.ids[i], err);
	}
	if (!status)
		status = conn_commit(c, err);
	if (!status)
		conn_checkpoint(c);
out:
	mem_free(found.ids);
	return status;
}

/* --------------------------------------------------------------- stats -- */

static uint64_t file_size(const char *path, const char *ending)
{
	char name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, ending);
	return stat(name, &st) ? 0 : (uint64_t)st.st_size;
}

static int add_counts(struct conn *c, struct result *result,
		      struct wr_error *err)
{
	static const char *const names[] = {
		"documents", "documents_with_embedding", "content_bytes",
		"oldest_fetched_at", "newest_fetched_at"
	};
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_STATS, err);
	int status;

	if (!stmt)
		return err->status;
	status = db_step(&c->db, stmt, err);
	for (int i = 0; status > 0 && i < 5; i++)
		if (result_add_stat(result, names[i],
				    (uint64_t)sqlite3_column_int64(stmt, i)))
			status = WR_ENOMEM;
	sqlite3_reset(stmt);
	if (status < 0)
		return status;
	stmt = db_stmt(&c->db, SQL_PENDING_COUNT, err);
	if (!stmt)
		return err->status;
	status = db_step(&c->db, stmt, err);
	if (status > 0 &&
	    result_add_stat(result, "documents_pending",
			    (uint64_t)sqlite3_column_int64(stmt, 0)))
		status = WR_ENOMEM;
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

int op_stats(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct result *result = op->u.stats.result;
	int status = add_counts(c, result, err);

	if (status)
		return status;
	if (result_add_stat(result, "file_bytes", file_size(c->db.path, "")) ||
	    result_add_stat(result, "wal_bytes",
			    file_size(c->db.path, "-wal")) ||
	    settings_describe(&c->settings, "sqlite", result) ||
	    result_add_property(result, "path", c->db.path) ||
	    result_add_property(result, "sqlite_version", sqlite3_libversion()))
		return WR_ENOMEM;
	return 0;
}

/* --------------------------------------------------- migrate, settings -- */

int op_migrate(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	uint32_t ran;
	int status = lock_take(&c->lock, &c->db, err);

	if (!status)
		status = schema_migrate(&c->db, &c->settings, &ran, err);
	if (!status)
		op->u.migrate.version = SCHEMA_LATEST;
	return status;
}

/* FTS5 is kept by every write, and vectors are looked at one by one. */
int op_index(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	(void)c;
	(void)err;
	op->u.index.total = 0;
	return 0;
}

int op_progress(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	(void)c;
	(void)op;
	(void)err;
	return 0;
}

static bool same_embedder(const struct settings *a, const struct settings *b)
{
	return a->dim == b->dim && !strcmp(a->embedder, b->embedder) &&
	       !strcmp(a->model, b->model);
}

static int has_vectors(struct conn *c, bool *has, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_VECTOR_SCAN, err);
	int status;

	if (!stmt)
		return err->status;
	status = db_step(&c->db, stmt, err);
	*has = status > 0;
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

/*
 * Two processes may make their choice in one new store at a time: the second
 * must not overrule the first, whose vectors may be there already.
 */
static int check_settings(struct conn *c, const struct settings *wanted,
			  struct wr_error *err)
{
	struct settings now;
	bool vectors = false;
	int status = schema_read_settings(&c->db, &now, err);

	if (status)
		return status;
	if (!same_embedder(&now, &c->settings) && !same_embedder(&now, wanted))
		return error_set(err, WR_ESCHEMA, 0, "sqlite",
				 "%s: another process has just recorded "
				 "embedder \"%.40s\", model \"%.40s\", "
				 "dimension %u: open the store again",
				 c->db.path, now.embedder, now.model,
				 (unsigned)now.dim);
	if (now.dim == wanted->dim)
		return 0;
	status = has_vectors(c, &vectors, err);
	if (!status && vectors)
		return error_set(err, WR_ESCHEMA, 0, "sqlite",
				 "%s holds vectors of %u dimensions, not %u",
				 c->db.path, (unsigned)now.dim,
				 (unsigned)wanted->dim);
	return status;
}

int op_settings(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	const struct settings *wanted = op->u.settings;
	int status = conn_begin(c, err);

	if (!status)
		status = check_settings(c, wanted, err);
	if (!status)
		status = schema_write_settings(&c->db, wanted, err);
	if (!status)
		status = conn_commit(c, err);
	if (status)
		return status;
	memcpy(c->settings.embedder, wanted->embedder, SETTING_TEXT);
	memcpy(c->settings.model, wanted->model, SETTING_TEXT);
	c->settings.dim = wanted->dim;
	c->settings_news = true;
	return 0;
}
