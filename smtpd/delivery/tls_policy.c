#include "smtpd/delivery/tls_policy.h"

/* ---- what is needed ---- */

static const struct tls_need opportunistic = { .proof = "opportunistic" };
static const struct tls_need watched = {
	.proof = "opportunistic",
	.check = TLS_CHECK_WATCHED,
};
static const struct tls_need by_certificate = {
	.proof = "sts",
	.encrypted = true,
	.check = TLS_CHECK_PKIX,
};
static const struct tls_need by_dane = {
	.proof = "dane",
	.encrypted = true,
	.check = TLS_CHECK_DANE,
};

static struct tls_need
refuse(enum tls_refusal refusal, enum tls_report report)
{
	return (struct tls_need){
		.proof = "none",
		.encrypted = true,
		.refusal = refusal,
		.report = report,
	};
}

/* RFC 8461 4.1, 5 */
static struct tls_need
need_of_sts(struct tls_demand demand)
{
	switch (demand.sts) {
	case STS_ENFORCE:
		return demand.listed
		    ? by_certificate
		    : refuse(TLS_REFUSED_UNLISTED, TLS_REPORT_VALIDATION);
	case STS_TESTING:
		return watched;
	case STS_NONE:
		break;
	}
	return opportunistic;
}

/* RFC 8461 2: DANE goes first, and a policy can't soften it */
static struct tls_need
need_of_host(struct tls_demand demand)
{
	struct tls_need need = need_of_sts(demand);
	switch (demand.dane) {
	case DANE_USABLE:
		return by_dane;
	case DANE_BOGUS:
		return refuse(TLS_REFUSED_BOGUS, TLS_REPORT_DNSSEC_INVALID);
	case DANE_UNUSABLE: /* RFC 7672 2.2: TLS, of anybody */
		need.encrypted = true;
		if (need.check == TLS_CHECK_NOTHING && !need.refusal)
			need.proof = "encrypted";
		return need;
	case DANE_INSECURE:
	case DANE_ABSENT:
		break;
	}
	return need;
}

/* RFC 8689 2: the name of the host must be proven, by DNSSEC or by an MTA-STS
   policy of whatever mode, and the host by DANE or an authority.
   RFC 8689 5: a report isn't lost because the next hop doesn't offer it. */
static struct tls_need
need_of_sender(struct tls_demand demand, struct tls_need need)
{
	bool listed = demand.sts != STS_NONE && demand.listed;
	if (need.refusal != TLS_NOT_REFUSED)
		return need;
	if (need.check != TLS_CHECK_DANE && !listed && !demand.named)
		return refuse(TLS_REFUSED_UNPROVEN, TLS_REPORT_VALIDATION);
	if (need.check != TLS_CHECK_DANE)
		need = by_certificate;
	if (need.check != TLS_CHECK_DANE && !listed)
		need.proof = "certificate";
	need.announced = demand.wish == TLS_WISH_REQUIRED;
	return need;
}

struct tls_need
tls_need(struct tls_demand demand)
{
	switch (demand.wish) {
	case TLS_WISH_OPTIONAL: /* RFC 8689 4.2.2: whatever the policies say */
		return opportunistic;
	case TLS_WISH_REQUIRED:
	case TLS_WISH_PROVEN:
		return need_of_sender(demand, need_of_host(demand));
	case TLS_WISH_NONE:
		break;
	}
	return need_of_host(demand);
}

/* ---- what follows ---- */

static bool
is_enforced(enum tls_check check)
{
	return check == TLS_CHECK_PKIX || check == TLS_CHECK_DANE;
}

/* The connection is as good as its certificate. */
static enum tls_action
judge_certificate(struct tls_need need, enum tls_outcome outcome)
{
	bool bad = outcome != TLS_GOOD && is_enforced(need.check);
	return bad ? TLS_NEXT_HOST : TLS_SEND;
}

static enum tls_report
report_of(struct tls_need need, enum tls_outcome outcome)
{
	static const enum tls_report reports[] = {
		[TLS_GOOD] = TLS_REPORT_SUCCESS,
		[TLS_NO_STARTTLS] = TLS_REPORT_NO_STARTTLS,
		[TLS_NO_HANDSHAKE] = TLS_REPORT_VALIDATION,
		[TLS_WRONG_NAME] = TLS_REPORT_HOST_MISMATCH,
		[TLS_EXPIRED] = TLS_REPORT_EXPIRED,
		[TLS_UNTRUSTED] = TLS_REPORT_NOT_TRUSTED,
		[TLS_NO_MATCH] = TLS_REPORT_VALIDATION,
	};
	bool looked = need.check != TLS_CHECK_NOTHING ||
	    outcome == TLS_NO_STARTTLS || outcome == TLS_NO_HANDSHAKE;
	return looked ? reports[outcome] : TLS_REPORT_SUCCESS;
}

/* What its domain wants to hear of although the session was good: a policy in
   testing that doesn't name the host would have failed here, and (RFC 8460
   4.3.2.1) none of the TLSA records is any good. */
static enum tls_report
report_in_spite(struct tls_demand demand, struct tls_need need)
{
	if (demand.dane == DANE_UNUSABLE)
		return TLS_REPORT_TLSA_INVALID;
	bool unlisted = need.check == TLS_CHECK_WATCHED && !demand.listed;
	return unlisted ? TLS_REPORT_VALIDATION : TLS_REPORT_SUCCESS;
}

struct tls_decision
tls_policy(struct tls_demand demand, enum tls_outcome outcome)
{
	struct tls_need need = tls_need(demand);
	struct tls_decision decision = { TLS_NEXT_HOST, need.report };
	if (need.refusal != TLS_NOT_REFUSED)
		return decision;
	decision.report = report_of(need, outcome);
	if (outcome == TLS_NO_STARTTLS || outcome == TLS_NO_HANDSHAKE)
		decision.action =
		    need.encrypted ? TLS_NEXT_HOST : TLS_SEND_IN_PLAIN;
	else
		decision.action = judge_certificate(need, outcome);
	if (decision.report == TLS_REPORT_SUCCESS)
		decision.report = report_in_spite(demand, need);
	return decision;
}

const char *
tls_report_name(enum tls_report report)
{
	static const char *const names[TLS_REPORT_COUNT] = {
		[TLS_REPORT_SUCCESS] = "success",
		[TLS_REPORT_NO_STARTTLS] = "starttls-not-supported",
		[TLS_REPORT_HOST_MISMATCH] = "certificate-host-mismatch",
		[TLS_REPORT_EXPIRED] = "certificate-expired",
		[TLS_REPORT_NOT_TRUSTED] = "certificate-not-trusted",
		[TLS_REPORT_VALIDATION] = "validation-failure",
		[TLS_REPORT_TLSA_INVALID] = "tlsa-invalid",
		[TLS_REPORT_DNSSEC_INVALID] = "dnssec-invalid",
		[TLS_REPORT_DANE_REQUIRED] = "dane-required",
		[TLS_REPORT_STS_FETCH] = "sts-policy-fetch-error",
		[TLS_REPORT_STS_INVALID] = "sts-policy-invalid",
		[TLS_REPORT_STS_WEBPKI] = "sts-webpki-invalid",
	};
	return names[report];
}
