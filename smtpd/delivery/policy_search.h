/*
 * policy_search.h - private to policy_cache.c: one domain's record, and the
 * policy that it announces, looked for.
 *
 * It knows neither who asks nor how long a policy is kept.
 */
#ifndef SMTPD_DELIVERY_POLICY_SEARCH_H
#define SMTPD_DELIVERY_POLICY_SEARCH_H

#include "lib/net/flow.h"
#include "lib/net/resolver.h"
#include "smtpd/delivery/policy_table.h"

struct policy_search { /* {0} is idle */
	/* the question */
	const struct policy_parts *parts;
	struct str domain; /* the owner's */
	struct str known_id; /* not fetched again; "": none; the owner's */
	bool may_fetch;
	bool ahead; /* nobody waits: what is known holds meanwhile */
	bool quiet; /* that it fails need alarm nobody */
	/* the answer */
	bool failed; /* the DNS is in trouble */
	bool recorded; /* there is a record, and id is its */
	struct str id;
	bool fetched; /* or tried to */
	struct kept_policy *found; /* or NULL; the owner's from now on */
	enum policy_trouble trouble; /* when there was one */
	void (*done)(struct policy_search *);
	/* private */
	struct flow flow;
	struct arena arena;
	struct dns_query txt, a, aaaa;
	struct fetch fetch;
	size_t count[2]; /* addresses: of IPv4, of IPv6 */
	struct ip ips[2][FETCH_IPS];
};

void policy_search_start(
    struct policy_search *, void (*done)(struct policy_search *));
/* Frees what it has, and leaves it idle: after done(), too. */
void policy_search_end(struct policy_search *);

#endif
