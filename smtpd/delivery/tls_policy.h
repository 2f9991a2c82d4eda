/*
 * tls_policy.h - what a mail host must prove before it gets a message, and
 * what follows when it doesn't: RFC 3207, RFC 7672, RFC 8461, RFC 8689.
 *
 * Pure: facts about the host in, a need out; what a connection showed in, an
 * action out, and how a TLS report calls it (RFC 8460 4.3).  It knows neither
 * DNS nor sockets.
 */
#ifndef SMTPD_DELIVERY_TLS_POLICY_H
#define SMTPD_DELIVERY_TLS_POLICY_H

#include "lib/net/tls.h"
#include "lib/trust/dane.h"
#include "lib/trust/sts.h"

enum tls_wish { /* of the message's sender, RFC 8689 */
	TLS_WISH_NONE, /* what the recipient's domain demands */
	TLS_WISH_REQUIRED, /* REQUIRETLS */
	TLS_WISH_PROVEN, /* the same of a message from the null sender */
	TLS_WISH_OPTIONAL, /* "TLS-Required: No" */
};

struct tls_demand { /* on one host */
	enum tls_wish wish;
	enum dane_status dane;
	enum sts_mode sts; /* of the domain; STS_NONE without a policy */
	bool listed; /* the policy names the host */
	bool named; /* so does an MX that is secure, or it is the domain */
};

enum tls_report { /* RFC 8460 4.3 */
	TLS_REPORT_SUCCESS,
	TLS_REPORT_NO_STARTTLS,
	TLS_REPORT_HOST_MISMATCH,
	TLS_REPORT_EXPIRED,
	TLS_REPORT_NOT_TRUSTED,
	TLS_REPORT_VALIDATION,
	TLS_REPORT_TLSA_INVALID,
	TLS_REPORT_DNSSEC_INVALID,
	TLS_REPORT_DANE_REQUIRED,
	TLS_REPORT_STS_FETCH,
	TLS_REPORT_STS_INVALID,
	TLS_REPORT_STS_WEBPKI,
	TLS_REPORT_COUNT,
};

enum tls_refusal { /* why a host isn't even connected to */
	TLS_NOT_REFUSED,
	TLS_REFUSED_UNLISTED, /* the enforced policy doesn't name it */
	TLS_REFUSED_BOGUS, /* its TLSA records can't be had */
	TLS_REFUSED_UNPROVEN, /* REQUIRETLS, and nothing proves the host */
};

struct tls_need {
	const char *proof; /* for the log: "dane", "sts", "opportunistic" */
	bool encrypted; /* never in plain text */
	enum tls_check check;
	bool announced; /* REQUIRETLS must be offered */
	enum tls_refusal refusal;
	enum tls_report report; /* of a refusal */
};

struct tls_need tls_need(struct tls_demand);

enum tls_outcome { /* of one connection */
	TLS_GOOD, /* all that was checked is right */
	TLS_NO_STARTTLS,
	TLS_NO_HANDSHAKE,
	TLS_WRONG_NAME,
	TLS_EXPIRED,
	TLS_UNTRUSTED, /* authority unknown, self-signed, revoked ... */
	TLS_NO_MATCH, /* no TLSA record fits */
};

enum tls_action {
	TLS_SEND,
	TLS_SEND_IN_PLAIN, /* on a new connection when this one is broken */
	TLS_NEXT_HOST, /* and behind the last: deferred, 4.7.x */
};

struct tls_decision {
	enum tls_action action;
	enum tls_report report;
};

struct tls_decision tls_policy(struct tls_demand, enum tls_outcome);
const char *tls_report_name(enum tls_report); /* "starttls-not-supported" */

#endif
