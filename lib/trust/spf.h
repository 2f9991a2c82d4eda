/*
 * spf.h - may this host use this domain in HELO or MAIL?  RFC 7208.
 *
 * check_host() without waiting: the records are read and followed, and one of
 * the seven results comes.  What a result costs is not known here.
 */
#ifndef LIB_TRUST_SPF_H
#define LIB_TRUST_SPF_H

#include "lib/base/ip.h"
#include "lib/trust/budget.h"

enum spf_result { /* RFC 7208 2.6 */
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
};

struct spf_question { /* outlives the check */
	struct resolver *resolver;
	struct budget *budget; /* what is in it may be spent, and no more */
	struct ip ip; /* of the client */
	struct str helo; /* as it was said */
	/* Reverse-path as text; "" asks about postmaster@HELO, RFC 7208 2.4:
	   that is the HELO identity, too. */
	struct str mail_from;
	struct str receiver; /* our host name, for the macro "r" */
};

struct spf_check { /* a member of its owner; {0} is idle */
	/* the answer, for done() and until spf_cancel() */
	enum spf_result result;
	struct str domain; /* that was asked about; "" when there was none */
	/* The directive that matched, as written but without its qualifier,
	   "ip4:192.0.2.0/24"; "default" when none did (RFC 7208 9.1); "" with
	   none and errors.  Of an include it is the include itself.  At most
	   255 octets, printable US-ASCII. */
	struct str mechanism;
	struct str explanation; /* of the domain's owner, on fail: printable
				   US-ASCII, at most 255 octets; or "" */
	const char *why; /* of an error, a constant; or "" */
	void (*done)(struct spf_check *);
	struct spf_run *run; /* private */
};

/* done() runs once and later, within 20 s (RFC 7208 4.6.4). */
void spf_start(struct spf_check *, struct loop *, const struct spf_question *,
    void (*done)(struct spf_check *));
/* Idempotent; frees the answer, too. */
void spf_cancel(struct spf_check *);
const char *spf_result_name(enum spf_result);

#endif
