/*
 * consent.h - does a domain agree to get reports about another one?
 * RFC 9990 4.
 *
 * Without it anybody could send anybody else's mailbox full.  Two domains of
 * one Organizational Domain need none; in doubt it is asked for.
 */
#ifndef SMTPD_REPORT_CONSENT_H
#define SMTPD_REPORT_CONSENT_H

#include "lib/trust/dmarc_walk.h"

enum consent_result {
	CONSENT_GIVEN,
	CONSENT_MISSING,
	CONSENT_UNKNOWN, /* the DNS doesn't answer */
};

struct consent { /* {0} is idle */
	/* the question; lower case, kept by the asker until done() */
	struct str policy_domain, receiver;
	/* the answer */
	enum consent_result result;
	struct str rua; /* the receiver wants them there instead; or "" */
	void (*done)(struct consent *);

	/* private */
	struct arena *arena;
	struct budget budget;
	struct dmarc_tree tree;
	struct dmarc_walk walk;
	struct str organization; /* of the policy domain */
	struct dns_query query;
};

/* done() runs once and later; rua is in the arena. */
void consent_start(struct consent *, struct loop *, struct resolver *,
    struct arena *, void (*done)(struct consent *));
void consent_cancel(struct consent *);

#endif
