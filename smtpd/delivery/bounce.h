/*
 * bounce.h - the sender is told: a report of failure or of delay, queued.
 *
 * RFC 3461 and 3464 through lib/mail/dsn.h.  Whoever audience.h says, never
 * about a bounce; signed when it leaves this host.  A report of failure names
 * in its envid the message and the recipients, so that the queue knows after a
 * crash who has been told (docs/queue.md, Bounce).
 */
#ifndef SMTPD_DELIVERY_BOUNCE_H
#define SMTPD_DELIVERY_BOUNCE_H

#include "lib/mail/dsn.h"
#include "lib/trust/sign.h"
#include "smtpd/queue/queue.h"

struct parcel;

enum bounce_result {
	BOUNCE_QUEUED, /* synced */
	BOUNCE_NOBODY, /* who should know has no mailbox any more */
	BOUNCE_LATER, /* no space, no signer, or no directory to be read */
};

struct bounce { /* {0} is idle */
	/* the question */
	struct parcel *parcel;
	enum dsn_action action;
	/* the answer: some of the recipients, the rest next time */
	enum bounce_result result;
	size_t count;
	const size_t *recipients;
	uint64_t id; /* of the report */
	void (*done)(struct bounce *);
	/* private */
	struct queue_open_message open;
	struct envelope *envelope;
	struct message *message;
	struct arena arena;
	struct header header; /* of the report */
	struct str reader;
	struct sign_request sign;
	struct queue_add add;
	bool adding;
};

/* Does anybody want to know that it failed for this recipient? */
bool bounce_is_due(const struct envelope *, const struct recipient *);
/* And that it is late?  Our own users do. */
bool bounce_warns(const struct envelope *);
/* FAILED: about failures that nobody was told of; DELAYED: about all that
   still wait. */
void bounce_start(struct bounce *, struct parcel *, enum dsn_action,
    void (*done)(struct bounce *));
/* What is being added to the queue can't be stopped: false, done() comes. */
bool bounce_cancel(struct bounce *);

#endif
