#include "base/arena.h"

#include "base/mem.h"
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct arena_block {
	struct arena_block *older;
	alignas(max_align_t) char bytes[];
};

enum { BLOCK_LEAST = 4 << 10, BLOCK_MOST = 1 << 20 };

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

void arena_release(struct arena *a)
{
	struct arena_block *block = a->blocks;

	while (block) {
		struct arena_block *older = block->older;

		mem_free(block);
		block = older;
	}
	arena_init(a);
}

void arena_take(struct arena *to, struct arena *from)
{
	struct arena_block **end = &from->blocks;

	if (!to->blocks) {
		*to = *from;
	} else if (from->blocks) {
		while (*end)
			end = &(*end)->older;
		/* Behind the newest one, whose space stays in use. */
		*end = to->blocks->older;
		to->blocks->older = from->blocks;
		to->total += from->total;
	}
	arena_init(from);
}

/* As much as there is already, so that the number of blocks is logarithmic. */
static size_t next_block_size(const struct arena *a)
{
	if (a->total < BLOCK_LEAST)
		return BLOCK_LEAST;
	return a->total < BLOCK_MOST ? a->total : BLOCK_MOST;
}

static struct arena_block *add_block(struct arena *a, size_t size)
{
	struct arena_block *block = mem_alloc(size);

	if (!block)
		return NULL;
	block->older = a->blocks;
	a->blocks = block;
	a->total += size;
	return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t head = offsetof(struct arena_block, bytes);
	const size_t mask = alignof(max_align_t) - 1;
	size_t fresh = next_block_size(a);
	struct arena_block *block;
	void *p;

	if (size > PTRDIFF_MAX - head - mask)
		return NULL;
	size = size ? (size + mask) & ~mask : mask + 1;
	if (size > a->left && size > (fresh - head) / 4) {
		/* A block of its own; the newest block's space stays in use. */
		block = add_block(a, head + size);
		return block ? block->bytes : NULL;
	}
	if (size > a->left) {
		block = add_block(a, fresh);
		if (!block)
			return NULL;
		a->next = block->bytes;
		a->left = (fresh - head) & ~mask;
	}
	p = a->next;
	a->next += size;
	a->left -= size;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	p = arena_alloc(a, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

int arena_dup(struct arena *a, struct wr_str *to, struct wr_str from)
{
	char *copy;

	if (!from.ptr) {
		*to = (struct wr_str){ 0 };
		return 0;
	}
	copy = from.len < SIZE_MAX ? arena_alloc(a, from.len + 1) : NULL;
	if (!copy)
		return WR_ENOMEM;
	memcpy(copy, from.ptr, from.len);
	copy[from.len] = '\0';
	*to = (struct wr_str){ copy, from.len };
	return 0;
}
