/*
 * dmarc_record.h - a DMARC policy record: RFC 9989 4.7, 4.8.
 *
 * It doesn't use lib/mail/taglist.h: there one mistake makes a whole list
 * invalid, here it costs no more than the tag it is in, and names of tags
 * have no case.  It knows no tree and no author domain.
 */
#ifndef LIB_TRUST_DMARC_RECORD_H
#define LIB_TRUST_DMARC_RECORD_H

#include "lib/net/resolver.h"

enum {
	DMARC_RUA_MAX = 2048 /* octets that are kept; URIs beyond are dropped */
};

enum dmarc_policy { /* from the mildest to the strictest */
	DMARC_POLICY_NONE,
	DMARC_POLICY_QUARANTINE,
	DMARC_POLICY_REJECT,
};

enum dmarc_psd {
	DMARC_PSD_UNKNOWN, /* psd=u, the default */
	DMARC_PSD_YES,
	DMARC_PSD_NO,
};

struct dmarc_record { /* strings are in the arena */
	enum dmarc_policy p, sp, np; /* sp and np with their defaults */
	bool has_sp, has_np;
	bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
	bool testing; /* t=y */
	enum dmarc_psd psd;
	bool applicable; /* false: p, sp or np is not valid and no report is
			    asked for, so no DMARC for the message */
	struct str rua; /* as published; "" without a valid URI */
};

/* False: it doesn't begin with v=DMARC1, so it is no DMARC record.  why says
   what is wrong with p, sp or np of one that is; else it is "". */
bool dmarc_record_parse(
    struct str text, struct arena *, struct dmarc_record *, const char **why);
/* Of all TXT records at one name, the one that counts: RFC 9989 4.10 step 2.
   False: none; several is set when there were more than one. */
bool dmarc_record_select(const struct dns_answer *, struct arena *,
    struct dmarc_record *, bool *several, const char **why);
const char *dmarc_policy_name(enum dmarc_policy); /* "none", ... */

#endif
