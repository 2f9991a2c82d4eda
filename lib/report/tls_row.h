/*
 * tls_row.h - what a TLS report counts: one row for each distinct combination
 * of day, policy, result and hosts.  RFC 8460 4.
 *
 * As a key for a store (row_key.h); the value is the number of sessions.  A
 * session that went well is counted without its hosts, because the report
 * gives only their sum.  It knows no store, no clock and no sessions.
 */
#ifndef LIB_REPORT_TLS_ROW_H
#define LIB_REPORT_TLS_ROW_H

#include "lib/base/arena.h"
#include "lib/report/row_key.h"

#define TLS_ROW_TAG "tls-row"

enum {
	TLS_ROW_STRINGS = 16, /* of a policy; more are left out */
	TLS_ROW_MX = 8,
	TLS_ROW_STRING = 200, /* octets of one; more is cut off */
	TLS_ROW_RESULT = 40,
	TLS_ROW_REASON = 120,
};

enum tls_policy_type { /* RFC 8460 4.4; the numbers are on disk */
	TLS_POLICY_NONE, /* "no-policy-found" */
	TLS_POLICY_TLSA,
	TLS_POLICY_STS,
};

struct tls_row { /* strings are the maker's, or views of the key */
	uint32_t day; /* since 1970-01-01, UTC */
	struct str domain; /* what the report is about: mail to it */
	/* RFC 8460 1.1: the same, or the TLSA base domain */
	struct str policy_domain;
	enum tls_policy_type type;
	size_t string_count;
	struct str strings[TLS_ROW_STRINGS]; /* of the policy */
	size_t mx_count;
	struct str mx[TLS_ROW_MX]; /* patterns of the policy */
	struct str result; /* "certificate-expired"; "": it went well */
	struct ip sender; /* sending MTA; family 0: not known */
	struct str host; /* receiving MX, or "" */
	struct ip receiver; /* or family 0 */
	struct str reason; /* failure reason code, or "" */
};

void tls_row_encode(const struct tls_row *, struct buf *key);
/* False: it is something else, or damaged. */
bool tls_row_decode(struct str key, struct tls_row *);
/* The octets of a key that say which policy was applied: equal for all rows of
   one entry of "policies". */
struct str tls_row_policy(struct str key);
const char *tls_policy_type_name(enum tls_policy_type); /* "sts" */

#endif
