#include "smtpd/delivery/identity_private.h"

static enum identity_state
state_of(const struct identity *identity, uint8_t family)
{
	return identity ? identity->families[family == 6].state
			: IDENTITY_UNKNOWN;
}

bool
identity_allows(const struct identity *identity,
    const struct settings *settings, uint8_t family)
{
	if (settings->outbound != OUTBOUND_AUTO)
		return family == (settings->outbound == OUTBOUND_IPV6 ? 6 : 4);
	return family == 4 || state_of(identity, 6) == IDENTITY_COMPLETE;
}

bool
identity_puts_ipv6_first(
    const struct identity *identity, const struct settings *settings)
{
	return settings->outbound == OUTBOUND_AUTO &&
	    state_of(identity, 6) == IDENTITY_COMPLETE &&
	    state_of(identity, 4) == IDENTITY_INCOMPLETE;
}

/* ---- in words ---- */

static const char *
use_of(const struct identity_family *f)
{
	const struct identity *identity = f->identity;
	const struct settings *settings = identity->parts.settings;
	bool used = identity_allows(identity, settings, f->family);
	if (settings->outbound != OUTBOUND_AUTO)
		return used ? "used, as POSTERN_OUTBOUND says"
			    : "not used, as POSTERN_OUTBOUND says";
	if (f->family == 4 && identity_puts_ipv6_first(identity, settings))
		return "used after IPv6";
	return used ? "used" : "not used";
}

void
identity_describe(
    const struct identity *identity, uint8_t family, struct buf *out)
{
	static const char *const states[] = {
		[IDENTITY_UNKNOWN] = "untested",
		[IDENTITY_INCOMPLETE] = "incomplete",
		[IDENTITY_COMPLETE] = "complete",
	};
	const struct identity_family *f = &identity->families[family == 6];
	char address[IP_TEXT] = "";
	buf_adds(out, family == 6 ? "IPv6" : "IPv4");
	if (f->ip.family) {
		ip_print(f->ip, address);
		buf_addf(out, " %s", address);
	}
	buf_addf(out, ": %s, %s", use_of(f), states[f->state]);
	if (f->why.n > 0)
		buf_addf(out, ": %.*s", STR_ARG(buf_str(&f->why)));
}
