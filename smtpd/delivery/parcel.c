#include "smtpd/delivery/parcel.h"

#include "lib/base/clock.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/settle.h"

#include <stdlib.h>

/* ---- replies and peers ---- */

struct reply
reply_keep(struct arena *arena, struct reply reply)
{
	struct str text = str_sub(str_of(reply.text), 0, QUEUE_REPLY);
	reply.text = arena_str(arena, text).p;
	if (reply.enhanced)
		reply.enhanced = arena_str(arena, str_of(reply.enhanced)).p;
	return reply;
}

struct peer
peer_keep(struct arena *arena, const struct peer *peer)
{
	if (!peer)
		return (struct peer){ 0 };
	struct peer kept = *peer;
	kept.host = arena_str(arena, peer->host);
	kept.tls = arena_str(arena, peer->tls);
	return kept;
}

void
peer_write(struct buf *out, const struct peer *peer)
{
	char text[IP_TEXT];
	buf_add(out, peer->host);
	if (str_starts(peer->host, STR("[")))
		return; /* it is the address */
	ip_print(peer->ip, text);
	buf_addf(out, "[%s]", text);
}

/* ---- parcels ---- */

struct parcel *
parcel_new(struct delivery *delivery, struct queue_item *item)
{
	struct parcel *parcel = mem_alloc(sizeof *parcel);
	parcel->delivery = delivery;
	parcel->item = item;
	parcel->came_ms = clock_mono_ms();
	parcel->outcomes =
	    arena_alloc(&parcel->arena, item->count * sizeof *parcel->outcomes);
	list_push(&delivery->parcels, &parcel->node);
	return parcel;
}

void
parcel_free(struct parcel *parcel)
{
	list_remove(&parcel->node);
	bounce_cancel(&parcel->bounce);
	arena_free(&parcel->arena);
	free(parcel);
}

void
parcel_end(struct parcel *parcel)
{
	struct delivery *delivery = parcel->delivery;
	parcel_free(parcel);
	delivery_rest(delivery);
}

void
parcel_abandon(struct parcel *parcel)
{
	list_remove(&parcel->node);
	bool cancelled = bounce_cancel(&parcel->bounce);
	if (cancelled && !parcel->under_way)
		parcel_free(parcel);
	else
		parcel->delivery = NULL;
}

void
parcel_hold(struct parcel *parcel)
{
	parcel->parts++;
}

void
parcel_release(struct parcel *parcel)
{
	parcel->parts--;
	settle_run(parcel);
}

/* ---- recipients ---- */

const struct recipient *
parcel_recipient(const struct parcel *parcel, size_t recipient)
{
	return &parcel->item->envelope->recipients[recipient];
}

bool
parcel_waits(const struct parcel *parcel, size_t recipient)
{
	return parcel->item->status[recipient].state == RECIPIENT_WAITING;
}

/* What was promised to somebody else's mail server has no end: nobody could
   be told that a mailbox of ours was out of order. */
static bool
has_expired(const struct parcel *parcel, size_t recipient)
{
	const struct settings *settings = parcel->delivery->parts.settings;
	int64_t age = clock_wall_ms() - parcel->item->received_ms;
	return parcel_recipient(parcel, recipient)->kind != RECIPIENT_LOCAL &&
	    age >= (int64_t)settings->queue_lifetime_ms;
}

void
parcel_outcome(struct parcel *parcel, size_t recipient, struct reply reply,
    const struct peer *peer)
{
	struct outcome *outcome = &parcel->outcomes[recipient];
	int class = reply_class(reply);
	bool expired = class == 4 && has_expired(parcel, recipient);
	*outcome = (struct outcome){
		.phase = OUTCOME_NEW,
		.state = class == 2	    ? RECIPIENT_DELIVERED
		    : class == 5 || expired ? RECIPIENT_FAILED
					    : RECIPIENT_WAITING,
		.expired = expired,
		.told = !bounce_is_due(parcel->item->envelope,
		    parcel_recipient(parcel, recipient)),
		.reply = reply_keep(&parcel->arena, reply),
		.peer = peer_keep(&parcel->arena, peer),
		.ms = clock_mono_ms() - parcel->came_ms,
	};
}
