/*
 * spf_record.h - the text of an SPF record, as terms: RFC 7208 4.5, 4.6, 12.
 *
 * A pure parser over hostile bytes.  The whole record is checked first; then
 * its directives are read one after the other out of the same text, so that a
 * record of many terms costs no memory.  What a term means is not known here.
 */
#ifndef LIB_TRUST_SPF_RECORD_H
#define LIB_TRUST_SPF_RECORD_H

#include "lib/base/ip.h"

enum spf_mechanism {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
};

struct spf_record { /* views of the text */
	struct str terms; /* what follows the version */
	struct str redirect, explanation; /* domain-specs, or "" */
};

struct spf_directive { /* views of the text */
	struct str text; /* as written, without the qualifier */
	char qualifier; /* + - ~ ? */
	enum spf_mechanism mechanism;
	struct str domain; /* domain-spec, or "" */
	struct ip net; /* of ip4 and ip6; never IPv4-mapped */
	unsigned bits4, bits6; /* prefix lengths; 32 and 128 unless written */
};

/* Whether a TXT record is one of SPF at all, well-formed or not. */
bool spf_record_is(struct str text);
/* False: there is a syntax error somewhere, and why. */
bool spf_record_parse(struct str text, struct spf_record *, const char **why);
/* Takes the next directive off the terms of a record that was parsed; false
   when there are no more.  Modifiers are passed over. */
bool spf_record_next(struct str *terms, struct spf_directive *);

#endif
