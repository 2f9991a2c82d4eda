/*
 * verdict_evidence.h - private to verdict.c: what speaks for a message, and
 * what might, had the DNS answered.
 */
#ifndef SMTPD_INBOUND_VERDICT_EVIDENCE_H
#define SMTPD_INBOUND_VERDICT_EVIDENCE_H

#include "smtpd/inbound/verdict.h"

struct evidence { /* views of the checks */
	/* SPF of the identity that counts; none when it wasn't asked, or when
	   the address is a gateway's */
	enum spf_result spf;
	struct str spf_domain, spf_explanation;

	bool has_signature; /* a valid one, of any domain */
	bool has_unread_signature; /* whose key can't be had now */
	/* The author domain itself, by name, has authenticated the message:
	   it passes by whatever policy there may be. */
	bool author_vouches;
	/* If the DNS had answered, it might be aligned. */
	bool spf_could_align, dkim_could_align;
	bool chain_vouches; /* ARC: the first hop saw the author pass */
	bool chain_could_vouch; /* the same, if its keys could be had */
};

struct evidence evidence_of(const struct verdict_question *);

#endif
