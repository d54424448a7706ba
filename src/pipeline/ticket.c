#include "pipeline/ticket.h"
#include "base/mem.h"

#include <string.h>

/* The length of the vector that a record brings. */
static size_t floats_of(const struct wr_record *rec, uint32_t dim)
{
	return rec->embedding_dim ? rec->embedding_dim : dim;
}

static uint64_t record_bytes(const struct wr_record *rec, uint32_t dim)
{
	uint64_t floats = rec->embedding ? floats_of(rec, dim) : dim;

	return sizeof(*rec) + sizeof(struct item) + sizeof(struct settled) +
	       rec->url.len + rec->key.len + rec->title.len + rec->content.len +
	       rec->metadata.len + floats * sizeof(float);
}

uint64_t ticket_cost(const struct wr_record *recs, size_t n, uint32_t dim)
{
	uint64_t sum = sizeof(struct ticket);

	for (size_t i = 0; i < n; i++)
		sum += record_bytes(&recs[i], dim);
	return sum;
}

/* A ticket whose input has a block of size bytes for its records. */
static struct ticket *ticket_shell(enum call_kind kind, size_t n,
				   struct blocks *blocks, size_t size)
{
	struct ticket *t = mem_zalloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->call.kind = kind;
	list_init(&t->call.link);
	list_init(&t->prep_link);
	list_init(&t->job_link);
	arena_init(&t->outcome_arena);
	t->n = n;
	t->outcomes = mem_zalloc(n, sizeof(*t->outcomes));
	t->input = mem_zalloc(1, sizeof(*t->input));
	if (t->input) {
		t->input->refs = 1;
		arena_init(&t->input->arena);
		t->input->blocks = blocks;
		t->input->block_size = size;
		t->input->n = n;
		t->input->recs = blocks_take(blocks, size);
	}
	if (!t->outcomes || !t->input || !t->input->recs) {
		ticket_free(t);
		return NULL;
	}
	return t;
}

/* Move a text behind the texts copied so far. */
static void pack(struct wr_str *s, char **to)
{
	if (!s->ptr)
		return;
	memcpy(*to, s->ptr, s->len);
	s->ptr = *to;
	*to += s->len;
}

/*
 * Layout: the records, their vectors, then all texts without gaps.  false where
 * the sum of all sizes does not fit.
 */
static bool block_size(const struct wr_record *recs, size_t n, uint32_t dim,
		       size_t *vectors, size_t *total)
{
	size_t floats = 0, texts = 0, sum;

	for (size_t i = 0; i < n; i++) {
		const size_t lens[] = { recs[i].url.len, recs[i].key.len,
					recs[i].title.len, recs[i].content.len,
					recs[i].metadata.len };

		for (size_t k = 0; k < sizeof(lens) / sizeof(*lens); k++)
			if (__builtin_add_overflow(texts, lens[k], &texts))
				return false;
		if (recs[i].embedding &&
		    __builtin_add_overflow(floats, floats_of(&recs[i], dim),
					   &floats))
			return false;
	}
	return !__builtin_mul_overflow(floats, sizeof(float), vectors) &&
	       !__builtin_mul_overflow(n, sizeof(*recs), &sum) &&
	       !__builtin_add_overflow(sum, *vectors, &sum) &&
	       !__builtin_add_overflow(sum, texts, total);
}

struct ticket *ticket_new(struct blocks *blocks, const struct wr_record *recs,
			  size_t n, uint32_t dim, enum wr_policy policy)
{
	struct ticket *t;
	struct wr_record *copies;
	size_t vectors, total;
	float *floats;
	char *texts;

	if (!block_size(recs, n, dim, &vectors, &total))
		return NULL;
	t = ticket_shell(CALL_SUBMIT, n, blocks, total);
	if (!t)
		return NULL;
	t->policy = policy;
	copies = t->input->recs;
	if (n)
		memcpy(copies, recs, n * sizeof(*recs));
	floats = (float *)(copies + n);
	texts = (char *)floats + vectors;
	for (size_t i = 0; i < n; i++) {
		struct wr_record *rec = &copies[i];

		if (rec->embedding) {
			rec->embedding_dim = floats_of(rec, dim);
			memcpy(floats, rec->embedding,
			       rec->embedding_dim * sizeof(float));
			rec->embedding = floats;
			floats += rec->embedding_dim;
		}
		pack(&rec->url, &texts);
		pack(&rec->key, &texts);
		pack(&rec->title, &texts);
		pack(&rec->content, &texts);
		pack(&rec->metadata, &texts);
	}
	return t;
}

struct ticket *ticket_new_delete(const struct wr_str *urls, size_t n, bool keys)
{
	struct ticket *t;
	size_t texts = 0, total;
	char *to;

	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(texts, urls[i].len, &texts))
			return NULL;
	if (__builtin_mul_overflow(n, sizeof(*t->input->recs), &total) ||
	    __builtin_add_overflow(total, texts, &total))
		return NULL;
	t = ticket_shell(CALL_DELETE, n, NULL, total);
	if (!t)
		return NULL;
	t->keys = keys;
	to = (char *)(t->input->recs + n);
	for (size_t i = 0; i < n; i++) {
		t->input->recs[i] = (struct wr_record){ .url = urls[i] };
		pack(&t->input->recs[i].url, &to);
	}
	return t;
}

int input_make_items(struct input *in)
{
	size_t size;

	if (__builtin_mul_overflow(in->n, sizeof(*in->items), &size))
		return WR_ENOMEM;
	in->items = blocks_take(in->blocks, size);
	if (!in->items)
		return WR_ENOMEM;
	memset(in->items, 0, size);
	return 0;
}

struct ticket *ticket_new_items(size_t n)
{
	struct ticket *t = ticket_shell(CALL_SUBMIT, n, NULL, 0);

	if (!t)
		return NULL;
	if (input_make_items(t->input)) {
		ticket_free(t);
		return NULL;
	}
	return t;
}

void item_init(struct item *item, struct ticket *t, size_t i,
	       enum write_kind kind)
{
	item->ticket = t;
	item->index = (uint32_t)i;
	item->state = ITEM_LOOSE;
	item->kind = kind;
	list_init(&item->link);
	list_init(&item->embed_link);
	list_init(&item->waiting);
	list_init(&item->riders);
	list_init(&item->sharers);
}

void input_unref(struct input *in)
{
	if (!in || --in->refs)
		return;
	blocks_give(in->blocks, in->items, in->n * sizeof(*in->items));
	blocks_give(in->blocks, in->recs, in->block_size);
	arena_release(&in->arena);
	if (in->gate)
		gate_leave(in->gate, in->charged_records, in->charged_bytes);
	mem_free(in);
}

void ticket_free(struct ticket *t)
{
	if (!t)
		return;
	input_unref(t->input);
	arena_release(&t->outcome_arena);
	mem_free(t->outcomes);
	mem_free(t);
}
