#include "smtpd/delivery/identity_private.h"

static const char *
name_of(const struct identity_family *f)
{
	return f->family == 6 ? "IPv6" : "IPv4";
}

bool
identity_allows(const struct identity *identity,
    const struct settings *settings, uint8_t family)
{
	if (settings->outbound != OUTBOUND_AUTO)
		return family == (settings->outbound == OUTBOUND_IPV6 ? 6 : 4);
	return family == 4 ||
	    (identity && identity->families[1].state == IDENTITY_COMPLETE);
}

void
identity_describe(
    const struct identity *identity, uint8_t family, struct buf *out)
{
	static const char *const names[] = {
		[IDENTITY_UNKNOWN] = "unknown",
		[IDENTITY_INCOMPLETE] = "incomplete",
		[IDENTITY_COMPLETE] = "complete",
	};
	const struct identity_family *f = &identity->families[family == 6];
	bool used = identity_allows(identity, identity->parts.settings, family);
	char address[IP_TEXT] = "";
	buf_adds(out, name_of(f));
	if (f->ip.family) {
		ip_print(f->ip, address);
		buf_addf(out, " %s", address);
	}
	buf_addf(out, ": %s, %s", used ? "used" : "not used", names[f->state]);
	if (f->why.n > 0)
		buf_addf(out, ": %.*s", STR_ARG(buf_str(&f->why)));
}
