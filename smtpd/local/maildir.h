/*
 * maildir.h - a message placed in a Maildir, whole or not at all.
 *
 * tmp/ complete, then one rename into new/; the name is made from the id and
 * the recipient's index, so that a second try finds the first.  Everything
 * blocks: for workers.  Not synced: the queue's checkpoint does that.  Line
 * ends become LF.  It lists names and never reads what others wrote.
 */
#ifndef SMTPD_LOCAL_MAILDIR_H
#define SMTPD_LOCAL_MAILDIR_H

#include "lib/mail/envelope.h"
#include "lib/mail/message.h"

struct maildir_delivery {
	const char *mail; /* the folder that holds <domain>/<user>/Maildir */
	const struct envelope *envelope;
	size_t recipient; /* index of a local one */
	const struct message *message;
	bool replace; /* after a start: what is found in new/ or cur/ under our
			 name is exchanged for this one, whatever its length */
	const char *hostname;
};

/* Creates missing folders (2770, files 0660).  False with errno: EEXIST is
   never success, ENOSPC and EDQUOT are for the caller to wait on. */
bool maildir_place(const struct maildir_delivery *);
/* May it be a part of a mailbox's path?  No slash, NUL or leading dot. */
bool maildir_safe_name(struct str part);

#endif
