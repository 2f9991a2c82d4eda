/* What the hosts of a route must prove: the domain's MTA-STS policy and their
   TLSA records are asked for. */
#include "smtpd/delivery/route_private.h"

static const struct reply not_listed = { 451, "4.7.5",
	"None of the domain's mail servers is named by its MTA-STS policy" };
static const struct reply no_records = { 451, "4.7.5",
	"The TLSA records of the domain's mail servers can't be had" };
static const struct reply not_provable = { 550, "5.7.30",
	"TLS is required, and nothing proves the domain's mail servers" };
static const struct reply not_provable_now = { 451, "4.7.5",
	"TLS is required, and the domain's policy can't be had" };

/* RFC 8689 5: who wants no TLS needs no policy */
static bool
is_asked_for(const struct route_search *search)
{
	return !route_to_smarthost(search) &&
	    search->route->wish != TLS_WISH_OPTIONAL;
}

/* ---- MTA-STS ---- */

/* The answer ends with the lookup, the route lasts longer. */
static const struct sts_policy *
keep_policy(struct arena *arena, const struct sts_policy *policy)
{
	struct sts_policy *kept = arena_alloc(arena, sizeof *kept);
	*kept = *policy;
	for (size_t i = 0; i < kept->count; i++)
		kept->mx[i] = arena_str(arena, policy->mx[i]);
	return kept;
}

static void
on_policy(struct policy_lookup *lookup)
{
	struct route_search *search =
	    container_of(lookup, struct route_search, policy);
	struct route *route = search->route;
	route->trouble = lookup->trouble;
	if (lookup->policy) {
		route->sts = keep_policy(&route->arena, lookup->policy);
		route->sts_text = arena_str(&route->arena, lookup->text);
	}
	flow_release(&search->flow);
}

void
route_ask_policy(struct route_search *search)
{
	struct route *route = search->route;
	if (!route->policies || !is_asked_for(search))
		return;
	flow_hold(&search->flow);
	search->policy.domain = route->domain;
	policy_lookup_start(route->policies, &search->policy, on_policy);
}

/* ---- TLSA ---- */

static void
on_records(struct dns_query *query)
{
	struct route_host *host = container_of(query, struct route_host, tlsa);
	struct arena *arena = &host->search->route->arena;
	struct dane_set *set = arena_alloc(arena, sizeof *set);
	dane_read(query->answer, arena, set);
	host->dane = set;
	flow_release(&host->search->flow);
}

/* RFC 7672 2.2: only behind secure answers that led to a host; name servers
   of insecure zones that break at TLSA questions are left in peace.
   RFC 7672 2.2.2: the TLSA base domain is the host as the MX names it, though
   it be an alias: what an alias leads to isn't told by the resolver, and RFC
   5321 5.1 has no aliases there. */
static bool
may_have_records(const struct route_host *host)
{
	const struct route_search *search = host->search;
	return is_asked_for(search) && search->route->settings->dane != NO &&
	    search->secure && host->secure && host->count > 0;
}

enum step
route_ask_records(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	struct route *route = search->route;
	for (size_t i = 0; i < search->host_count; i++) {
		struct route_host *host = &search->hosts[i];
		if (!may_have_records(host))
			continue;
		struct str name = dane_name(host->exchange.name,
		    route->settings->outbound_port, &route->arena);
		flow_hold(flow);
		dns_ask(
		    route->resolver, &host->tlsa, name, DNS_TLSA, on_records);
	}
	return STEP_WAIT;
}

/* ---- what follows ---- */

struct requirement
route_requirement(const struct route_host *host)
{
	const struct route *route = host->search->route;
	if (route_to_smarthost(host->search))
		return policy_for_relay(route->settings, route->wish);
	struct tls_demand demand = {
		.wish = route->wish,
		.dane = host->dane ? host->dane->status : DANE_INSECURE,
		.sts = route->sts ? route->sts->mode : STS_NONE,
		.listed = route->sts &&
		    sts_policy_matches(route->sts, host->exchange.name),
	};
	return policy_for_mx(demand, host->dane);
}

/* Later it may be otherwise, but for a REQUIRETLS that nothing can keep. */
const struct reply *
route_refusal(const struct route_search *search)
{
	const struct route *route = search->route;
	switch (route->refused.requirement.refusal) {
	case TLS_REFUSED_UNLISTED:
		return &not_listed;
	case TLS_REFUSED_BOGUS:
		return &no_records;
	case TLS_REFUSED_UNPROVEN:
		if (search->temporary)
			return &route_dns_trouble;
		return route->trouble == POLICY_FINE ? &not_provable
						     : &not_provable_now;
	case TLS_NOT_REFUSED:
		break;
	}
	return NULL;
}
