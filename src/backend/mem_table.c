#include "backend/mem_table.h"

#include "base/mem.h"
#include "base/str.h"
#include <string.h>

void mem_table_init(struct mem_table *t)
{
	memset(t, 0, sizeof(*t));
	map_init(&t->keys);
	map_init(&t->contents);
}

static void free_doc(struct mem_table *t, struct mem_doc *doc)
{
	list_remove(&doc->link);
	if (doc->same)
		mem_table_drop(t, doc->same);
	map_remove(&t->keys, &doc->node);
	mem_free(doc->key.ptr);
	mem_free(doc->title.ptr);
	mem_free(doc->content.ptr);
	mem_free(doc->metadata.ptr);
	mem_free(doc->vector);
	mem_free(doc);
}

void mem_table_release(struct mem_table *t)
{
	for (size_t i = 0; i < t->ndocs; i++)
		free_doc(t, t->docs[i]);
	mem_free(t->docs);
	map_release(&t->keys);
	map_release(&t->contents);
	mem_table_init(t);
}

struct mem_doc *mem_table_find(const struct mem_table *t, struct wr_str key)
{
	struct map_node *node = map_find(&t->keys, digest_hash(key), key);

	return node ? list_item(node, struct mem_doc, node) : NULL;
}

size_t mem_table_after(const struct mem_table *t, struct wr_str key)
{
	size_t low = 0, high = t->ndocs;

	while (key.len && low < high) {
		size_t middle = low + (high - low) / 2;

		if (str_cmp(mem_text_str(t->docs[middle]->key), key) > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct stored_row mem_doc_row(const struct mem_doc *doc)
{
	struct stored_row row = { 0 };

	if (doc) {
		row.found = true;
		row.digests_count = true;
		row.pending = doc->pending;
		row.has_vector = doc->vector;
		row.fetched_at = doc->fetched_at;
		row.content_hash = doc->same->hash;
		row.meta_hash = doc->meta_hash;
	}
	return row;
}

static struct wr_str hash_key(const uint8_t hash[DIGEST_SIZE])
{
	return (struct wr_str){ (const char *)hash, DIGEST_SIZE };
}

static struct mem_content *find_content(const struct mem_table *t,
					const uint8_t hash[DIGEST_SIZE])
{
	struct map_node *node;
	uint64_t h;

	memcpy(&h, hash, sizeof(h));
	node = map_find(&t->contents, h, hash_key(hash));
	return node ? list_item(node, struct mem_content, node) : NULL;
}

const float *mem_table_vector(const struct mem_table *t,
			      const uint8_t hash[DIGEST_SIZE])
{
	const struct mem_content *content = find_content(t, hash);

	if (!content || list_empty(&content->vectors))
		return NULL;
	return list_item(content->vectors.next, struct mem_doc, link)->vector;
}

struct mem_doc *mem_table_add(struct mem_table *t, struct wr_str key)
{
	struct mem_doc *doc = mem_zalloc(1, sizeof(*doc));

	if (!doc)
		return NULL;
	list_init(&doc->link);
	doc->key = (struct mem_text){ mem_dup(key.ptr, key.len), key.len };
	if (!doc->key.ptr || map_add(&t->keys, &doc->node, digest_hash(key),
				     mem_text_str(doc->key))) {
		mem_free(doc->key.ptr);
		mem_free(doc);
		return NULL;
	}
	return doc;
}

void mem_table_undo(struct mem_table *t, struct mem_doc *doc)
{
	free_doc(t, doc);
}

struct mem_content *mem_table_hold(struct mem_table *t,
				   const uint8_t hash[DIGEST_SIZE])
{
	struct mem_content *content = find_content(t, hash);
	uint64_t h;

	if (!content) {
		content = mem_zalloc(1, sizeof(*content));
		if (!content)
			return NULL;
		list_init(&content->vectors);
		memcpy(content->hash, hash, DIGEST_SIZE);
		memcpy(&h, hash, sizeof(h));
		if (map_add(&t->contents, &content->node, h,
			    hash_key(content->hash))) {
			mem_free(content);
			return NULL;
		}
	}
	content->refs++;
	return content;
}

void mem_table_drop(struct mem_table *t, struct mem_content *content)
{
	if (--content->refs)
		return;
	map_remove(&t->contents, &content->node);
	mem_free(content);
}

int mem_table_reserve(struct mem_table *t, size_t more)
{
	size_t room = t->room ? t->room : 16;
	struct mem_doc **docs;

	if (more > SIZE_MAX / 4 - t->ndocs)
		return WR_ENOMEM;
	while (room < t->ndocs + more)
		room *= 2;
	if (room == t->room)
		return 0;
	docs = mem_resize(t->docs, room, sizeof(struct mem_doc *));
	if (!docs)
		return WR_ENOMEM;
	t->docs = docs;
	t->room = room;
	return 0;
}

void mem_doc_relink(struct mem_doc *doc)
{
	list_remove(&doc->link);
	if (doc->vector && !doc->pending)
		list_append(&doc->same->vectors, &doc->link);
}

static int key_cmp(const struct mem_doc *a, const struct mem_doc *b)
{
	return str_cmp(mem_text_str(a->key), mem_text_str(b->key));
}

void mem_table_merge(struct mem_table *t, struct mem_doc *const *fresh,
		     size_t n)
{
	size_t old = t->ndocs, to = t->ndocs + n;

	t->ndocs = to;
	while (n) {
		if (old && key_cmp(t->docs[old - 1], fresh[n - 1]) > 0)
			t->docs[--to] = t->docs[--old];
		else
			t->docs[--to] = fresh[--n];
	}
}

void mem_table_sweep(struct mem_table *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->ndocs; i++) {
		if (t->docs[i]->gone)
			free_doc(t, t->docs[i]);
		else
			t->docs[kept++] = t->docs[i];
	}
	t->ndocs = kept;
}
