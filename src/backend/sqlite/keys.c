/* Looking keys up: what a batch meets, and which of many keys are stored. */
#include "backend/sqlite/rows.h"
#include "base/mem.h"
#include <endian.h>
#include <stdlib.h>
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

/*
 * Keys are looked for in their order, so that neighbours share pages of the
 * index.  URLs begin alike: they are sorted by eight bytes as a number, and
 * those that agree in them by the eight bytes behind what they have in common.
 */
struct place {
	uint64_t head;
	struct wr_str key;
	size_t i;
};

static size_t common_length(const struct place *places, size_t n, size_t from)
{
	struct wr_str first = places[0].key;
	size_t len = first.len;

	for (size_t i = 1; i < n && len > from; i++) {
		struct wr_str key = places[i].key;
		size_t most = key.len < len ? key.len : len;

		for (len = from; len < most; len++)
			if (key.ptr[len] != first.ptr[len])
				break;
	}
	return len;
}

/* Behind its end a key has zeros, which no key contains. */
static uint64_t head_of(struct wr_str key, size_t from)
{
	uint64_t head = 0;

	if (from + 8 <= key.len) {
		memcpy(&head, key.ptr + from, 8);
		return be64toh(head);
	}
	for (size_t i = from; i < from + 8; i++)
		head = head << 8 |
		       (i < key.len ? (unsigned char)key.ptr[i] : 0);
	return head;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *p = a, *q = b;

	return (p->head > q->head) - (p->head < q->head);
}

/* The first from bytes are the same in all of them. */
static void sort_places(struct place *places, size_t n, size_t from)
{
	size_t first, end;

	from = common_length(places, n, from);
	for (size_t i = 0; i < n; i++)
		places[i].head = head_of(places[i].key, from);
	qsort(places, n, sizeof(*places), compare_places);
	for (first = 0; first < n; first = end) {
		for (end = first + 1; end < n; end++)
			if (places[end].head != places[first].head)
				break;
		/* A last byte of zero is the end of a key, or a key that is
		   here twice. */
		if (end - first > 1 && (places[first].head & 0xff))
			sort_places(places + first, end - first, from + 8);
	}
}

static struct place *sort_keys(const struct wr_str *keys, size_t n)
{
	struct place *places = mem_zalloc(n, sizeof(*places));

	if (!places)
		return NULL;
	for (size_t i = 0; i < n; i++)
		places[i] = (struct place){ .key = keys[i], .i = i };
	sort_places(places, n, 0);
	return places;
}

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
	places = sort_keys(op->u.known.keys, n);
	if (!places)
		return WR_ENOMEM;
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
