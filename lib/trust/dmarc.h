/*
 * dmarc.h - does the author domain vouch for the message?  RFC 9989.
 *
 * First the policy is discovered (it needs the author domain alone, so it can
 * run while the body arrives), then the identifiers that SPF and DKIM have
 * authenticated are compared.  No public-suffix list: the tree is walked, and
 * no further than the answer needs.
 *
 * DNS trouble.  A record on the author domain is the policy, whatever is above
 * it.  Without one every level of the walk decides, also above a record that
 * was found (a psd tag there would move the Organizational Domain): one that
 * doesn't answer makes a temporary error.  In alignment it makes one only
 * when no other identifier is aligned; so does an aligned domain for which SPF
 * or DKIM had no answer.
 *
 * A spent budget.  It never makes a pass.  In discovery it is a temporary
 * error, too: no message gets around a policy by making its DNS costly, and
 * each try costs us no more than the budget.  In alignment the identifier is
 * not aligned, which is final: nobody makes us defer again and again.
 */
#ifndef LIB_TRUST_DMARC_H
#define LIB_TRUST_DMARC_H

#include "lib/trust/budget.h"
#include "lib/trust/dmarc_record.h"

enum {
	DMARC_IDENTIFIERS = 8, /* one of SPF, the rest of DKIM */
};

enum dmarc_status { /* RFC 9989 9.2 */
	DMARC_NONE,
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_TEMPERROR,
	DMARC_PERMERROR, /* never ours: RFC 9989 4.10.1 applies no DMARC where
			    a record can't be used */
};

struct dmarc_identifier {
	struct str domain; /* A-labels */
	bool is_dkim; /* else SPF's */
	bool unknown; /* the DNS didn't say whether it is authenticated: it
			 makes no pass, and aligned no fail either.  Such
			 ones stand last, and are gone from the answer */
	bool aligned; /* the answer */
};

struct dmarc_check { /* a member of its owner; {0} is idle */
	/* what dmarc_discover() finds out */
	enum dmarc_status status; /* FAIL until dmarc_align(): there is a
				     policy; NONE, TEMPERROR: it ends here */
	struct str policy_domain; /* where the record stands; "" when there is
				     none, or nobody knows */
	struct str organizational_domain; /* of the author domain; "" as long
					     as nothing needed it, maybe for
					     good */
	struct dmarc_record record;
	bool exists; /* the author domain: false after NXDOMAIN for it; only
			asked for when np and sp differ and decide */
	enum dmarc_policy published; /* by p, sp, np: before t=y */
	enum dmarc_policy policy; /* that applies: t=y takes one step off */
	const char *why; /* a constant, or "" */

	/* what dmarc_align() finds out; status becomes PASS, FAIL or
	   TEMPERROR, and then policy still says what is at stake */
	size_t count;
	struct dmarc_identifier identifiers[DMARC_IDENTIFIERS];

	void (*done)(struct dmarc_check *);
	struct dmarc_run *run; /* private */
};

/* On an idle check.  done() runs once and later, within 20 s.  The strings live
   as long as the check. */
void dmarc_discover(struct dmarc_check *, struct loop *, struct resolver *,
    struct budget *, struct str author_domain,
    void (*done)(struct dmarc_check *));
/* When discovery has ended with a policy: the owner has filled in count and
   identifiers (domains are copied).  Within another 20 s. */
void dmarc_align(struct dmarc_check *, void (*done)(struct dmarc_check *));
void dmarc_cancel(struct dmarc_check *); /* idempotent; frees all, leaves {0} */
const char *dmarc_status_name(enum dmarc_status);

#endif
