#include "pipeline/blocks.h"

#include "base/mem.h"

#include <string.h>

void blocks_init(struct blocks *b, size_t most)
{
	*b = (struct blocks){ .most = most };
	pthread_mutex_init(&b->lock, NULL);
}

/* The link to the next free block is at the beginning of each. */
static void *next_of(void *block)
{
	void *next;

	memcpy(&next, block, sizeof(next));
	return next;
}

void blocks_release(struct blocks *b)
{
	for (int class = 0; class < BLOCKS_CLASSES; class ++) {
		while (b->free[class]) {
			void *block = b->free[class];

			b->free[class] = next_of(block);
			mem_free(block);
		}
	}
	pthread_mutex_destroy(&b->lock);
}

/* The class of blocks for size; -1 where it is too small or large for one. */
static int class_of(size_t size)
{
	size_t room = BLOCKS_LEAST;

	if (size < BLOCKS_LEAST / 2)
		return -1;
	for (int class = 0; class < BLOCKS_CLASSES; class ++, room *= 2)
		if (size <= room)
			return class;
	return -1;
}

void *blocks_take(struct blocks *b, size_t size)
{
	int class = b ? class_of(size) : -1;
	void *block;

	if (class < 0)
		return mem_alloc(size);
	pthread_mutex_lock(&b->lock);
	block = b->free[class];
	if (block) {
		b->free[class] = next_of(block);
		b->kept -= (size_t)BLOCKS_LEAST << class;
	}
	pthread_mutex_unlock(&b->lock);
	return block ? block : mem_alloc((size_t)BLOCKS_LEAST << class);
}

void blocks_give(struct blocks *b, void *p, size_t size)
{
	int class = b && p ? class_of(size) : -1;
	size_t room;

	if (class < 0) {
		mem_free(p);
		return;
	}
	room = (size_t)BLOCKS_LEAST << class;
	pthread_mutex_lock(&b->lock);
	if (b->kept + room <= b->most) {
		memcpy(p, &b->free[class], sizeof(void *));
		b->free[class] = p;
		b->kept += room;
		p = NULL;
	}
	pthread_mutex_unlock(&b->lock);
	mem_free(p);
}
