#include "smtpd/delivery/policy.h"

enum {
	PORT_IMPLICIT_TLS = 465
};

static const struct requirement opportunistic = {
	.proof = "opportunistic",
	.tls = CLIENT_TLS_MAY,
	.plain = true,
};

struct requirement
policy_for_mx(struct str domain, struct str host)
{
	(void)domain, (void)host;
	return opportunistic;
}

struct requirement
policy_for_relay(const struct settings *settings)
{
	static const struct requirement relay[] = {
		[RELAY_TLS_VERIFY] = { "certificate", CLIENT_TLS_MUST, true,
		    false },
		[RELAY_TLS_OPPORTUNISTIC] = { "opportunistic", CLIENT_TLS_MAY,
		    false, true },
		[RELAY_TLS_NONE] = { "none", CLIENT_TLS_NONE, false, false },
	};
	struct requirement r = relay[settings->relay_tls];
	if (r.tls != CLIENT_TLS_NONE &&
	    settings->relay_port == PORT_IMPLICIT_TLS) {
		r.tls = CLIENT_TLS_IMPLICIT; /* RFC 8314 3 */
		r.plain = false;
	}
	return r;
}
