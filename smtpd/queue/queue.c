#include "smtpd/queue/queue_private.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"

#include <stdlib.h>

enum {
	HAND_AT_ONCE = 256, /* items, then descriptors get their turn */
	BUSY = 5000, /* items that are loaded for the consumer at most */
	CLOSE_POLL_MS = 5,
};

/* ---- what the queue holds of an item ---- */

void
queue_keep_message(
    struct queue *q, struct queue_item *item, struct message *message)
{
	struct queue_private *p = item->private;
	if (p->message) {
		queue_memory(
		    q, -(int64_t)(p->message->header.n + p->message->body.n));
		message_free(p->message);
	}
	p->message = message;
	if (message)
		queue_memory(q, (int64_t)(message->header.n + message->body.n));
}

void
queue_lighten(struct queue *q, struct queue_item *item)
{
	struct queue_private *p = item->private;
	if (p->home || p->in_round || !p->spooled)
		return;
	if (p->message && !p->holders)
		queue_keep_message(q, item, NULL);
	if (item->busy || p->loading || list_linked(&p->ready))
		return;
	envelope_free(item->envelope);
	item->envelope = NULL;
}

bool
queue_memory(struct queue *q, int64_t change)
{
	q->memory += change;
	return q->memory > QUEUE_MEMORY;
}

void
queue_settle_in(struct queue *q, struct queue_item *item, unsigned segment)
{
	struct queue_private *p = item->private;
	p->home = &q->homes[segment];
	list_push(&p->home->items, &p->node);
	p->placing = (uint32_t)item_local_waiting(item);
	p->home->placing += p->placing > 0;
}

void
queue_placed(struct queue *q, struct queue_item *item, size_t count)
{
	struct queue_private *p = item->private;
	if (!p->placing || !count)
		return;
	p->placing = count < p->placing ? p->placing - (uint32_t)count : 0;
	if (p->placing || !p->home)
		return;
	p->home->placing--;
	checkpoint_try(q, false);
}

/* ---- the life of an item in memory ---- */

/* Settled, and that is durable.  What is on the disk goes once the record is
   dead. */
static void
end(struct queue *q, struct queue_item *item)
{
	struct queue_private *p = item->private;
	index_remove(&q->index, item->id);
	q->held -= item->held;
	schedule_remove(&q->schedule, item);
	list_remove(&p->ready);
	p->ended = true;
	queue_placed(q, item, p->placing);
	bool on_disk = p->has_row || p->spooled || p->large;
	if (p->home && on_disk)
		return;
	if (on_disk) {
		removal_start(q, item);
		return;
	}
	queue_keep_message(q, item, NULL);
	item_free(item);
}

void
queue_consider(struct queue *q, struct queue_item *item)
{
	struct queue_private *p = item->private;
	if (item->busy || p->loading || p->rows || list_linked(&p->ready))
		return;
	if (item_is_settled(item)) {
		end(q, item);
		return;
	}
	queue_lighten(q, item);
	schedule_remove(&q->schedule, item);
	/* HELD: nobody gets it, whenever it is due */
	if (!item->held)
		schedule_add(&q->schedule, item);
}

/* ---- handing out ---- */

static void
on_hand(struct later *later)
{
	struct queue *q = container_of(later, struct queue, hand);
	if (!q->consumer || q->closing)
		return;
	for (unsigned n = 0; n < HAND_AT_ONCE; n++) {
		struct list_node *node = list_pop(&q->ready);
		if (!node)
			return;
		struct queue_item *item =
		    item_of(container_of(node, struct queue_private, ready));
		item->busy = true;
		q->busy++;
		q->consumer->due(q->consumer, item);
	}
	loop_later(q->options.loop, &q->hand, on_hand);
}

void
queue_make_ready(struct queue *q, struct queue_item *item)
{
	list_push(&q->ready, &item->private->ready);
	loop_later(q->options.loop, &q->hand, on_hand);
}

void
queue_take_due(struct queue *q)
{
	struct queue_item *item;
	q->held_back = false;
	if (!q->consumer || q->closing)
		return;
	while (q->busy < BUSY && (item = schedule_take(&q->schedule)))
		if (item->envelope)
			queue_make_ready(q, item);
		else
			load_due(q, item);
	q->held_back = q->busy >= BUSY;
}

static void
on_due(struct schedule *schedule)
{
	queue_take_due(container_of(schedule, struct queue, schedule));
}

void
queue_consume(struct queue *q, struct queue_consumer *consumer)
{
	q->consumer = consumer;
	loop_later(q->options.loop, &q->hand, on_hand);
	queue_take_due(q);
}

void
queue_retry(struct queue *q, struct queue_item *item, int64_t wished_ms)
{
	struct queue_private *p = item->private;
	if (!p->heap_at)
		return; /* with the consumer, on its way to it, or held */
	schedule_remove(&q->schedule, item);
	item->next_ms = clock_wall_ms();
	item->wished_ms = wished_ms;
	schedule_add(&q->schedule, item);
}

/* ---- adding ---- */

