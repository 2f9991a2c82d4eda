/*
 * spf_macro.h - macros in SPF records and explanations: RFC 7208 7.
 *
 * Pure: checks a macro-string, and writes what it stands for.  Where the
 * values come from is not known here.
 */
#ifndef LIB_TRUST_SPF_MACRO_H
#define LIB_TRUST_SPF_MACRO_H

#include "lib/base/buf.h"
#include "lib/base/ip.h"

enum {
	/* in one string; no name of 253 octets has room for more labels */
	SPF_MACROS_MAX = 127,
};

struct spf_macros { /* what the letters stand for */
	struct str sender, local, sender_domain; /* s l o */
	struct str domain; /* d: of the record that is evaluated */
	struct ip ip; /* i v c */
	struct str validated; /* p; "" is "unknown" */
	struct str helo; /* h */
	struct str receiver; /* r; "" is "unknown" */
	int64_t now; /* t: seconds since the epoch */
};

enum spf_macro_place {
	SPF_MACRO_DOMAIN,
	SPF_MACRO_EXPLANATION, /* spaces and the letters c, r, t, too */
};

/* Whether it is a macro-string. */
bool spf_macro_check(struct str text, enum spf_macro_place);
bool spf_macro_is_domain(struct str text); /* a domain-spec */
/* These two are for what has passed a check. */
bool spf_macro_has(struct str text, char letter); /* of either case */
void spf_macro_expand(struct buf *, struct str text, const struct spf_macros *);

#endif
