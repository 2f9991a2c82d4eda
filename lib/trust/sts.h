/*
 * sts.h - MTA-STS, read: the TXT record that announces a policy and the policy
 * itself, RFC 8461 3.
 *
 * Pure: where a policy comes from, how long it is kept and what a failure
 * costs is not known here.
 */
#ifndef LIB_TRUST_STS_H
#define LIB_TRUST_STS_H

#include "lib/net/resolver.h"

enum {
	STS_MAX_POLICY = 65536, /* octets */
	STS_MAX_MX = 64, /* patterns; more is malformed */
	STS_MAX_ID = 32, /* RFC 8461 3.1 */
	STS_MAX_NAME = 32, /* of a field */
	STS_MAX_AGE = 31557600, /* seconds, RFC 8461 3.2 */
};

enum sts_mode {
	STS_NONE,
	STS_TESTING,
	STS_ENFORCE,
};

struct sts_policy { /* strings are in the arena */
	enum sts_mode mode;
	uint32_t max_age; /* seconds */
	size_t count;
	struct str mx[STS_MAX_MX]; /* lower case: "mx.a.example",
				      "*.b.example" */
};

/* Of all TXT records at _mta-sts.<domain>, the id of the one that counts.
   False: there is none, or more than one, or it is malformed; why says. */
bool sts_record_select(const struct dns_answer *, struct arena *,
    struct str *id, const char **why);

/* The text that the policy host gave.  False: malformed; why says. */
bool sts_policy_parse(
    struct str text, struct arena *, struct sts_policy *, const char **why);
/* May this host, an MX of the domain, get its mail?  RFC 8461 4.1 */
bool sts_policy_matches(const struct sts_policy *, struct str host);
const char *sts_mode_name(enum sts_mode); /* "none", "testing", "enforce" */

#endif