static void
on_committed(struct journal_user *user, struct queue_add *add)
{
	struct queue *q = container_of(user, struct queue, user);
	struct queue_item *item = add->item;
	struct queue_private *p = item->private;
	q->adds--;
	if (add->result == QUEUE_ADDED) {
		q->homes[p->segment].arrived++;
		index_add(&q->index, item);
		queue_settle_in(q, item, p->segment);
		settle_reported(q, item->envelope, p->home);
		queue_make_ready(q, item);
		checkpoint_want(q);
	} else {
		queue_body_discard(q, p->message);
		queue_keep_message(q, item, NULL);
		item_free(item);
	}
	add->done(add);
}

static void
on_turned(struct journal_user *user)
{
	struct queue *q = container_of(user, struct queue, user);
	checkpoint_try(q, false);
}

void
queue_add(
    struct queue *q, struct queue_add *add, void (*done)(struct queue_add *))
{
	struct queue_item *item = item_new(add->envelope->id);
	struct queue_private *p = item->private;
	item->envelope = add->envelope;
	item->received_ms = add->envelope->received_ms;
	item->next_ms = item->received_ms;
	item_count(item, add->envelope->count);
	p->counted = true;
	p->checked = true;
	p->large = add->message->file.n > 0;
	queue_keep_message(q, item, add->message);
	add->item = item;
	add->done = done;
	add->envelope = NULL;
	add->message = NULL;
	q->adds++;
	journal_add(q->journal, add);
}

uint64_t
queue_new_id(struct queue *q)
{
	return ids_next(&q->ids);
}

bool
queue_has_space(const struct queue *q)
{
	return journal_has_space(q->journal);
}

/* ---- for people ---- */

size_t
queue_count(const struct queue *q)
{
	return index_count(&q->index);
}

size_t
queue_count_held(const struct queue *q)
{
	return q->held;
}

struct queue_item *
queue_next(const struct queue *q, uint64_t after)
{
	return index_next(&q->index, after);
}

struct queue_item *
queue_find(const struct queue *q, uint64_t id)
{
	return index_find(&q->index, id);
}

/* ---- start and stop ---- */

static struct queue *
make_queue(const struct queue_options *options)
{
	struct queue *q = mem_alloc(sizeof *q);
	q->options = *options;
	q->store = options->store;
	q->user = (struct journal_user){ on_committed, on_turned };
	q->errands =
	    (struct errands){ .loop = options->loop, .lane = options->io };
	q->schedule.loop = options->loop;
	q->schedule.due = on_due;
	q->ids.fd = -1;
	list_init(&q->ready);
	list_init(&q->late);
	list_init(&q->full);
	list_init(&q->unlinks);
	list_init(&q->bodies);
	list_init(&q->loads);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		list_init(&q->homes[i].items);
	return q;
}

struct queue *
queue_open(const struct queue_options *options, const char **why)
{
	struct queue *q = make_queue(options);
	if (disk_open(&q->disk, options->data, why) && replay(q, why))
		return q;
	queue_free(q);
	return NULL;
}

void
queue_start(struct queue *q)
{
	journal_start(q->journal);
	checkpoint_start(q);
}

struct closing {
	struct queue *queue;
	struct timer timer;
	int64_t until; /* monotonic */
};

static bool
is_quiet(const struct queue *q)
{
	return checkpoint_is_quiet(q) && !q->adds && !q->rows && !q->removals &&
	    !q->loading && !q->errands.under_way;
}

static void
on_closing(struct timer *timer)
{
	struct closing *c = container_of(timer, struct closing, timer);
	struct queue *q = c->queue;
	if (is_quiet(q) || clock_mono_ms() >= c->until) {
		loop_stop(q->options.loop);
		return;
	}
	journal_cut(q->journal);
	checkpoint_try(q, true);
	timer_start(timer, q->options.loop, CLOSE_POLL_MS, on_closing);
}

/* The loop, which its owner has stopped, runs on until all is quiet. */
void
queue_close(struct queue *q, int64_t max_ms)
{
	struct closing c = { .queue = q, .until = clock_mono_ms() + max_ms };
	q->closing = true;
	timer_start(&c.timer, q->options.loop, 0, on_closing);
	loop_run(q->options.loop);
	timer_stop(&c.timer);
	journal_stop(q->journal);
	checkpoint_stop(q);
}

static void
free_items(struct queue *q)
{
	struct queue_item *item;
	while ((item = index_next(&q->index, 0))) {
		index_remove(&q->index, item->id);
		item_free(item);
	}
	struct list_node *node;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS; i++)
		while ((node = list_first(&q->homes[i].items)))
			item_free(item_of(
			    container_of(node, struct queue_private, node)));
}

void
queue_free(struct queue *q)
{
	if (!q)
		return;
	later_cancel(&q->hand);
	free_items(q);
	index_free(&q->index);
	schedule_free(&q->schedule);
	if (q->journal)
		journal_free(q->journal);
	ids_close(&q->ids);
	disk_close(&q->disk);
	free(q);
}
