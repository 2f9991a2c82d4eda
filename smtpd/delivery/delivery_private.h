/*
 * delivery_private.h - what the files of this room share.
 */
#ifndef SMTPD_DELIVERY_DELIVERY_PRIVATE_H
#define SMTPD_DELIVERY_DELIVERY_PRIVATE_H

#include "smtpd/delivery/delivery.h"
#include "smtpd/delivery/destination.h"
#include "smtpd/delivery/mailbox.h"

struct delivery {
	struct delivery_parts parts;
	struct queue_consumer consumer;
	const char *mail; /* the folder of the Maildirs */
	struct list parcels; /* all that is with us */
	struct mailboxes mailboxes;
	struct destinations destinations;
	bool stopping;
	void (*idle)(struct delivery *);
	struct timer limit; /* of the stop */
	struct later later;
	struct arena arena;
};

/* Something has ended; when it was the last, a stop is complete. */
void delivery_rest(struct delivery *);

#endif
