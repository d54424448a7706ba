#include "base/map.h"

#include "base/mem.h"
#include "base/str.h"
#include <assert.h>

enum { LEAST_BUCKETS = 16 };

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_release(struct map *m)
{
	mem_free(m->buckets);
	map_init(m);
}

static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
	return &m->buckets[hash & (m->nbuckets - 1)];
}

struct map_node *map_find(const struct map *m, uint64_t hash, struct wr_str key)
{
	struct map_node *n = m->nbuckets ? *bucket_of(m, hash) : NULL;

	while (n && (n->hash != hash || !str_eq(n->key, key)))
		n = n->next;
	return n;
}

/* Twice as many buckets; without memory for them the old ones go on. */
static void grow(struct map *m)
{
	struct map old = *m;
	size_t n = old.nbuckets ? old.nbuckets * 2 : LEAST_BUCKETS;
	struct map_node **buckets = mem_zalloc(n, sizeof(*buckets));

	if (!buckets)
		return;
	m->buckets = buckets;
	m->nbuckets = n;
	for (size_t i = 0; i < old.nbuckets; i++) {
		struct map_node *node = old.buckets[i];

		while (node) {
			struct map_node *next = node->next;
			struct map_node **to = bucket_of(m, node->hash);

			node->next = *to;
			*to = node;
			node = next;
		}
	}
	mem_free(old.buckets);
}

int map_add(struct map *m, struct map_node *n, uint64_t hash, struct wr_str key)
{
	struct map_node **to;

	if (m->count >= m->nbuckets)
		grow(m);
	if (!m->nbuckets)
		return WR_ENOMEM;
	to = bucket_of(m, hash);
	n->hash = hash;
	n->key = key;
	n->next = *to;
	*to = n;
	m->count++;
	return 0;
}

void map_remove(struct map *m, struct map_node *n)
{
	struct map_node **at = bucket_of(m, n->hash);

	while (*at && *at != n)
		at = &(*at)->next;
	assert(*at == n);
	*at = n->next;
	n->next = NULL;
	m->count--;
}
