/*
 * mailbox.h - recipients of ours: each gets a file in a Maildir, written by
 * workers.
 *
 * Whatever goes wrong is temporary: what was accepted for a mailbox waits
 * until the mailbox can take it.
 */
#ifndef SMTPD_DELIVERY_MAILBOX_H
#define SMTPD_DELIVERY_MAILBOX_H

#include "smtpd/delivery/parcel.h"

struct mailboxes { /* of one delivery */
	struct list waiting, active; /* placements */
	unsigned open; /* how many are active */
};

void mailboxes_init(struct mailboxes *);
/* Places the parcel for all local recipients that wait, side by side; a part
   of the parcel. */
void mailbox_place(struct parcel *);
void mailboxes_free(struct mailboxes *); /* what workers hold, they finish */

#endif
