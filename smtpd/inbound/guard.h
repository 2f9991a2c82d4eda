/*
 * guard.h - is a client's address really the sender's?
 *
 * Behind Docker's NAT, or a proxy, everybody comes from one private address.
 * When many unrelated clients do, nothing that depends on the address can be
 * believed: no SPF refusal, no limits that lock everybody out.  It is never a
 * reason to relay.  Bounded: a few addresses, a few names each, an hour.
 */
#ifndef SMTPD_INBOUND_GUARD_H
#define SMTPD_INBOUND_GUARD_H

#include "lib/base/buf.h"
#include "lib/base/ip.h"

struct guard;

struct guard *guard_new(void);
void guard_free(struct guard *);
/* A client on port 25 said HELO and MAIL; logs once when an address turns out
   to be a gateway. */
void guard_note(struct guard *, struct ip, struct str helo, struct str sender);
/* Is this the address of a gateway?  False for public addresses, always. */
bool guard_is_gateway(const struct guard *, struct ip);
/* The sentence for status, with the mend; false: there is no trouble. */
bool guard_trouble(const struct guard *, struct buf *);

#endif
