/*
 * iprev.h - does the client's address have a name, and the name the address?
 * RFC 8601 3.
 *
 * A result is shown and counted; it knows nothing of what it may cost.
 */
#ifndef LIB_TRUST_IPREV_H
#define LIB_TRUST_IPREV_H

#include "lib/base/ip.h"
#include "lib/trust/budget.h"

enum iprev_status { /* RFC 8601 2.7.3 */
	IPREV_PASS,
	IPREV_FAIL, /* no name of it leads back */
	IPREV_TEMPERROR,
	IPREV_PERMERROR, /* the address has no PTR */
};

struct iprev_check { /* a member of its owner; {0} is idle */
	struct str wanted; /* of several names it is asked about first; or "" */
	enum iprev_status status;
	struct str name; /* that was confirmed, else the first; or "" */
	void (*done)(struct iprev_check *);
	struct iprev_run *run; /* private */
};

/* About an address (family 4 or 6), with at most BUDGET_IPREV questions, on an
   idle check of which only "wanted" may be set.  done() runs once and later,
   within 20 s.  The name lives as long as the check. */
void iprev_start(struct iprev_check *, struct loop *, struct resolver *,
    struct budget *, struct ip, void (*done)(struct iprev_check *));
void iprev_cancel(struct iprev_check *); /* idempotent; frees all, leaves {0} */
const char *iprev_status_name(enum iprev_status);

#endif
