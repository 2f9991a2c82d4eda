/*
 * tlsrpt_record.h - where a domain wants reports on TLS: the TXT record at
 * _smtp._tls.<domain>, RFC 8460 3.
 *
 * Pure.  What stands in the URIs, and whether they are used, is not known
 * here.
 */
#ifndef LIB_TRUST_TLSRPT_RECORD_H
#define LIB_TRUST_TLSRPT_RECORD_H

#include "lib/net/resolver.h"

enum {
	TLSRPT_RUA_MAX = 2048, /* octets; a longer list is malformed */
};

/* The text of one record; rua is a list of URIs with commas, a view.  False:
   malformed; why says. */
bool tlsrpt_record_parse(struct str text, struct str *rua, const char **why);
/* Of all TXT records at the name, the one that counts.  False: there is none,
   or more than one, or it is malformed; why says.  The list is in the arena. */
bool tlsrpt_record_select(const struct dns_answer *, struct arena *,
    struct str *rua, const char **why);

#endif
