#include "backend/places.h"

#include "base/str.h"
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
static void sort_from(struct place *places, size_t n, size_t from)
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
			sort_from(places + first, end - first, from + 8);
	}
}

void places_sort(struct place *places, size_t n)
{
	if (n)
		sort_from(places, n, 0);
}

/* The first in [low, high) that is not less than key; high if all are. */
static size_t lower_bound(const struct place *places, size_t low, size_t high,
			  struct wr_str key)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (str_cmp(places[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t places_find(const struct place *places, size_t n, struct wr_str key,
		   size_t *at)
{
	enum { NEAR = 8 };
	size_t low = *at < n ? *at : 0, high = n;

	/* Behind the one before: near it, most likely. */
	for (int i = 0; i < NEAR && low < n; i++, low++) {
		int c = str_cmp(places[low].key, key);

		if (c < 0)
			continue;
		if (i || !c)
			high = low;
		else
			low = 0;
		break;
	}
	*at = lower_bound(places, low, high, key);
	return *at < n && str_eq(places[*at].key, key) ? *at : n;
}
