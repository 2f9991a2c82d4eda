/* What is settled leaves the disk in this order: spool/ID, its folder synced,
   the row, the body; each step only when the one before is durable.  An item
   comes here when its record is dead (REMOVE_FREED) and its row durable. */
#include "smtpd/queue/queue_private.h"

#include "lib/base/arena.h"

#include <stdlib.h>

static void
next_step(struct removal *r)
{
	struct queue *q = r->row.queue;
	if (r->spooled) {
		list_push(&q->unlinks, &r->node);
	} else if (r->has_row) {
		/* ROW_LAST: only when the unlink of spool/ID is synced. */
		row_write_start(&r->row);
		return;
	} else if (r->large) {
		/* BODY_KEPT: only when spool/ID is durably gone. */
		list_push(&q->bodies, &r->node);
	} else {
		q->removals--;
		free(r);
		return;
	}
	checkpoint_want(q);
}

static void
fill_nothing(struct row_write *row)
{
	(void)row; /* an empty value deletes */
}

static void
on_deleted(struct row_write *row)
{
	struct removal *r = container_of(row, struct removal, row);
	r->has_row = false;
	next_step(r);
}

static struct removal *
removal_new(struct queue *q, uint64_t id)
{
	struct removal *r = mem_alloc(sizeof *r);
	r->id = id;
	r->row = (struct row_write){
		.queue = q, .id = id, .fill = fill_nothing, .done = on_deleted
	};
	q->removals++;
	return r;
}

void
removal_start(struct queue *q, struct queue_item *item)
{
	struct removal *r = removal_new(q, item->id);
	r->spooled = item->private->spooled;
	r->has_row = item->private->has_row;
	r->large = item->private->large;
	queue_keep_message(q, item, NULL);
	item_free(item);
	next_step(r);
}

void
removal_start_row(struct queue *q, uint64_t id)
{
	struct removal *r = removal_new(q, id);
	r->has_row = true;
	next_step(r);
}

void
removal_unlinked(struct list *unlinks, struct list *bodies)
{
	struct list_node *node;
	while ((node = list_pop(unlinks))) {
		struct removal *r = container_of(node, struct removal, node);
		r->spooled = r->failed;
		next_step(r);
	}
	while ((node = list_pop(bodies))) {
		struct removal *r = container_of(node, struct removal, node);
		r->large = r->failed;
		next_step(r);
	}
}
