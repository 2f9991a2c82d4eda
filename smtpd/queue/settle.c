#include "smtpd/queue/queue_private.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "smtpd/queue/checkpoint.h"
#include "smtpd/queue/row.h"

#include <stdlib.h>

struct queue_row { /* a change of an item on its way to the disk */
	struct row_write row;
	struct list_node node; /* in the queue's list of late ones, or in that
				  of the changes */
	struct queue_item *item;
	struct queue_settle *settle; /* NULL: nobody waits for it */
	struct queue_changes *changes; /* the same */
	struct home *hold; /* its segment waits for this row; or NULL */
};

/* ---- rows ---- */

/* What may be claimed on disk.  REWRITE: that a local recipient has a message
   whose record is live is claimed by nobody, because it isn't synced. */
static struct buf
states_for_row(const struct queue_item *item)
{
	struct buf states = item_states(item);
	if (!item->private->home)
		return states;
	for (size_t i = 0; i < states.n; i++)
		if (states.p[i] == RECIPIENT_DELIVERED &&
		    item->envelope->recipients[i].kind == RECIPIENT_LOCAL)
			states.p[i] = RECIPIENT_WAITING;
	return states;
}

static void
fill_row(struct row_write *row)
{
	struct queue_row *r = container_of(row, struct queue_row, row);
	struct buf states = states_for_row(r->item);
	row_encode(r->item, buf_str(&states), r->item->private->dropped,
	    &row->write.value);
	buf_free(&states);
}

/* The consumer hears it last: the item may be gone by then. */
static void
end_settle(struct queue *q, struct queue_item *item, struct queue_settle *s)
{
	if (s && s->give_back && item->busy) {
		item->busy = false;
		q->busy--;
	}
	queue_consider(q, item);
	if (q->held_back)
		queue_take_due(q);
	if (s)
		s->done(s);
}

static void
on_durable(struct row_write *row)
{
	struct queue_row *r = container_of(row, struct queue_row, row);
	struct queue *q = row->queue;
	struct queue_item *item = r->item;
	struct queue_settle *settle = r->settle;
	struct queue_changes *changes = r->changes;
	q->rows--;
	item->private->rows--;
	item->private->has_row = true;
	if (r->hold)
		r->hold->rows--;
	list_remove(&r->node);
	free(r);
	end_settle(q, item, settle);
	checkpoint_try(q, false);
	if (changes && --changes->count == 0)
		changes->done(changes);
}

static struct queue_row *
row_new(struct queue *q, struct queue_item *item, struct queue_settle *s)
{
	struct queue_row *r = mem_alloc(sizeof *r);
	r->row = (struct row_write){
		.queue = q, .id = item->id, .fill = fill_row, .done = on_durable
	};
	r->item = item;
	r->settle = s;
	return r;
}

static void
write_row(struct queue *q, struct queue_row *r)
{
	q->rows++;
	r->item->private->rows++;
	row_write_start(&r->row);
}

/* ---- outcomes ---- */

static bool
is_placed(const struct queue_item *item, const struct queue_outcome *o)
{
	return o->state == RECIPIENT_DELIVERED &&
	    item->envelope->recipients[o->recipient].kind == RECIPIENT_LOCAL;
}

/* Is there a live record that proves what was placed until it is synced?  The
   sync of a round that is under way may have begun before. */
static bool
is_covered(const struct queue_item *item)
{
	const struct home *home = item->private->home;
	return home && !home->syncing;
}

/* Placed, and neither a record nor a sync makes it last. */
static bool
is_late(const struct queue_settle *s)
{
	if (is_covered(s->item))
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (is_placed(s->item, &s->outcomes[i]))
			return true;
	return false;
}

/* Local recipients that were placed need no row: the checkpoint makes them
   last.  Everything else does. */
static bool
needs_row(const struct queue_settle *s)
{
	if (!is_covered(s->item) || s->warned ||
	    (s->give_back && !item_is_settled(s->item)))
		return true;
	for (size_t i = 0; i < s->count; i++)
		if (!is_placed(s->item, &s->outcomes[i]))
			return true;
	return false;
}

static void
apply(struct queue *q, const struct queue_settle *s)
{
	struct queue_item *item = s->item;
	size_t placed = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct queue_outcome *o = &s->outcomes[i];
		placed += item_waits_locally(item, o->recipient);
		item_set(item, o->recipient, o->state, o->code, o->text);
		item->status[o->recipient].ours = o->ours;
	}
	item->attempts += s->attempted;
	item->warned = item->warned || s->warned;
	if (s->give_back) {
		item->next_ms = s->next_ms;
		placed = item->private->placing;
	}
	queue_placed(q, item, placed);
}

