#include "smtpd/delivery/backlog.h"

void
backlog_init(struct backlog *b, struct loop *loop, const size_t *sessions)
{
	*b = (struct backlog){
		.loop = loop,
		.sessions = sessions,
		.room = SIZE_MAX,
	};
	list_init(&b->transfers);
}

bool
backlog_is_empty(const struct backlog *b)
{
	return list_empty(&b->transfers);
}

/* ---- how much is kept ---- */

static struct transfer *
last(struct backlog *b)
{
	return backlog_is_empty(b)
	    ? NULL
	    : container_of(b->transfers.head.prev, struct transfer, node);
}

static void
drop_behind(struct backlog *b, size_t kept)
{
	while (b->count > kept) {
		struct transfer *t = last(b);
		list_remove(&t->node);
		b->count--;
		transfer_drop(t);
	}
}

static void
on_tick(struct timer *timer)
{
	struct backlog *b = container_of(timer, struct backlog, tick);
	size_t ticks = BACKLOG_AGAIN_MS / BACKLOG_TICK_MS;
	b->room = ticks * b->answered + (*b->sessions ? BACKLOG_LEAST : 1);
	b->answered = 0;
	drop_behind(b, b->room);
	if (b->count)
		timer_start(timer, b->loop, BACKLOG_TICK_MS, on_tick);
	else
		b->room = SIZE_MAX;
}

/* ---- in and out ---- */

/* All recipients of a parcel are added in one go, so if it has a transfer here
   that isn't full, that is the last. */
bool
backlog_add(struct backlog *b, struct parcel *parcel, size_t recipient)
{
	struct transfer *t = last(b);
	if (t && t->parcel == parcel && transfer_add(t, recipient))
		return true;
	if (b->count >= b->room)
		return false;
	if (!timer_pending(&b->tick))
		timer_start(&b->tick, b->loop, BACKLOG_TICK_MS, on_tick);
	t = transfer_new(parcel);
	transfer_add(t, recipient);
	list_push(&b->transfers, &t->node);
	b->count++;
	return true;
}

struct transfer *
backlog_take(struct backlog *b)
{
	struct list_node *node = list_pop(&b->transfers);
	if (!node)
		return NULL;
	b->count--;
	return container_of(node, struct transfer, node);
}

void
backlog_return(struct backlog *b, struct transfer *t)
{
	list_push_front(&b->transfers, &t->node);
	b->count++;
}

void
backlog_answered(struct backlog *b)
{
	b->answered++;
}

/* ---- the end of all ---- */

void
backlog_answer(struct backlog *b, struct reply reply, const struct peer *peer)
{
	struct transfer *t;
	while ((t = backlog_take(b)))
		transfer_answer(t, reply, peer);
}

void
backlog_drop(struct backlog *b)
{
	drop_behind(b, 0);
}

void
backlog_free(struct backlog *b)
{
	struct transfer *t;
	while ((t = backlog_take(b)))
		transfer_free(t);
	timer_stop(&b->tick);
}
