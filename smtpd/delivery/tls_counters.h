/*
 * tls_counters.h - what the domains that ask for TLS reports will be told:
 * sessions with their hosts, counted by day, policy and result.  RFC 8460 4.
 *
 * Domains that ask for none are counted as well: whether they do is found out
 * when a report would be sent.  A session whose policy was TLSA records is told
 * to the recipients' domain, which publishes where reports go, and to the TLSA
 * base domain, which RFC 8460 1.1 calls the policy domain.  Sending is not its
 * business.
 */
#ifndef SMTPD_DELIVERY_TLS_COUNTERS_H
#define SMTPD_DELIVERY_TLS_COUNTERS_H

#include "smtpd/delivery/attempts.h"
#include "smtpd/store/tally.h"

enum {
	TLS_COUNTERS_ROWS = 10000, /* in all, and the domains */
	TLS_COUNTERS_DOMAIN_ROWS = 500, /* of one policy domain and day */
	TLS_COUNTERS_BYTES = 4 << 20, /* octets of all keys */
	TLS_COUNTERS_DAYS = 3, /* besides today */
};

extern const struct tally_kind tls_counters_kind;

struct tls_counters { /* a member of its owner */
	struct tls_listener listener; /* to be told */
	struct tally *tally; /* private */
};

/* The tally, of the kind above, outlives it. */
void tls_counters_init(struct tls_counters *, struct tally *);

#endif
