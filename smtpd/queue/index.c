/* A sorted array: new ids are nearly always the highest, so adding is cheap;
   removed ones leave an empty slot until half of the slots are empty. */
#include "smtpd/queue/item.h"

#include "lib/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum {
	LEAST_SLOTS = 64
};

struct index_slot {
	uint64_t id;
	struct queue_item *item; /* NULL: removed */
};

/* The first slot whose id isn't lower. */
static size_t
place(const struct index *index, uint64_t id)
{
	size_t low = 0, high = index->used;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->slots[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
make_room(struct index *index)
{
	if (index->used < index->size)
		return;
	index->size = index->size ? 2 * index->size : LEAST_SLOTS;
	index->slots =
	    mem_array(index->slots, index->size, sizeof *index->slots);
}

void
index_add(struct index *index, struct queue_item *item)
{
	make_room(index);
	size_t at = place(index, item->id);
	memmove(&index->slots[at + 1], &index->slots[at],
	    (index->used - at) * sizeof *index->slots);
	index->slots[at] = (struct index_slot){ item->id, item };
	index->used++;
}

static void
sweep(struct index *index)
{
	size_t kept = 0;
	for (size_t i = 0; i < index->used; i++)
		if (index->slots[i].item)
			index->slots[kept++] = index->slots[i];
	index->used = kept;
	index->dead = 0;
}

void
index_remove(struct index *index, uint64_t id)
{
	size_t at = place(index, id);
	if (at == index->used || index->slots[at].id != id ||
	    !index->slots[at].item)
		return;
	index->slots[at].item = NULL;
	if (++index->dead > index->used / 2)
		sweep(index);
}

struct queue_item *
index_find(const struct index *index, uint64_t id)
{
	size_t at = place(index, id);
	return at < index->used && index->slots[at].id == id
	    ? index->slots[at].item
	    : NULL;
}

struct queue_item *
index_next(const struct index *index, uint64_t after)
{
	for (size_t at = place(index, after); at < index->used; at++)
		if (index->slots[at].item && index->slots[at].id > after)
			return index->slots[at].item;
	return NULL;
}

size_t
index_count(const struct index *index)
{
	return index->used - index->dead;
}

void
index_free(struct index *index)
{
	free(index->slots);
	*index = (struct index){ 0 };
}
