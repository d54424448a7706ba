/*
 * map.h - a hash map from byte strings to nodes that live in what they name.
 *
 * The caller brings the hash.  It must be hard to collide on purpose where keys
 * come from the web (record/digest.h has one).  One thread.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "windrow.h"
#include <stddef.h>
#include <stdint.h>

struct map_node {
	struct map_node *next; /* in the same bucket */
	uint64_t hash;
	struct wr_str key; /* borrowed: must outlive the node's stay */
};

struct map {
	struct map_node **buckets;
	size_t nbuckets; /* a power of two, or 0 */
	size_t count;
};

void map_init(struct map *m);
/* Frees the table; the nodes are the caller's. */
void map_release(struct map *m);

struct map_node *map_find(const struct map *m, uint64_t hash,
			  struct wr_str key);
/* Adds a node whose key is not in the map yet: 0 or WR_ENOMEM. */
int map_add(struct map *m, struct map_node *n, uint64_t hash,
	    struct wr_str key);
void map_remove(struct map *m, struct map_node *n);

#endif
