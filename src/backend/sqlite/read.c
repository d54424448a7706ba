/* Documents by key, in key order, and those that wait for an embedding. */
#include "backend/sqlite/rows.h"
#include "base/error.h"
#include "record/digest.h"
#include <string.h>

int op_get(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	int status = 0;

	for (size_t i = 0; !status && i < op->u.get.n; i++) {
		status = conn_check(c, err);
		if (!status)
			status = row_document(c, 0, op->u.get.keys[i],
					      op->u.get.parts, op->u.get.result,
					      err);
	}
	return status;
}

int op_scan(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct result *result = op->u.scan.result;
	struct keys keys;
	struct wr_str key;
	int64_t id;
	int status;

	status = keys_open(&keys, c, op->u.scan.filter, op->u.scan.after, err);
	op->u.scan.more = false;
	for (uint32_t i = 1; !status && !op->u.scan.more; i++) {
		status = keys_next(&keys, &id, &key, err);
		if (status <= 0)
			break;
		status =
			row_document(c, id, key, op->u.scan.parts, result, err);
		op->u.scan.more = i == op->u.scan.limit ||
				  result_is_full(result, op->u.scan.max_bytes);
	}
	keys_close(&keys);
	return status;
}

/* ------------------------------------------------------------- pending -- */

/* A digest that does not count is no help to find the content again. */
static int take_pending(sqlite3_stmt *stmt, struct result *result)
{
	struct document *doc = result_add(result);
	const void *hash = sqlite3_column_blob(stmt, 2);
	size_t size = (size_t)sqlite3_column_bytes(stmt, 2);

	if (!doc)
		return WR_ENOMEM;
	doc->found = true;
	doc->pending = true;
	if (arena_dup(&result->arena, &doc->key, db_column(stmt, 0)) ||
	    arena_dup(&result->arena, &doc->content, db_column(stmt, 1)))
		return WR_ENOMEM;
	if (hash && size == DIGEST_SIZE && sqlite3_column_int(stmt, 3))
		memcpy(doc->content_hash, hash, size);
	else
		digest_of(doc->content, doc->content_hash);
	return 0;
}

static int count_pending(struct conn *c, uint64_t *out, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_PENDING_COUNT, err);
	int status;

	if (!stmt)
		return err->status;
	status = db_step(&c->db, stmt, err);
	if (status > 0)
		*out = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

int op_pending(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_PENDING, err);
	struct wr_str after = op->u.pending.after;
	int status = 0;

	if (!stmt)
		return err->status;
	if (!after.ptr)
		after.ptr = "";
	db_bind(stmt, 1, after);
	sqlite3_bind_int64(stmt, 2, op->u.pending.limit);
	while (!status &&
	       !result_is_full(op->u.pending.result, op->u.pending.max_bytes)) {
		status = db_step(&c->db, stmt, err);
		if (status <= 0)
			break;
		status = take_pending(stmt, op->u.pending.result);
	}
	sqlite3_reset(stmt);
	if (!status && op->u.pending.remaining)
		status = count_pending(c, op->u.pending.remaining, err);
	return status;
}
