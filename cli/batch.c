#include "batch.h"

#include <string.h>

#include "memory.h"

/* A buffer beyond this is not kept for the next records. */
enum { KEEP_BYTES = 4 << 20, ALIGN = 8 };

/*
 * While the buffer may still move, a copied field keeps its length and the
 * fields lie behind each other in this order; batch_records() gives them their
 * addresses.
 */
static struct wr_str *text_field(struct wr_record *rec, size_t i)
{
	struct wr_str *const fields[] = { &rec->url, &rec->key, &rec->title,
					  &rec->content, &rec->metadata };

	return i < sizeof(fields) / sizeof(*fields) ? fields[i] : NULL;
}

static void align(struct text *t)
{
	static const char zeros[ALIGN];

	text_add(t, zeros, (ALIGN - t->len % ALIGN) % ALIGN);
}

void batch_add(struct batch *batch, const struct wr_record *rec)
{
	struct wr_record copy = *rec;
	struct wr_str *field;
	size_t i;

	for (i = 0; (field = text_field(&copy, i)); i++) {
		if (field->ptr)
			text_add(&batch->bytes, field->ptr, field->len);
	}
	if (rec->embedding) {
		align(&batch->bytes);
		text_add(&batch->bytes, rec->embedding,
			 rec->embedding_dim * sizeof(float));
	}
	batch->recs = memory_grow(batch->recs, &batch->room, batch->n + 1,
				  sizeof(*batch->recs));
	batch->recs[batch->n++] = copy;
	batch->content += rec->title.len + rec->content.len;
}

const struct wr_record *batch_records(struct batch *batch)
{
	size_t i, k, at = 0;
	struct wr_str *field;

	for (i = 0; i < batch->n; i++) {
		struct wr_record *rec = &batch->recs[i];

		for (k = 0; (field = text_field(rec, k)); k++) {
			if (!field->ptr)
				continue;
			field->ptr = batch->bytes.ptr + at;
			at += field->len;
		}
		if (rec->embedding) {
			at += (ALIGN - at % ALIGN) % ALIGN;
			rec->embedding = (const void *)(batch->bytes.ptr + at);
			at += rec->embedding_dim * sizeof(float);
		}
	}
	return batch->recs;
}

void batch_refuse(struct batch *batch, const char *input, const char *position,
		  struct wr_str raw, const struct wr_error *err)
{
	struct refusal *refusal;
	struct text t = { 0 };
	size_t place_at;

	if (strncmp(position, input, strlen(input)) != 0)
		text_printf(&t, "%s, ", input);
	place_at = t.len;
	text_puts(&t, position);
	batch->refusals =
		memory_grow(batch->refusals, &batch->refusals_room,
			    batch->nrefusals + 1, sizeof(*batch->refusals));
	refusal = &batch->refusals[batch->nrefusals++];
	refusal->position = t.ptr;
	refusal->place_at = place_at;
	refusal->raw = raw.ptr ? memory_copy(raw.ptr, raw.len) : NULL;
	refusal->raw_len = raw.len;
	refusal->error = *err;
}

void batch_clear(struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->nrefusals; i++) {
		memory_free(batch->refusals[i].position);
		memory_free(batch->refusals[i].raw);
	}
	batch->nrefusals = 0;
	batch->n = 0;
	batch->content = 0;
	if (batch->bytes.room > KEEP_BYTES)
		text_release(&batch->bytes);
	text_clear(&batch->bytes);
}

void batch_release(struct batch *batch)
{
	batch_clear(batch);
	text_release(&batch->bytes);
	memory_free(batch->recs);
	memory_free(batch->refusals);
	*batch = (struct batch){ 0 };
}
