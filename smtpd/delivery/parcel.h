/*
 * parcel.h - an item of the queue while it is with us: who still carries a
 * part of it, and what is known of each recipient.
 *
 * Parts are given out (mailboxes, transfers to other servers) and come
 * back with outcomes; settle.h makes them durable.
 */
#ifndef SMTPD_DELIVERY_PARCEL_H
#define SMTPD_DELIVERY_PARCEL_H

#include "lib/base/ip.h"
#include "lib/net/flow.h"
#include "smtpd/delivery/bounce.h"

struct delivery;

struct peer { /* who was tried, and may have answered; strings are kept by
		 whoever holds it */
	struct str host; /* "mx.remote.example", "[192.0.2.1]", or "" */
	struct ip ip;
	uint16_t port;
	struct str tls; /* "TLSv1.3", or "" */
	const char *proof; /* constant, or NULL */
};

enum outcome_phase {
	OUTCOME_NONE, /* not tried yet, or given back without */
	OUTCOME_NEW,
	OUTCOME_SETTLING,
	OUTCOME_SETTLED,
};

struct outcome { /* of one recipient, this time */
	enum outcome_phase phase;
	enum recipient_state state; /* WAITING: deferred */
	bool expired; /* deferred once too often, hence FAILED */
	bool told; /* FAILED, and whoever must know knows */
	struct reply reply;
	struct peer peer; /* who was tried; host "": nobody */
	int64_t ms; /* since the parcel came */
};

struct parcel {
	struct delivery *delivery; /* NULL: cut off, ends with what can't be
				      cancelled */
	struct list_node node; /* in delivery->parcels */
	struct queue_item *item;
	unsigned parts; /* not yet back */
	int64_t came_ms; /* monotonic */
	struct outcome *outcomes; /* one per recipient */
	struct arena arena;

	/* settle.c alone */
	struct flow flow;
	bool settling; /* a round runs */
	bool last; /* it gives the item back */
	bool under_way; /* with the queue, which can't be cancelled */
	bool warning_tried; /* this time */
	bool warned;
	struct bounce bounce;
	struct queue_settle settle;
	struct queue_outcome *rows;
};

struct parcel *parcel_new(struct delivery *, struct queue_item *);
/* A part is given out; a part is back, and the parcel may be gone. */
void parcel_hold(struct parcel *);
void parcel_release(struct parcel *);
/* What became of a recipient: 2yz, 4yz or 5yz.  Copied; peer may be NULL. */
void parcel_outcome(
    struct parcel *, size_t recipient, struct reply, const struct peer *);
void parcel_end(struct parcel *); /* the item isn't ours any more */
/* The delivery ends: frees it, or cuts it off until what is under way with
   the queue has come back. */
void parcel_abandon(struct parcel *);
void parcel_free(struct parcel *);

const struct recipient *parcel_recipient(const struct parcel *, size_t);
bool parcel_waits(
    const struct parcel *, size_t recipient); /* to be delivered */

/* The strings live in the arena afterwards; QUEUE_REPLY octets are kept. */
struct reply reply_keep(struct arena *, struct reply);
struct peer peer_keep(struct arena *, const struct peer *); /* NULL is fine */
void peer_write(struct buf *, const struct peer *); /* "mx.test[192.0.2.1]" */

#endif
