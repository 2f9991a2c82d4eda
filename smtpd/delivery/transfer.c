#include "smtpd/delivery/transfer.h"

#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/forward.h"

#include <stdlib.h>

struct transfer *
transfer_new(struct parcel *parcel)
{
	struct transfer *t = mem_alloc(sizeof *t);
	t->parcel = parcel;
	parcel_hold(parcel);
	return t;
}

/* One transaction has one reverse-path. */
static bool
fits(const struct transfer *t, size_t recipient)
{
	return t->count == 0 ||
	    str_eq_nocase(forward_domain(t->parcel, t->recipients[0]),
		forward_domain(t->parcel, recipient));
}

bool
transfer_add(struct transfer *t, size_t recipient)
{
	if (t->count == TRANSACTION_RECIPIENTS || !fits(t, recipient))
		return false;
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 1;
		t->recipients =
		    mem_array(t->recipients, t->room, sizeof *t->recipients);
	}
	t->recipients[t->count++] = recipient;
	return true;
}

/* ---- the mail ---- */

static void
on_more(struct smtp_mail *mail)
{
	feed_more(&container_of(mail, struct transfer, mail)->feed);
}

static void
on_mail_done(struct smtp_mail *mail)
{
	struct transfer *t = container_of(mail, struct transfer, mail);
	t->done(t, true);
}

static void
send(struct transfer *t)
{
	const struct envelope *envelope = t->parcel->item->envelope;
	const struct message *message = t->open.message;
	t->addresses = mem_array(NULL, t->count, sizeof *t->addresses);
	for (size_t i = 0; i < t->count; i++)
		t->addresses[i] =
		    envelope->recipients[t->recipients[i]].address;
	t->mail = (struct smtp_mail){
		.sender =
		    forward_sender(t->parcel, t->recipients[0], &t->arena),
		.count = t->count,
		.recipients = t->addresses,
		.size = message_size(message),
		.eight_bit = envelope->flags & ENVELOPE_8BIT,
		.require_tls = envelope->flags & ENVELOPE_REQUIRETLS &&
		    t->client->keeps_tls,
		.more = on_more,
	};
	t->feed = (struct feed){
		.io = t->parcel->delivery->parts.io,
		.message = message,
		.mail = &t->mail,
	};
	smtp_client_send(t->client, &t->mail, on_mail_done);
}

static void
on_open(struct queue_open_message *open)
{
	struct transfer *t = container_of(open, struct transfer, open);
	t->opened = open->message;
	if (t->opened)
		send(t);
	else
		t->done(t, false);
}

void
transfer_start(struct transfer *t, struct smtp_client *client,
    void (*done)(struct transfer *, bool replied))
{
	t->client = client;
	t->done = done;
	t->open = (struct queue_open_message){ .item = t->parcel->item };
	queue_message(t->parcel->delivery->parts.queue, &t->open, on_open);
}

void
transfer_stop(struct transfer *t)
{
	if (!t->client)
		return;
	struct queue *queue = t->parcel->delivery->parts.queue;
	feed_cancel(&t->feed);
	queue_message_cancel(&t->open);
	if (t->opened)
		queue_message_release(queue, t->parcel->item);
	t->opened = false;
	free(t->addresses);
	t->addresses = NULL;
	arena_free(&t->arena);
	t->client = NULL;
}

bool
transfer_is_sent(const struct transfer *t)
{
	return t->feed.ended;
}

/* ---- the end ---- */

void
transfer_free(struct transfer *t)
{
	transfer_stop(t);
	list_remove(&t->node);
	free(t->recipients);
	free(t);
}

void
transfer_drop(struct transfer *t)
{
	struct parcel *parcel = t->parcel;
	transfer_free(t);
	parcel_release(parcel);
}

void
transfer_settle(struct transfer *t, const struct peer *peer)
{
	for (size_t i = 0; i < t->count; i++)
		parcel_outcome(
		    t->parcel, t->recipients[i], t->mail.replies[i], peer);
	transfer_drop(t);
}

void
transfer_answer(struct transfer *t, struct reply reply, const struct peer *peer)
{
	for (size_t i = 0; i < t->count; i++)
		parcel_outcome(t->parcel, t->recipients[i], reply, peer);
	transfer_drop(t);
}
