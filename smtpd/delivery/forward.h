/*
 * forward.h - the reverse-path that mail leaves with when an alias of ours
 * sends it on.
 *
 * Rewritten by SRS (lib/mail/srs.h), so that SPF passes for us and a bounce
 * comes back to us; the message stays as it is, and with it the author's DKIM
 * signature.
 */
#ifndef SMTPD_DELIVERY_FORWARD_H
#define SMTPD_DELIVERY_FORWARD_H

#include "smtpd/delivery/parcel.h"

/* The domain of ours that the recipient was an address of. */
struct str forward_home(const struct parcel *, size_t recipient);
/* What the sender is rewritten to an address of: the home of a recipient who
   is elsewhere, or "" when the sender stays, being ours or nobody. */
struct str forward_domain(const struct parcel *, size_t recipient);
/* The recipient's reverse-path, perhaps in the arena.  A sender that would
   become too long is none: a bounce of it is lost, the mail isn't. */
struct str forward_sender(
    const struct parcel *, size_t recipient, struct arena *);

#endif
