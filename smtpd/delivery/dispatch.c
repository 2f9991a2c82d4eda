#include "lib/base/clock.h"
#include "smtpd/delivery/delivery_private.h"

#include <stdlib.h>

/* ---- taking ---- */

/* True when the parcel has local recipients. */
static bool
send_remotes(struct parcel *parcel)
{
	bool local = false;
	for (size_t i = 0; i < parcel->item->count; i++) {
		if (!parcel_waits(parcel, i))
			continue;
		if (parcel_recipient(parcel, i)->kind == RECIPIENT_LOCAL)
			local = true;
		else
			destination_add(parcel, i);
	}
	return local;
}

/* Splitting is a part itself: the parcel can't end while it lasts. */
static void
on_due(struct queue_consumer *consumer, struct queue_item *item)
{
	struct delivery *delivery =
	    container_of(consumer, struct delivery, consumer);
	if (delivery->stopping)
		return; /* it stays in the queue */
	struct parcel *parcel = parcel_new(delivery, item);
	parcel_hold(parcel);
	if (send_remotes(parcel))
		mailbox_place(parcel);
	parcel_release(parcel);
}

struct delivery *
delivery_new(const struct delivery_parts *parts)
{
	struct delivery *delivery = mem_alloc(sizeof *delivery);
	delivery->parts = *parts;
	delivery->mail = arena_printf(
	    &delivery->arena, "%.*s/mail", STR_ARG(parts->settings->data))
			     .p;
	list_init(&delivery->parcels);
	mailboxes_init(&delivery->mailboxes);
	destinations_init(&delivery->destinations);
	delivery->consumer.due = on_due;
	queue_consume(parts->queue, &delivery->consumer);
	return delivery;
}

size_t
delivery_sessions(const struct delivery *delivery)
{
	return delivery->destinations.slots.taken;
}

bool
delivery_trouble(const struct delivery *delivery, struct buf *out)
{
	const struct settings *settings = delivery->parts.settings;
	const struct destination *relay =
	    destinations_failing_relay(&delivery->destinations);
	if (!relay)
		return false;
	buf_addf(out,
	    "mail for other servers waits: the smarthost %.*s:%u takes none "
	    "(%s)",
	    STR_ARG(settings->relay_host), (unsigned)settings->relay_port,
	    relay->reply.text);
	return true;
}

/* ---- the end ---- */

static void
on_idle(struct later *later)
{
	struct delivery *delivery = container_of(later, struct delivery, later);
	void (*idle)(struct delivery *) = delivery->idle;
	timer_stop(&delivery->limit);
	delivery->idle = NULL;
	idle(delivery);
}

static void
on_limit(struct timer *timer)
{
	struct delivery *delivery = container_of(timer, struct delivery, limit);
	loop_later(delivery->parts.loop, &delivery->later, on_idle);
}

void
delivery_rest(struct delivery *delivery)
{
	if (delivery->idle && list_empty(&delivery->parcels) &&
	    delivery->destinations.slots.taken == 0)
		loop_later(delivery->parts.loop, &delivery->later, on_idle);
}

void
delivery_stop(
    struct delivery *delivery, int64_t max_ms, void (*idle)(struct delivery *))
{
	delivery->stopping = true;
	delivery->idle = idle;
	timer_start(&delivery->limit, delivery->parts.loop, max_ms, on_limit);
	destinations_stop(&delivery->destinations);
	delivery_rest(delivery);
}

void
delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return;
	timer_stop(&delivery->limit);
	later_cancel(&delivery->later);
	destinations_free(&delivery->destinations);
	mailboxes_free(&delivery->mailboxes);
	struct list_node *node;
	while ((node = list_first(&delivery->parcels)))
		parcel_abandon(container_of(node, struct parcel, node));
	arena_free(&delivery->arena);
	free(delivery);
}
