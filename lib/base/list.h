/*
 * list.h - doubly linked lists through a member of their elements.
 *
 * A node is in no list when its next is NULL; removing it then is free.
 */
#ifndef LIB_BASE_LIST_H
#define LIB_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev, *next;
};

struct list {
	struct list_node head; /* private */
};

/* The struct that holds the member at ptr. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

void list_init(struct list *);
bool list_empty(const struct list *);
void list_push(struct list *, struct list_node *); /* at the end */
void list_push_front(struct list *, struct list_node *);
/* All of the other one's nodes, in their order, at the end of this one. */
void list_take(struct list *, struct list *from);
void list_insert_before(struct list_node *where, struct list_node *);
void list_remove(struct list_node *);
bool list_linked(const struct list_node *);
struct list_node *list_first(struct list *); /* NULL when empty */
struct list_node *list_next(struct list *, struct list_node *); /* or NULL */
struct list_node *list_pop(
    struct list *); /* takes the first; NULL when empty */

#endif
