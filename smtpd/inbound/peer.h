/*
 * peer.h - what is asked about a client's address, once a connection: its
 * reverse name (iprev) and the DNS lists of POSTERN_DNSBL (RFC 5782).
 *
 * It starts with the connection and runs beside the dialogue; nobody waits
 * for it before the end of a message, and then not for long.
 */
#ifndef SMTPD_INBOUND_PEER_H
#define SMTPD_INBOUND_PEER_H

#include "lib/trust/iprev.h"
#include "smtpd/inbound/dnsbl.h"

enum {
	PEER_WAIT_MS = 5000, /* what isn't known then stays unknown */
	PEER_WEIGHT = 100, /* enough to act */
};

struct peer_check { /* a member of its owner; {0} is idle: nothing is asked */
	struct iprev_check iprev;
	bool has_iprev; /* it has ended */
	struct budget budget; /* of iprev alone */
	struct str list; /* the heaviest hit so far, or "" */
	unsigned weight; /* of all hits so far */
	bool ended;
	/* set by whoever waits for the end; NULL else */
	void (*done)(struct peer_check *);
	struct peer_run *run; /* private */
};

/* The caller leaves out addresses that nobody outside can know. */
void peer_start(struct peer_check *, struct dnsbl *, struct loop *,
    struct resolver *, struct ip);
bool peer_pending(const struct peer_check *); /* started, and not ended */
/* done() runs once and later: at once when all has ended, and PEER_WAIT_MS
   later at the latest. */
void peer_wait(struct peer_check *, void (*done)(struct peer_check *));
void peer_unwait(struct peer_check *);
void peer_cancel(struct peer_check *); /* idempotent; frees all */

#endif
