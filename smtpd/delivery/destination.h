/*
 * destination.h - the domains that mail waits for: one queue, one state of
 * back-off and a few sessions each.
 *
 * Mail whose sender wants TLS otherwise than the domain does (RFC 8689) goes to
 * a destination of its own: what one session has proven isn't enough for it.
 * The smarthost, when there is one, is the only destination.  A destination
 * that can't be reached is left alone for a while: what is for it is deferred
 * at once and takes no session from the others, unless a person has wished
 * since then that it were tried.
 */
#ifndef SMTPD_DELIVERY_DESTINATION_H
#define SMTPD_DELIVERY_DESTINATION_H

#include "lib/base/map.h"
#include "smtpd/delivery/pace.h"
#include "smtpd/delivery/tls_policy.h"
#include "smtpd/delivery/transfer.h"

struct remote;

enum {
	DESTINATION_SESSIONS = 5, /* of one destination */
	DESTINATIONS_SESSIONS = 100, /* of all */
	DESTINATIONS_PACE = 20, /* new sessions a second, of all: the line
				   behind an outage is long */
	DESTINATION_LOSSES = 5, /* sessions that broke off, one by one */
	DESTINATION_CLOGGED_MS = 5000, /* without a session, */
	DESTINATION_PATIENT = 1000, /* then so many transfers wait on */
};

struct destinations { /* of one delivery */
	struct map map; /* by wish and name */
	struct list line; /* who waits for one of all sessions */
	struct list idle; /* sessions without work, the oldest first */
	size_t sessions;
	struct pace pace;
	struct timer paced; /* until somebody in the line may go on */
};

struct destination {
	struct delivery *delivery;
	struct map_node node;
	struct str name; /* domain in lower case, ended by a NUL; "" is the
			    smarthost */
	enum tls_wish wish; /* of all that waits */
	struct list waiting; /* transfers */
	struct list remotes; /* sessions */
	size_t sessions;
	size_t most; /* sessions at a time; less when it wants no more */
	struct list_node in_line;
	struct later later;
	unsigned losses; /* in a row */
	unsigned failures; /* in a row */
	int64_t closed_ms, closed_until; /* monotonic */
	struct reply reply; /* of the last failure */
	struct peer peer;
	struct arena arena; /* of these two */
	struct timer forget;
	struct timer clog; /* runs while mail waits for the first session */
	bool clogged;
};

void destinations_init(struct destinations *);
void destinations_free(struct destinations *); /* with all sessions */
/* Drops what isn't on its way; sessions whose final dot was said go on. */
void destinations_stop(struct destinations *);

/* Puts a remote recipient into the queue of its destination, or defers it. */
void destination_add(struct parcel *, size_t recipient);

/* ---- for its sessions ---- */

/* The next to be sent, which is the session's then; or NULL. */
struct transfer *destination_take(struct destination *);
void destination_return(struct destination *, struct transfer *);
void destination_opened(struct destination *); /* a session is ready */
void destination_answered(struct destination *); /* a mail got its replies */
/* A session broke off in a mail; many in a row are a failure. */
void destination_lost(struct destination *, struct reply, const struct peer *);
/* No further session can be had: without another one this is the answer for
   all that wait. */
void destination_failed(
    struct destination *, struct reply, const struct peer *);
/* The session is about to be freed. */
void destination_left(struct destination *, struct remote *);

#endif
