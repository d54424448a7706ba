/*
 * list.h - doubly linked lists whose nodes live in what they link.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *next, *prev;
};

/* The object around a node. */
#define list_item(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Walk a list; the current item may be removed. */
#define list_each(pos, head, type, member)                                \
	for (struct list_node *n_ = (head)->next, *m_ = n_->next;         \
	     n_ != (head) && ((pos) = list_item(n_, type, member), true); \
	     n_ = m_, m_ = n_->next)

static inline void list_init(struct list_node *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline void list_insert(struct list_node *before, struct list_node *n)
{
	n->next = before;
	n->prev = before->prev;
	before->prev->next = n;
	before->prev = n;
}

static inline void list_append(struct list_node *head, struct list_node *n)
{
	list_insert(head, n);
}

/* The node is left unlinked: a list of itself, so removing twice is safe. */
static inline void list_remove(struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* The first node, removed; NULL if there is none. */
static inline struct list_node *list_take(struct list_node *head)
{
	struct list_node *n = head->next;

	if (n == head)
		return NULL;
	list_remove(n);
	return n;
}

/* Move all of from behind the last of to. */
static inline void list_splice(struct list_node *to, struct list_node *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#endif
