#include "smtpd/queue/queue_private.h"

#include "smtpd/queue/row.h"

static void
on_written(struct store_write *write)
{
	struct row_write *row = container_of(write, struct row_write, write);
	struct queue *q = row->queue;
	if (write->result == STORE_FULL) {
		list_push(&q->full, &row->node);
		checkpoint_want(q);
		return;
	}
	row->done(row);
}

/* The value is made anew each time: a later row of the same item may have
   been written since. */
void
row_write_start(struct row_write *row)
{
	buf_clear(&row->write.key);
	buf_clear(&row->write.value);
	row_key(row->id, &row->write.key);
	row->fill(row);
	store_write(row->queue->store, &row->write, on_written);
}

void
row_write_retry(struct queue *q)
{
	struct list again;
	struct list_node *node;
	list_init(&again);
	list_take(&again, &q->full);
	while ((node = list_pop(&again)))
		row_write_start(container_of(node, struct row_write, node));
}
