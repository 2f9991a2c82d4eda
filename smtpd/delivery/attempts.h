/*
 * attempts.h - what a connection to a mail host showed, for whoever counts.
 *
 * One call for each TLS session that was tried or that a policy forbade, and
 * for each policy that could not be had: RFC 8460 4.  Reports' own mail isn't
 * told of (RFC 8460 5.3).  It knows no counters.
 */
#ifndef SMTPD_DELIVERY_ATTEMPTS_H
#define SMTPD_DELIVERY_ATTEMPTS_H

#include "lib/report/tls_row.h"
#include "smtpd/delivery/tls_policy.h"

struct tls_attempt { /* views of the teller's, for the call */
	struct str recipients; /* their domain */
	/* Policy domain: the recipients'; with TLSA the MX host. */
	struct str domain;
	enum tls_policy_type type; /* of the policy that was applied */
	/* The policy: its lines, or its TLSA records ("3 1 1 0123..."). */
	size_t string_count;
	const struct str *strings;
	size_t mx_count; /* of an MTA-STS policy alone */
	const struct str *mx; /* its patterns */
	struct ip sender; /* family 0: there was no connection */
	struct str host; /* receiving MX, or "" */
	struct ip receiver; /* family 0: as above */
	enum tls_report result;
	struct str reason; /* "failure-reason-code", or "" */
};

struct tls_listener { /* a member of whoever counts */
	void (*attempted)(struct tls_listener *, const struct tls_attempt *);
};

#endif
