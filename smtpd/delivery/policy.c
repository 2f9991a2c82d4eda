#include "smtpd/delivery/policy.h"

enum {
	PORT_IMPLICIT_TLS = 465
};

struct requirement
policy_for_mx(struct tls_demand demand, const struct dane_set *records)
{
	struct tls_need need = tls_need(demand);
	return (struct requirement){
		.proof = need.proof,
		.tls = need.encrypted ? CLIENT_TLS_MUST : CLIENT_TLS_MAY,
		.check = need.check,
		.announced = need.announced,
		.refusal = need.refusal,
		.demand = demand,
		.records = records,
	};
}

/* RFC 8689 4.2.1: a smarthost is proven by its certificate or not at all */
static void
insist(struct requirement *r, enum tls_wish wish)
{
	bool proven = r->check == TLS_CHECK_PKIX;
	r->announced = proven && wish == TLS_WISH_REQUIRED;
	if (!proven)
		r->refusal = TLS_REFUSED_UNPROVEN;
}

struct requirement
policy_for_relay(const struct settings *settings, enum tls_wish wish)
{
	static const struct requirement relay[] = {
		[RELAY_TLS_VERIFY] = { .proof = "certificate",
		    .tls = CLIENT_TLS_MUST,
		    .check = TLS_CHECK_PKIX },
		[RELAY_TLS_OPPORTUNISTIC] = { .proof = "opportunistic",
		    .tls = CLIENT_TLS_MAY,
		    .plain = true },
		[RELAY_TLS_NONE] = { .proof = "none", .tls = CLIENT_TLS_NONE },
	};
	struct requirement r = relay[settings->relay_tls];
	r.by_setting = true;
	if (r.tls != CLIENT_TLS_NONE &&
	    settings->relay_port == PORT_IMPLICIT_TLS) {
		r.tls = CLIENT_TLS_IMPLICIT; /* RFC 8314 3 */
		r.plain = false;
	}
	if (wish == TLS_WISH_REQUIRED || wish == TLS_WISH_PROVEN)
		insist(&r, wish);
	return r;
}

static enum tls_action
decide_by_setting(const struct requirement *r, enum tls_outcome outcome)
{
	if (outcome == TLS_NO_STARTTLS || outcome == TLS_NO_HANDSHAKE)
		return r->plain ? TLS_SEND_IN_PLAIN : TLS_NEXT_HOST;
	bool bad = outcome != TLS_GOOD && r->check == TLS_CHECK_PKIX;
	return bad ? TLS_NEXT_HOST : TLS_SEND;
}

struct tls_decision
policy_decide(const struct requirement *r, enum tls_outcome outcome)
{
	if (!r->by_setting)
		return tls_policy(r->demand, outcome);
	return (struct tls_decision){ .action = decide_by_setting(r, outcome) };
}
