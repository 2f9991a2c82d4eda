/*
 * destination.h - the domains that mail waits for: one queue, one state of
 * back-off and a few sessions each.
 *
 * Mail whose sender wants TLS otherwise than the domain does (RFC 8689) goes to
 * a destination of its own: what one session has proven isn't enough for it.
 * The smarthost, when there is one, is the only destination.  A destination
 * that can't be reached is left alone for a while: what is for it is deferred
 * at once and takes no session from the others, unless a person has wished
 * since then that it were tried.  How much may wait for it is backlog.h's
 * business, which session it gets slots.h's.
 */
#ifndef SMTPD_DELIVERY_DESTINATION_H
#define SMTPD_DELIVERY_DESTINATION_H

#include "lib/base/map.h"
#include "smtpd/delivery/backlog.h"
#include "smtpd/delivery/slots.h"
#include "smtpd/delivery/tls_policy.h"

struct remote;

enum {
	DESTINATION_SESSIONS = 5, /* of one destination */
	DESTINATION_LOSSES = 5, /* sessions that broke off, one by one */
	DESTINATIONS_KNOWN = 1000, /* that take mail and have none to get */
};

struct destinations { /* of one delivery */
	struct map map; /* by wish and name */
	struct slots slots;
	struct timer turn; /* until somebody in a line may go on */
	struct list known; /* good ones that have nothing to do, the one
			      longest without comes first */
	size_t known_count;
};

struct destination {
	struct delivery *delivery;
	struct map_node node;
	struct str name; /* domain in lower case, ended by a NUL; "" is the
			    smarthost */
	enum tls_wish wish; /* of all that waits */
	struct backlog backlog;
	struct list remotes; /* sessions */
	size_t sessions;
	size_t most; /* sessions at a time; less when it wants no more */
	struct slot_waiter waiter; /* for a session */
	struct list_node known;
	bool good; /* it took mail when last tried */
	struct later later;
	unsigned losses; /* in a row */
	unsigned failures; /* in a row */
	int64_t closed_ms, closed_until; /* monotonic */
	struct reply reply; /* of the last failure */
	struct peer peer;
	struct arena arena; /* of these two */
	struct timer forget;
};

void destinations_init(struct destinations *);
void destinations_free(struct destinations *); /* with all sessions */
/* Drops what isn't on its way; sessions whose final dot was said go on. */
void destinations_stop(struct destinations *);
/* The smarthost, when its last answer was a failure; or NULL. */
const struct destination *destinations_failing_relay(
    const struct destinations *);

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
/* It takes mail of nobody now: the answer for all that wait. */
void destination_refused(
    struct destination *, struct reply, const struct peer *);
/* No further session can be had: without another one this is the answer for
   all that wait. */
void destination_failed(
    struct destination *, struct reply, const struct peer *);
/* The session is about to be freed. */
void destination_left(struct destination *, struct remote *);

#endif
