/*
 * quota.h - how many TLS reports a receiver gets in a day, whoever asks for
 * them to be sent there.
 *
 * RFC 8460 knows no consent: any number of domains may name one victim in
 * their rua, and each mail of ours to one of them would become a report to it.
 * A receiver is the domain behind the @, or the host of an https address; what
 * a domain wants sent to itself is not its business.  Counted since the start.
 */
#ifndef SMTPD_REPORT_QUOTA_H
#define SMTPD_REPORT_QUOTA_H

#include "lib/base/map.h"
#include "lib/report/rua.h"

enum {
	QUOTA_REPORTS = 50, /* to a receiver and day, about other domains */
};

struct quota { /* {0}: nobody got any */
	uint32_t today; /* days since 1970-01-01, UTC */
	struct map receivers;
};

/* One more, about the domain.  False: the receiver has had its share. */
bool quota_take(
    struct quota *, uint32_t today, struct str domain, const struct rua *place);
void quota_free(struct quota *); /* and leaves {0} */

#endif
