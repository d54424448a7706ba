#include "base/heap.h"

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->due_us < b->due_us ||
	       (a->due_us == b->due_us && a->order < b->order);
}

/* Two trees, without siblings, become one. */
static struct heap_node *merge(struct heap_node *a, struct heap_node *b)
{
	if (!a || !b)
		return a ? a : b;
	if (is_before(b, a)) {
		struct heap_node *c = a;

		a = b;
		b = c;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

static struct heap_node *cut_first(struct heap_node **list)
{
	struct heap_node *n = *list;

	if (n) {
		*list = n->next;
		n->next = n->prev = NULL;
	}
	return n;
}

/* A list of siblings becomes one tree: in pairs, then from the back. */
static struct heap_node *merge_all(struct heap_node *list)
{
	struct heap_node *pairs = NULL, *root = NULL;

	while (list) {
		struct heap_node *a = cut_first(&list);
		struct heap_node *pair = merge(a, cut_first(&list));

		pair->next = pairs;
		pairs = pair;
	}
	while (pairs)
		root = merge(root, cut_first(&pairs));
	return root;
}

void heap_add(struct heap *h, struct heap_node *n)
{
	n->child = n->next = n->prev = NULL;
	n->in = true;
	h->first = merge(h->first, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *rest;

	if (!n->in)
		return;
	rest = merge_all(n->child);
	if (n == h->first) {
		h->first = rest;
	} else {
		if (n->prev->child == n)
			n->prev->child = n->next;
		else
			n->prev->next = n->next;
		if (n->next)
			n->next->prev = n->prev;
		h->first = merge(h->first, rest);
	}
	n->child = n->next = n->prev = NULL;
	n->in = false;
}
