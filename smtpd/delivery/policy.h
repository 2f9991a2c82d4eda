/*
 * policy.h - what a host must prove before it gets mail, hop by hop.
 *
 * Each hop of a route carries a requirement.  That of an MX follows from its
 * TLSA records, its domain's MTA-STS policy and the sender's wish; what a
 * smarthost must prove is a setting.  It knows neither routes nor sessions.
 */
#ifndef SMTPD_DELIVERY_POLICY_H
#define SMTPD_DELIVERY_POLICY_H

#include "lib/base/settings.h"
#include "smtpd/delivery/tls_policy.h"
#include "smtpd/smtp/client.h"

struct requirement {
	const char *proof; /* for the log: "dane", "sts", "opportunistic",
			      "encrypted", "certificate", "none" */
	enum smtp_client_tls tls;
	enum tls_check check;
	bool announced; /* REQUIRETLS must be offered */
	enum tls_refusal refusal; /* it isn't even connected to */
	/* an MX */
	struct tls_demand demand;
	const struct dane_set *records; /* of TLS_CHECK_DANE */
	/* a smarthost */
	bool by_setting;
	bool plain; /* after a failed handshake plain text may be tried */
};

struct requirement policy_for_mx(struct tls_demand, const struct dane_set *);
struct requirement policy_for_relay(const struct settings *, enum tls_wish);
/* What follows from one connection. */
struct tls_decision policy_decide(const struct requirement *, enum tls_outcome);

#endif
