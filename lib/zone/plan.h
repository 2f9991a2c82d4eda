/*
 * plan.h - the DNS records a domain should publish, as data.
 *
 * From the settings, the host's addresses and the DKIM key records to a list
 * of records in three tiers (docs/reference.md).  A pure function; printing is
 * print.h, comparing with what is published comes with check.h.
 */
#ifndef LIB_ZONE_PLAN_H
#define LIB_ZONE_PLAN_H

#include "lib/base/arena.h"
#include "lib/base/ip.h"

enum zone_tier {
	ZONE_REQUIRED,
	ZONE_RECOMMENDED,
	ZONE_OPTIONAL
};

struct zone_record {
	enum zone_tier tier;
	struct str name; /* absolute, without the last dot */
	const char *type; /* "A", "MX", "PTR", ... */
	struct str value; /* as in a zone file; TXT: the text, unquoted; "" when
			     it isn't known, and the note says why */
	const char *note; /* a sentence for people, or NULL */
};

struct zone_key { /* of one DKIM selector */
	struct str selector;
	struct str txt; /* "v=DKIM1; k=rsa; p=..." */
};

struct zone_inputs {
	struct str domain, hostname;
	size_t ip_count;
	const struct ip *ips; /* public addresses; none: a note says so */
	size_t key_count;
	const struct zone_key *keys;
	struct str dmarc_policy; /* "reject" */
	struct str relay; /* the smarthost that sends for us, or "" */
	struct str relay_spf; /* what it wants in SPF, "": isn't said */
	struct str tlsa; /* "3 1 1 <hex>", or "" */
	const uint16_t *ports; /* settings.h's, by enum port_name */
	bool sts; /* publish the MTA-STS names (there is a web to serve them) */
	struct str sts_policy; /* its text, for the id in the record */
};

struct zone_plan {
	struct str domain;
	size_t count;
	struct zone_record *records; /* in the arena, tier by tier */
	struct arena arena;
};

void zone_plan(struct zone_plan *, const struct zone_inputs *);
void zone_plan_free(struct zone_plan *);

#endif
