/*
 * identity.h - may mail leave from our IPv6 (or IPv4) address?  Receivers ask
 * more of IPv6, so it is used only when nothing about it is wrong.
 *
 * For each family: a reverse name of the address leads back to it and is our
 * host name; SPF passes for the host name (which is what the null sender has)
 * and for each domain of ours, since sessions are shared by all senders.  Asked
 * at the start, hourly, and when our domains change.  What is known here isn't
 * used for any message's verdict.
 */
#ifndef SMTPD_DELIVERY_IDENTITY_H
#define SMTPD_DELIVERY_IDENTITY_H

#include "lib/base/settings.h"
#include "lib/net/resolver.h"
#include "smtpd/local/directory.h"

struct identity;

enum {
	IDENTITY_AGAIN_MS = 3600000,
	IDENTITY_SOON_MS = 60000, /* while the DNS doesn't answer */
};

struct identity_parts { /* all outlive it */
	struct loop *loop;
	const struct settings *settings; /* hostname is set */
	struct resolver *resolver;
	/* For our domains, and told of no more changes once we are freed. */
	struct directory_keeper *directory;
};

struct identity *identity_new(const struct identity_parts *);
void identity_free(struct identity *);

/* May connections of this family (4 or 6) be made?  IPv4 always, IPv6 when it
   is complete; POSTERN_OUTBOUND decides for itself.  NULL: nothing is known. */
bool identity_allows(
    const struct identity *, const struct settings *, uint8_t family);
/* IPv6 is complete, and IPv4 is known not to be. */
bool identity_puts_ipv6_first(const struct identity *, const struct settings *);
/* "IPv6 2001:db8::1: not used, incomplete: it has no reverse name (PTR)". */
void identity_describe(const struct identity *, uint8_t family, struct buf *);

#endif
