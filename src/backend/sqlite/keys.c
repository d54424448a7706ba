/* Looking keys up: what a batch meets, and which of many keys are stored. */
#include "backend/places.h"
#include "backend/sqlite/rows.h"
#include "base/mem.h"
#include <string.h>

/* ------------------------------------------------------------- look up -- */

static int reuse_vector(struct conn *c, struct lookup *item,
			struct wr_error *err)
{
	size_t size = c->settings.dim * sizeof(float);
	sqlite3_stmt *stmt = db_stmt(&c->db, SQL_VECTOR_BY_CONTENT, err);
	int status;

	if (!stmt)
		return err->status;
	db_bind_blob(stmt, 1, item->rec->content_hash, DIGEST_SIZE);
	while ((status = db_step(&c->db, stmt, err)) > 0) {
		const void *p = sqlite3_column_blob(stmt, 0);

		if (!p || (size_t)sqlite3_column_bytes(stmt, 0) != size)
			continue;
		memcpy(item->vector, p, size);
		item->reused = true;
		break;
	}
	sqlite3_reset(stmt);
	return status < 0 ? status : 0;
}

int op_lookup(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	struct row row;
	int status = 0;

	for (size_t i = 0; !status && i < op->u.lookup.n; i++) {
		struct lookup *item = &op->u.lookup.items[i];

		status = conn_check(c, err);
		if (!status)
			status = row_find(&c->db, item->rec->key, &row, err);
		if (status)
			break;
		decide_lookup(item, &row.stored);
		if (decide_reuse(item) && c->settings.dim)
			status = reuse_vector(c, item, err);
	}
	return status;
}

/* -------------------------------------------------------------- known -- */

/* Keys are looked for in their order: neighbours share pages of the index. */
static void take_details(struct backend_op *op, sqlite3_stmt *stmt, size_t i)
{
	int64_t fetched_at = sqlite3_column_int64(stmt, 0);

	if (op->u.known.since && fetched_at < op->u.known.since)
		return;
	op->u.known.stored[i] = KNOWN_STORED;
	if (!op->u.known.details)
		return;
	if (sqlite3_column_int(stmt, 1))
		op->u.known.stored[i] |= KNOWN_VECTOR;
	op->u.known.fetched_at[i] = fetched_at;
}

int op_known(struct conn *c, struct backend_op *op, struct wr_error *err)
{
	bool row = op->u.known.details || op->u.known.since;
	sqlite3_stmt *stmt;
	struct place *places;
	size_t n = op->u.known.n;
	int status = 0;

	if (!n)
		return 0;
	stmt = db_stmt(&c->db, row ? SQL_KEY_DETAILS : SQL_KEY_STORED, err);
	if (!stmt)
		return err->status;
	places = mem_zalloc(n, sizeof(*places));
	if (!places)
		return WR_ENOMEM;
	for (size_t i = 0; i < n; i++)
		places[i] =
			(struct place){ .key = op->u.known.keys[i], .i = i };
	places_sort(places, n);
	for (size_t k = 0; k < n; k++) {
		size_t i = places[k].i;

		status = conn_check(c, err);
		if (status)
			break;
		op->u.known.stored[i] = 0;
		if (op->u.known.details)
			op->u.known.fetched_at[i] = 0;
		db_bind(stmt, 1, places[k].key);
		status = db_step(&c->db, stmt, err);
		if (status > 0 && row)
			take_details(op, stmt, i);
		else if (status > 0)
			op->u.known.stored[i] = KNOWN_STORED;
		sqlite3_reset(stmt);
		if (status < 0)
			break;
	}
	mem_free(places);
	return status < 0 ? status : 0;
}
