#include "backend/postgres/rows.h"

#include <string.h>

void rows_add_keys(struct params *p, const struct place *places, size_t n)
{
	struct array a;
	size_t bytes = 0;

	/* A key has URL_MAX bytes at most: no sum of them overflows. */
	for (size_t i = 0; i < n; i++)
		bytes += places[i].key.len;
	array_begin(&a, p, OID_TEXT_ARRAY, OID_TEXT, n, bytes);
	for (size_t i = 0; i < n; i++)
		array_put_text(&a,
			       places[i].key.ptr ? places[i].key : str_of(""));
	array_end(&a);
}

int rows_ask(struct task *t, const struct place *places, size_t n,
	     struct wr_error *err)
{
	struct arena arena = { 0 };
	struct params params;
	int status;

	params_init(&params, &arena);
	rows_add_keys(&params, places, n);
	status = task_add(t, PGSQL_ROWS_BY_URL, &params, err);
	arena_release(&arena);
	return status;
}

static bool take_digest(uint8_t *to, size_t size, struct wr_str from)
{
	if (from.len != size)
		return false;
	memcpy(to, from.ptr, size);
	return true;
}

/*
 * The server has made the digests where those stored do not count: these
 * always do, unless somebody stored one of another length.
 */
void rows_read(struct found_row *row, const PGresult *res, int i)
{
	struct stored_row *s = &row->stored;

	memset(s, 0, sizeof(*s));
	s->found = true;
	s->fetched_at = wire_time(res, i, 3);
	s->pending = wire_bool(res, i, 4);
	s->has_vector = wire_bool(res, i, 5);
	s->digests_count =
		take_digest(row->content_hash, DIGEST_SIZE,
			    wire_text(res, i, 1)) &&
		take_digest(row->meta_hash, META_SIZE, wire_text(res, i, 2));
	if (!s->digests_count)
		return;
	s->content_hash = row->content_hash;
	s->meta_hash = row->meta_hash;
}

void rows_leave_metadata_out(struct found_row *row, const struct layout *l,
			     const struct record *rec)
{
	if (l->plain)
		memcpy(row->meta_hash + META_HALF, rec->meta_hash + META_HALF,
		       META_SIZE - META_HALF);
}
