/*
 * policy.h - what a host must prove before it gets mail.
 *
 * Each host of a route carries a requirement.  An MX is opportunistic, until
 * its domain's MTA-STS policy or its own TLSA records ask for more; what a
 * smarthost must prove is a setting.  It knows neither routes nor sessions.
 */
#ifndef SMTPD_DELIVERY_POLICY_H
#define SMTPD_DELIVERY_POLICY_H

#include "lib/base/settings.h"
#include "smtpd/smtp/client.h"

struct requirement {
	const char *proof; /* for the log: "opportunistic", "certificate" */
	enum smtp_client_tls tls;
	bool verified; /* with the context that checks certificates */
	bool plain; /* after a failed handshake plain text may be tried */
};

struct requirement policy_for_mx(struct str domain, struct str host);
struct requirement policy_for_relay(const struct settings *);

#endif
