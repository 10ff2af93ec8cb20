/* list.h - intrusive doubly linked list. A node belongs to one list at a time;
 * an unlinked node points to itself.
 */
#ifndef GH_LIST_H
#define GH_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_ENTRY(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Every node in order; the current one must stay in the list. */
#define LIST_FOREACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The current node may be removed during the walk. */
#define LIST_FOREACH_SAFE(it, head)                                                                \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                  \
	     it = it##_next, it##_next = it->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_add_tail(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void
list_add_head(struct list *head, struct list *n)
{
	list_add_tail(head->next, n);
}

/* Legal on an unlinked (initialised) node. */
static inline void
list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* First node, unlinked; NULL when empty. */
static inline struct list *
list_pop(struct list *head)
{
	struct list *n = head->next;

	if (n == head)
		return NULL;
	list_del(n);
	return n;
}

/* Move all of src behind dst's last node; src becomes empty. */
static inline void
list_splice_tail(struct list *dst, struct list *src)
{
	if (list_is_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	list_init(src);
}

#endif
