/* What the hosts of a route must prove: the domain's MTA-STS policy and their
   TLSA records are asked for. */
#include "smtpd/delivery/route_private.h"

static const struct reply not_listed = REPLY_IS(451, "4.7.5",
    "None of the domain's mail servers is named by its MTA-STS policy");
static const struct reply no_records = REPLY_IS(
    451, "4.7.5", "The TLSA records of the domain's mail servers can't be had");
static const struct reply not_provable = REPLY_IS(550, "5.7.30",
    "TLS is required, and nothing proves the domain's mail servers");
static const struct reply not_provable_now = REPLY_IS(
    451, "4.7.5", "TLS is required, and the domain's policy can't be had");

/* RFC 8689 4.2.2: who wants no TLS needs no policy */
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

/* RFC 7672 2.2.1: for hosts of a secure MX, and for a domain that is its own
   host.  RFC 7672 2.2.2: only when they can be reached. */
static bool
may_have_records(const struct route_host *host)
{
	const struct route_search *search = host->search;
	return is_asked_for(search) && search->route->settings->dane != NO &&
	    (search->secure || search->implicit) && host->count > 0;
}

static void
take_records(
    struct route_host *host, const struct dns_answer *answer, struct str base)
{
	const struct route_search *search = host->search;
	struct arena *arena = &search->route->arena;
	host->dane = arena_alloc(arena, sizeof *host->dane);
	dane_read(answer, base, arena, host->dane);
	dane_add_names(host->dane, arena_str(arena, search->route->domain),
	    search->implicit ? STR("") : search->expanded);
}

/* RFC 7672 2.1.2: without an answer it can't be said that there is nothing */
static void
on_cname(struct dns_query *query)
{
	struct route_host *host = container_of(query, struct route_host, cname);
	if (query->answer->status == DNS_TEMPFAIL)
		take_records(host, query->answer, host->exchange.name);
	host->alias_secure =
	    query->answer->status == DNS_FOUND && query->answer->authentic;
	flow_release(&host->search->flow);
}

/* RFC 7672 2.1.3: the verdict is on a whole chain; whether at least its start
   is secure is asked for by itself */
enum step
route_ask_aliases(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	for (size_t i = 0; i < search->host_count; i++) {
		struct route_host *host = &search->hosts[i];
		if (!may_have_records(host) || host->secure ||
		    str_empty(host->alias))
			continue;
		flow_hold(flow);
		dns_ask(search->route->resolver, &host->cname,
		    host->exchange.name, DNS_CNAME, on_cname);
	}
	return STEP_WAIT;
}

/* The next base to ask about; "" when there is none. */
static struct str
next_base(const struct route_host *host)
{
	struct str bases[DANE_BASES];
	const struct dane_host known = {
		.name = host->exchange.name,
		.alias = host->alias,
		.secure = host->secure,
		.alias_secure = host->alias_secure,
	};
	if (!may_have_records(host) ||
	    (host->dane && dane_decides(host->dane->status)))
		return STR("");
	size_t count = dane_bases(&known, bases);
	return host->asked < count ? bases[host->asked] : STR("");
}

static void
on_records(struct dns_query *query)
{
	struct route_host *host = container_of(query, struct route_host, tlsa);
	take_records(host, query->answer, next_base(host));
	host->asked++;
	flow_release(&host->search->flow);
}

/* RFC 7672 2.2.2: name servers of insecure zones that break at TLSA questions
   are left in peace.  RFC 7672 2.2.3: the first base that has records is it. */
enum step
route_ask_records(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	struct route *route = search->route;
	for (size_t i = 0; i < search->host_count; i++) {
		struct route_host *host = &search->hosts[i];
		struct str base = next_base(host);
		if (str_empty(base))
			continue;
		struct str name = dane_name(
		    base, route->settings->outbound_port, &route->arena);
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
		.named = host->search->secure || host->search->implicit,
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
