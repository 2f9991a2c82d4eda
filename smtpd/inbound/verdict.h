/*
 * verdict.h - results in, decision out: RFC 9989 5.4, 7.4; RFC 7208 8, 11.
 *
 * Pure: no clock, no DNS, no session.  Every decision leaves its steps behind,
 * for `postern why` and for the override reason of a DMARC report (RFC 9990).
 */
#ifndef SMTPD_INBOUND_VERDICT_H
#define SMTPD_INBOUND_VERDICT_H

#include "lib/base/settings.h"
#include "lib/mail/reply.h"
#include "smtpd/inbound/checks.h"

enum disposition {
	DISPOSITION_ACCEPT,
	DISPOSITION_JUNK,
	DISPOSITION_REJECT,
	DISPOSITION_DEFER,
};

/* Why a published policy wasn't applied as it is: RFC 9990's
   PolicyOverrideType. */
enum policy_override {
	OVERRIDE_NONE,
	OVERRIDE_LOCAL_POLICY,
	OVERRIDE_MAILING_LIST,
	OVERRIDE_POLICY_TEST_MODE,
	OVERRIDE_TRUSTED_FORWARDER,
	OVERRIDE_OTHER,
};

struct verdict_question {
	enum policy_action dmarc_action, spf_action; /* lib/base/settings.h */
	const struct checks *checks; /* ended */
	const char *malformed; /* NULL, or why From is ambiguous: 550 5.6.0 */
	bool must_accept; /* every recipient is postmaster, abuse or reports */
	bool source_unknown; /* the client's address isn't the sender's: a
				gateway's */
	bool listed; /* a DNS list says so, and with enough weight */
	bool listed_refuses; /* DNSBL_ACTION=reject */
	struct str list; /* which */
};

enum {
	VERDICT_STEPS = 12
};

struct verdict {
	enum disposition disposition;
	struct reply reply; /* of REJECT and DEFER; the text is in the arena */
	enum policy_override override;
	struct str override_comment; /* or "" */
	enum dmarc_policy applied; /* for a DMARC report: what was done */
	bool spared; /* accepted only because of whom it is for */
	size_t count; /* the story, one sentence a step */
	struct str steps[VERDICT_STEPS];
};

void verdict_reach(
    const struct verdict_question *, struct arena *, struct verdict *);
const char *disposition_name(enum disposition); /* "accept", "junk", ... */
const char *policy_override_name(enum policy_override); /* RFC 9990's */

#endif
