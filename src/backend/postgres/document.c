#include "backend/postgres/document.h"

#include "base/json.h"

/*
 * The server keeps members in another order, with other blanks: what comes back
 * is canonical again.  What another program has written may be no object.
 */
static int read_metadata(struct wr_str *out, struct result *result,
			 struct wr_str json)
{
	struct json *parsed = NULL;
	struct buf text = { 0 };
	int status;

	if (!json.ptr)
		return 0;
	status = json_parse(&parsed, json, NULL, NULL);
	if (status == WR_ENOMEM)
		return status;
	if (status)
		return arena_dup(&result->arena, out, json);
	json_write(&text, parsed);
	status = buf_status(&text);
	if (!status)
		status = arena_dup(&result->arena, out, buf_str(&text));
	buf_release(&text);
	json_free(parsed);
	return status;
}

static int read_vector(struct document *doc, struct result *result,
		       const struct vector_type *type, const PGresult *res,
		       int row)
{
	size_t dim = wire_vector_dim(res, row, DOCUMENT_EMBEDDING, type);
	float *copy;

	if (!dim)
		return 0;
	copy = arena_zalloc(&result->arena, dim, sizeof(*copy));
	if (!copy)
		return WR_ENOMEM;
	if (!wire_vector(res, row, DOCUMENT_EMBEDDING, type, copy, dim))
		return 0;
	doc->embedding = copy;
	doc->dim = (uint32_t)dim;
	return 0;
}

int document_read(struct document *doc, struct result *result,
		  const struct layout *l, const PGresult *res, int row)
{
	struct arena *arena = &result->arena;

	doc->found = true;
	doc->fetched_at = wire_time(res, row, DOCUMENT_FETCHED_AT);
	doc->created_at = wire_time(res, row, DOCUMENT_CREATED_AT);
	doc->updated_at = wire_time(res, row, DOCUMENT_UPDATED_AT);
	doc->pending = wire_bool(res, row, DOCUMENT_PENDING);
	if (arena_dup(arena, &doc->key, wire_text(res, row, DOCUMENT_URL)) ||
	    arena_dup(arena, &doc->title,
		      wire_text(res, row, DOCUMENT_TITLE)) ||
	    arena_dup(arena, &doc->content,
		      wire_text(res, row, DOCUMENT_CONTENT)) ||
	    read_metadata(&doc->metadata, result,
			  wire_jsonb(res, row, DOCUMENT_METADATA)))
		return WR_ENOMEM;
	return read_vector(doc, result, &l->vector, res, row);
}
