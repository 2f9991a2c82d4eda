/*
 * feed.h - a message on its way into a session: from memory, or a large body
 * in pieces that workers read.
 */
#ifndef SMTPD_DELIVERY_FEED_H
#define SMTPD_DELIVERY_FEED_H

#include "lib/mail/message.h"
#include "lib/net/jobs.h"
#include "smtpd/smtp/client.h"

struct feed_reading;

struct feed { /* {0} is idle */
	struct lane *io;
	const struct message *message; /* stays while this isn't cancelled */
	struct smtp_mail *mail;
	bool ended; /* the final dot was said, or soon will be */
	struct feed_reading *reading; /* private */
};

/* What the mail asks for with more(): the next piece goes to it, now or
   later; when the file can't be read, the mail is aborted. */
void feed_more(struct feed *);
void feed_cancel(struct feed *); /* idempotent, free on an idle one */

#endif
