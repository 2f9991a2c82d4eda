#include "smtpd/delivery/mailbox.h"

#include "smtpd/delivery/delivery_private.h"
#include "smtpd/local/maildir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPEN_MAX = 64, /* messages that are open for placing */
	AT_ONCE = 16, /* recipients of one message with the workers */
};

struct placement { /* a parcel's local recipients */
	struct list_node node; /* waiting or active */
	struct parcel *parcel;
	struct queue_open_message open;
	size_t next; /* recipient to look at */
	struct list jobs; /* with the workers */
	unsigned running;
};

struct placing { /* one recipient, with a worker */
	struct job job;
	struct list_node node;
	struct placement *placement; /* NULL: cut off */
	struct maildir_delivery delivery;
	int error; /* 0: it is there */
};

static void start_next(struct delivery *);

/* ---- what it means ---- */

static struct reply
reply_for(int error)
{
	static const struct {
		int error;
		struct reply reply;
	} known[] = {
		{ 0, REPLY_IS(250, "2.0.0", "delivered") },
		{ ENOSPC, REPLY_IS(452, "4.3.1", "No space left") },
		{ EDQUOT, REPLY_IS(452, "4.2.2", "The quota is used up") },
		{ EAGAIN, REPLY_IS(451, "4.3.0", "Too much to do") },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].error == error)
			return known[i].reply;
	return REPLY(451, "4.3.0", strerror(error));
}

static void
tell(struct placement *placement, size_t recipient, int error)
{
	parcel_outcome(placement->parcel, recipient, reply_for(error), NULL);
}

/* ---- workers ---- */

static void
run(struct job *job)
{
	struct placing *placing = container_of(job, struct placing, job);
	placing->error = maildir_place(&placing->delivery) ? 0
	    : errno					   ? errno
							   : EIO;
}

static void place_more(struct placement *);

static void
on_placed(struct job *job)
{
	struct placing *placing = container_of(job, struct placing, job);
	struct placement *placement = placing->placement;
	if (placement) {
		list_remove(&placing->node);
		placement->running--;
		tell(placement, placing->delivery.recipient, placing->error);
	}
	free(placing);
	if (placement)
		place_more(placement);
}

/* Envelope and message stay as they are while the item is with us. */
static void
place(struct placement *placement, size_t recipient)
{
	const struct parcel *parcel = placement->parcel;
	const struct delivery *delivery = parcel->delivery;
	const struct queue_item *item = parcel->item;
	struct placing *placing = mem_alloc(sizeof *placing);
	placing->placement = placement;
	placing->delivery = (struct maildir_delivery){
		.mail = delivery->mail,
		.envelope = item->envelope,
		.recipient = recipient,
		.message = placement->open.message,
		.replace = item->replayed || item->attempts > 0,
		.hostname = delivery->parts.settings->hostname.p,
	};
	if (!job_start(delivery->parts.place, &placing->job, run, on_placed)) {
		free(placing);
		tell(placement, recipient, EAGAIN);
		return;
	}
	list_push(&placement->jobs, &placing->node);
	placement->running++;
}

/* ---- a parcel's recipients ---- */

static bool
is_local(const struct parcel *parcel, size_t recipient)
{
	return parcel_recipient(parcel, recipient)->kind == RECIPIENT_LOCAL &&
	    parcel_waits(parcel, recipient);
}

static void
end(struct placement *placement)
{
	struct parcel *parcel = placement->parcel;
	struct delivery *delivery = parcel->delivery;
	if (placement->open.message)
		queue_message_release(delivery->parts.queue, parcel->item);
	list_remove(&placement->node);
	delivery->mailboxes.open--;
	free(placement);
	parcel_release(parcel);
	start_next(delivery);
}

static void
place_more(struct placement *placement)
{
	const struct parcel *parcel = placement->parcel;
	size_t count = parcel->item->count;
	for (; placement->next < count && placement->running < AT_ONCE;
	     placement->next++)
		if (is_local(parcel, placement->next))
			place(placement, placement->next);
	if (placement->running == 0)
		end(placement);
}

static void
on_open(struct queue_open_message *open)
{
	struct placement *placement =
	    container_of(open, struct placement, open);
	if (open->message)
		place_more(placement);
	else
		end(placement);
}

/* ---- whose turn it is ---- */

static void
start_next(struct delivery *delivery)
{
	struct mailboxes *mailboxes = &delivery->mailboxes;
	while (mailboxes->open < OPEN_MAX && !list_empty(&mailboxes->waiting)) {
		struct placement *placement = container_of(
		    list_pop(&mailboxes->waiting), struct placement, node);
		list_push(&mailboxes->active, &placement->node);
		mailboxes->open++;
		placement->open.item = placement->parcel->item;
		queue_message(delivery->parts.queue, &placement->open, on_open);
	}
}

void
mailbox_place(struct parcel *parcel)
{
	struct delivery *delivery = parcel->delivery;
	struct placement *placement = mem_alloc(sizeof *placement);
	placement->parcel = parcel;
	list_init(&placement->jobs);
	parcel_hold(parcel);
	list_push(&delivery->mailboxes.waiting, &placement->node);
	start_next(delivery);
}

void
mailboxes_init(struct mailboxes *mailboxes)
{
	list_init(&mailboxes->waiting);
	list_init(&mailboxes->active);
	mailboxes->open = 0;
}

static void
drop(struct placement *placement)
{
	struct list_node *node;
	while ((node = list_pop(&placement->jobs))) {
		struct placing *placing =
		    container_of(node, struct placing, node);
		placing->placement = NULL;
		if (job_cancel(&placing->job))
			free(placing);
	}
	queue_message_cancel(&placement->open);
	free(placement);
}

void
mailboxes_free(struct mailboxes *mailboxes)
{
	struct list_node *node;
	while ((node = list_pop(&mailboxes->waiting)) ||
	    (node = list_pop(&mailboxes->active)))
		drop(container_of(node, struct placement, node));
}
