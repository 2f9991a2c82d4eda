/*
 * dkim_verify.h - a message's DKIM signatures, verified while it arrives:
 * RFC 6376 6.
 *
 * The header section starts it (keys are asked for at once), the body is
 * hashed in pieces, the results come when both are there.  Memory doesn't
 * depend on the size of the body.
 */
#ifndef LIB_TRUST_DKIM_VERIFY_H
#define LIB_TRUST_DKIM_VERIFY_H

#include "lib/trust/budget.h"
#include "lib/trust/dkim_record.h"

enum {
	DKIM_LOOKED_AT = 8, /* signatures, from the top */
	DKIM_VERIFIED = 5, /* of them; the author domain's come first */
	DKIM_CLOCK_SKEW = 86400, /* seconds that t= may be ahead of us */
};

struct dkim_result { /* strings live until dkim_verify_cancel() */
	enum dkim_status status;
	const char *why; /* of anything but a pass; a constant, or "" */
	struct str domain, selector, algorithm; /* "" when it has none */
	struct str identity; /* i= */
	struct str signature; /* b= in base64, without white space */
	bool testing; /* the key says t=y */
	bool weak; /* it fits, but covers too little: l= is below the body;
		      the status is DKIM_POLICY */
};

struct dkim_question { /* outlives the verification */
	struct resolver *resolver;
	struct budget *budget;
	const struct header *header; /* and its bytes */
	struct str author_domain; /* A-labels, or "" */
	int64_t now; /* Unix time */
};

struct dkim_verify { /* a member of its owner; {0} is idle */
	size_t count; /* signatures looked at, in the header's order */
	struct dkim_result results[DKIM_LOOKED_AT];
	void (*done)(struct dkim_verify *);
	struct dkim_verifier *verifier; /* private */
};

void dkim_verify_start(
    struct dkim_verify *, struct loop *, const struct dkim_question *);
void dkim_verify_body(struct dkim_verify *, struct str piece); /* CR LF ends */
/* The body is over: done() runs once and later. */
void dkim_verify_end(struct dkim_verify *, void (*done)(struct dkim_verify *));
void dkim_verify_cancel(struct dkim_verify *); /* idempotent; frees all */
/* Is there such a field, and does result i's h= name each one of them? */
bool dkim_verify_covers(const struct dkim_verify *, size_t i, const char *name);
const char *dkim_status_name(enum dkim_status); /* "pass", ... */

#endif
