/*
 * annotate.h - what was found, written into the message: RFC 8601, RFC 7208 9.
 */
#ifndef SMTPD_INBOUND_ANNOTATE_H
#define SMTPD_INBOUND_ANNOTATE_H

#include "smtpd/inbound/verdict.h"

/* The Authentication-Results field, with its last CR LF.  iprev may be NULL:
   not asked.  source_unknown: results that come from the client's address are
   left out. */
void annotate_results(struct buf *, const struct checks *,
    const struct iprev_check *, bool source_unknown);
/* Received-SPF: RFC 7208 9.1; nothing when SPF wasn't asked. */
void annotate_received_spf(struct buf *, const struct checks *);

#endif
