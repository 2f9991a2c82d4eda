/*
 * counters.h - what the domains that ask for DMARC aggregate reports will be
 * told: judged messages, counted by day, policy domain, source and result.
 *
 * They are kept in a tally, whose notes say what the domain published last.
 * Sending is not its business.
 */
#ifndef SMTPD_INBOUND_COUNTERS_H
#define SMTPD_INBOUND_COUNTERS_H

#include "lib/report/dmarc_row.h"
#include "smtpd/inbound/verdict.h"
#include "smtpd/store/tally.h"

enum {
	COUNTERS_ROWS = 20000, /* in all; and as many policy domains */
	COUNTERS_DOMAIN_ROWS = 2000, /* of one policy domain and day */
	COUNTERS_BYTES = 8 << 20, /* octets of all keys */
	COUNTERS_DAYS = 3, /* besides today */
};

extern const struct tally_kind counters_kind;

/* A message that was accepted or refused, once; one whose policy has no rua,
   or that was deferred, isn't counted. */
void counters_note(
    struct tally *, const struct checks *, const struct verdict *);

#endif
