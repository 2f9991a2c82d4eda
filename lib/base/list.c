#include "lib/base/list.h"

void
list_init(struct list *l)
{
	l->head.next = l->head.prev = &l->head;
}

bool
list_empty(const struct list *l)
{
	return l->head.next == &l->head;
}

void
list_push(struct list *l, struct list_node *n)
{
	list_insert_before(&l->head, n);
}

void
list_push_front(struct list *l, struct list_node *n)
{
	list_insert_before(l->head.next, n);
}

void
list_insert_before(struct list_node *where, struct list_node *n)
{
	n->next = where;
	n->prev = where->prev;
	where->prev->next = n;
	where->prev = n;
}

void
list_remove(struct list_node *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

bool
list_linked(const struct list_node *n)
{
	return n->next != NULL;
}

struct list_node *
list_first(struct list *l)
{
	return list_next(l, &l->head);
}

struct list_node *
list_next(struct list *l, struct list_node *n)
{
	return n->next == &l->head ? NULL : n->next;
}

struct list_node *
list_pop(struct list *l)
{
	struct list_node *first = list_first(l);
	if (first)
		list_remove(first);
	return first;
}

void
list_take(struct list *l, struct list *from)
{
	struct list_node *node;
	while ((node = list_pop(from)))
		list_push(l, node);
}
