/*
 * srs.h - the Sender Rewriting Scheme: mail that is forwarded leaves with a
 * reverse-path of ours, and a bounce to it finds its way back.
 *
 * SRS0=hash=day=domain=local@ours for what its author sent, and
 * SRS1=hash-day=host=...@ours for what was rewritten before, so that addresses
 * don't grow with each hop (www.open-spf.org/srs).  The hash makes an address
 * of ours one that only we could write.  The scheme has no day in SRS1 and
 * trusts the first hop to look at its own; ours has one behind the digits of
 * the hash, which nobody else reads.  It knows no queue and no users.
 */
#ifndef LIB_MAIL_SRS_H
#define LIB_MAIL_SRS_H

#include "lib/base/arena.h"
#include "lib/mail/path.h"

enum {
	SRS_DAYS = 21 /* that a bounce may take */
};

struct srs {
	uint64_t key[2]; /* secret, and the same for as long as SRS_DAYS */
};

/* Rewrites the sender to an address of the domain.  False: the path would
   become longer than SMTP allows, or the sender is the null reverse-path.  A
   local part may exceed the 64 octets that RFC 5321 4.5.3.1.1 has every server
   take: shortening one would need a table of what it stood for. */
bool srs_forward(const struct srs *, struct address sender, struct str domain,
    int64_t wall_ms, struct arena *, struct address *rewritten);

enum srs_result {
	SRS_NONE, /* an ordinary address */
	SRS_GOOD,
	SRS_FORGED, /* the hash isn't ours, or it is malformed */
	SRS_EXPIRED,
};

/* Where a bounce to this address goes.  Its case may have been changed on the
   way. */
enum srs_result srs_reverse(const struct srs *, struct address rewritten,
    int64_t wall_ms, struct arena *, struct address *sender);

#endif
