/*
 * transfer.h - the recipients of one parcel at one destination, and their
 * mail transaction (RFC 5321 3.3) in a session with it.
 */
#ifndef SMTPD_DELIVERY_TRANSFER_H
#define SMTPD_DELIVERY_TRANSFER_H

#include "smtpd/delivery/feed.h"
#include "smtpd/delivery/parcel.h"

enum {
	TRANSACTION_RECIPIENTS = 100, /* RFC 5321 4.5.3.1.8: all take as many */
};

struct transfer { /* a part of its parcel */
	struct list_node node; /* where it waits */
	struct parcel *parcel;
	size_t count, room;
	size_t *recipients; /* indices */
	unsigned losses; /* sessions that broke off in it */
	struct smtp_client *client; /* not NULL: it is under way */
	/* Replies are in mail, or none: the message can't be had. */
	void (*done)(struct transfer *, bool replied);
	struct smtp_mail mail;
	struct str *addresses; /* private from here on */
	struct arena arena; /* of the reverse-path */
	struct queue_open_message open;
	bool opened; /* the message is there until it is released */
	struct feed feed;
};

struct transfer *transfer_new(struct parcel *);
/* False: it is full, or the recipient has another reverse-path. */
bool transfer_add(struct transfer *, size_t recipient);
/* In a session that is ready.  If the session ends before the mail was handed
   to it, done() never comes: the owner is told by the session. */
void transfer_start(struct transfer *, struct smtp_client *,
    void (*done)(struct transfer *, bool replied));
/* The session is gone, or will be freed now: may be started in another. */
void transfer_stop(struct transfer *);
/* From here on it may have arrived, whatever happens. */
bool transfer_is_sent(const struct transfer *);

/* The three ends: each recipient its reply; all the same; none. */
void transfer_settle(struct transfer *, const struct peer *);
void transfer_answer(struct transfer *, struct reply, const struct peer *);
void transfer_drop(struct transfer *);
void transfer_free(struct transfer *); /* the parcel isn't told */

#endif
