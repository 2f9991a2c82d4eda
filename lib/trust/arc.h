/*
 * arc.h - an Authenticated Received Chain, validated: RFC 8617 5.2.
 *
 * Evidence of what earlier hops saw; never trusted by itself, and never
 * sealed here.  It works like dkim_verify: header, body, end.
 */
#ifndef LIB_TRUST_ARC_H
#define LIB_TRUST_ARC_H

#include "lib/trust/dkim_verify.h"

enum {
	ARC_MAX_SETS = 50 /* RFC 8617 4.2.1 */
};

enum arc_status {
	ARC_NONE, /* no chain */
	ARC_PASS,
	ARC_FAIL,
	ARC_TEMPERROR, /* a key couldn't be had now; shown as fail */
};

struct arc_verify { /* a member of its owner; {0} is idle */
	enum arc_status status;
	const char *why; /* of a fail, a constant; or "" */
	unsigned sets; /* instances in the chain */
	struct str sealer; /* d= of the last seal; or "" */
	struct str first_results; /* value of the first hop's
				     ARC-Authentication-Results; or "", also
				     when nobody has signed From */
	void (*done)(struct arc_verify *);
	struct arc_verifier *verifier; /* private */
};

/* Takes what it needs from the header; asks nothing yet. */
void arc_start(
    struct arc_verify *, struct loop *, const struct dkim_question *);
void arc_body(struct arc_verify *, struct str piece);
/* The body is over, and the other checks have what they need of the budget:
   asks for the keys; done() runs once and later. */
void arc_end(struct arc_verify *, void (*done)(struct arc_verify *));
void arc_cancel(struct arc_verify *); /* idempotent; frees all */
const char *arc_status_name(enum arc_status); /* "none", "pass", "fail" */

/* Did the first hop of a chain that passes see this author domain pass DMARC
   (or, without a DMARC result, DKIM or SPF of the very same domain)? */
bool arc_saw_pass(const struct arc_verify *, struct str author_domain);

#endif