static void
on_applied(struct later *later)
{
	struct queue_settle *s =
	    container_of(later, struct queue_settle, later);
	s->item->private->rows--;
	end_settle(s->queue, s->item, s);
}

static void
apply_and_keep(struct queue *q, struct queue_settle *s)
{
	apply(q, s);
	if (needs_row(s)) {
		write_row(q, row_new(q, s->item, s));
		return;
	}
	s->item->private->rows++;
	loop_later(q->options.loop, &s->later, on_applied);
}

void
queue_settle(struct queue *q, struct queue_settle *s,
    void (*done)(struct queue_settle *))
{
	s->queue = q;
	s->done = done;
	if (!is_late(s)) {
		apply_and_keep(q, s);
		return;
	}
	struct queue_row *r = row_new(q, s->item, s);
	list_push(&q->late, &r->node);
	checkpoint_want(q);
}

void
settle_synced(struct queue *q, struct list *late)
{
	struct list_node *node;
	while ((node = list_pop(late))) {
		struct queue_row *r =
		    container_of(node, struct queue_row, node);
		apply(q, r->settle);
		write_row(q, r);
	}
}

bool
queue_drop(struct queue *q, struct queue_item *item)
{
	struct queue_private *p = item->private;
	if (item->busy || p->loading)
		return false;
	list_remove(&p->ready);
	for (size_t i = 0; i < item->count; i++)
		if (item->status[i].state == RECIPIENT_WAITING)
			item_set(item, i, RECIPIENT_DROPPED, 0, STR(""));
	p->dropped = !p->counted;
	queue_placed(q, item, p->placing);
	write_row(q, row_new(q, item, NULL));
	return true;
}

/* A checkpoint doesn't wait for what isn't handed out. */
static void
set_held(struct queue *q, struct queue_item *item, bool held)
{
	q->held -= item->held;
	q->held += held;
	item->held = held;
	if (!held) {
		item->next_ms = clock_wall_ms();
		return;
	}
	list_remove(&item->private->ready);
	schedule_remove(&q->schedule, item);
	queue_placed(q, item, item->private->placing);
}

/* HELD: it counts when the row is durable, and so does its end. */
bool
queue_hold(struct queue *q, struct queue_item *item, bool hold,
    struct queue_changes *changes, void (*done)(struct queue_changes *))
{
	if (item->busy || item->private->loading)
		return false;
	if (!changes->done)
		list_init(&changes->rows);
	changes->done = done;
	changes->count++;
	if (hold || item->held)
		set_held(q, item, hold);
	struct queue_row *r = row_new(q, item, NULL);
	r->changes = changes;
	list_push(&changes->rows, &r->node);
	write_row(q, r);
	return true;
}

void
queue_changes_leave(struct queue_changes *changes)
{
	struct list_node *node;
	while (changes->done && (node = list_pop(&changes->rows)))
		container_of(node, struct queue_row, node)->changes = NULL;
	*changes = (struct queue_changes){ 0 };
}

/* ---- bounces ---- */

/* "<id>:<index>,<index>" in the envid of a bounce. */
static bool
read_report(const struct envelope *bounce, uint64_t *id, struct str *indices)
{
	*indices = bounce->envid;
	return (bounce->flags & ENVELOPE_BOUNCE) &&
	    base62_read(str_cut(indices, ':'), id);
}

bool
settle_reports(const struct envelope *bounce, uint64_t *id)
{
	struct str indices;
	return read_report(bounce, id, &indices);
}

void
settle_reported(
    struct queue *q, const struct envelope *bounce, struct home *home)
{
	uint64_t id, i;
	struct str indices;
	struct queue_item *item = read_report(bounce, &id, &indices)
	    ? index_find(&q->index, id)
	    : NULL;
	if (!item || !item->private->counted)
		return;
	size_t failed = 0, placed = 0;
	while (indices.n) {
		if (!str_to_u64(str_cut(&indices, ','), &i) ||
		    i >= item->count ||
		    item->status[i].state != RECIPIENT_WAITING)
			continue;
		placed += item->envelope && item_waits_locally(item, i);
		item_set(item, i, RECIPIENT_FAILED, 0, STR(""));
		failed++;
	}
	if (!failed)
		return;
	queue_placed(q, item, placed);
	struct queue_row *r = row_new(q, item, NULL);
	r->hold = home;
	if (home)
		home->rows++;
	write_row(q, r);
}
