/*
 * remote.h - a session with a destination: from the route to the last mail.
 *
 * It tries the hops of the route in order until one is ready, then sends what
 * the destination has, one transaction after the other, and stays for a few
 * seconds when there is nothing more.
 */
#ifndef SMTPD_DELIVERY_REMOTE_H
#define SMTPD_DELIVERY_REMOTE_H

#include "lib/net/dial.h"
#include "smtpd/delivery/destination.h"
#include "smtpd/delivery/route.h"

enum remote_phase {
	REMOTE_OPENING, /* route, connection, up to EHLO */
	REMOTE_BUSY,
	REMOTE_IDLE,
};

struct remote {
	struct destination *destination;
	struct list_node node; /* in the destination */
	struct slot slot;
	enum remote_phase phase;
	struct route route;
	int64_t found_ms; /* monotonic: the route */
	size_t hop; /* of the route: the one that is tried or used */
	bool plain; /* the hop failed with TLS, so now without */
	bool opened; /* some hop was ready */
	struct dial dial;
	struct smtp_client client;
	unsigned mails; /* begun on this connection */
	struct transfer *transfer; /* BUSY */
	struct timer timer; /* IDLE */
	struct reply reply; /* the best reason for the failure so far */
	struct peer peer; /* whose it is */
	struct arena arena; /* of these two */
};

void remote_open(struct destination *, enum slot_line);
void remote_resume(struct remote *); /* an idle one: there is work */
void remote_close(struct remote *); /* an idle one: QUIT */
void remote_yield(struct remote *); /* an opening one: others wait */
/* Drops it, unless the final dot was said. */
void remote_stop(struct remote *);
/* With its transaction; neither destination nor parcel is told. */
void remote_free(struct remote *);

#endif
