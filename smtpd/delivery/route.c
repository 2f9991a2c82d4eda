#include "smtpd/delivery/identity.h"
#include "smtpd/delivery/route_private.h"

#include <stdlib.h>

enum {
	SMTP_PORT = 25
};

const struct reply route_dns_trouble =
    REPLY_IS(451, "4.4.3", "The DNS of the domain doesn't answer");
const struct reply route_leads_back =
    REPLY_IS(554, "5.4.6", "The mail servers of the domain lead back to us");
static const struct reply no_mail_host =
    REPLY_IS(550, "5.1.2", "The domain has neither MX nor address records");
static const struct reply no_address = REPLY_IS(550, "5.4.4",
    "No mail server of the domain has an address that we can use");
static const struct reply not_public = REPLY_IS(
    550, "5.4.4", "The mail servers of the domain have no public address");
static const struct reply no_smarthost =
    REPLY_IS(451, "4.4.4", "The smarthost has no address that we can use");

enum step
route_fail(struct route_search *search, const struct reply *why)
{
	struct route *route = search->route;
	route->failure = *why;
	route->done(route);
	return STEP_STOP;
}

bool
route_to_smarthost(const struct route_search *search)
{
	return str_empty(search->route->domain);
}

bool
route_parse_literal(struct str domain, struct ip *ip)
{
	if (!str_starts(domain, STR("[")) || !str_ends(domain, STR("]")))
		return false;
	struct str inner = str_sub(domain, 1, domain.n - 2);
	if (str_starts_nocase(inner, STR("IPv6:")))
		inner = str_from(inner, 5);
	return ip_parse(inner, ip);
}

/* ---- addresses ---- */

/* Is there a family of ours that goes there? */
static bool
may_use(const struct route_search *search, uint8_t family)
{
	const struct route *route = search->route;
	return identity_allows(route->identity, route->settings, family);
}

static bool
allowed(const struct route_search *search, struct ip ip)
{
	return search->route->settings->allow_private_destinations ||
	    route_to_smarthost(search) || !ip_is_special(ip);
}

static void
add_address(struct route_host *host, struct ip ip)
{
	struct route_search *search = host->search;
	if (!allowed(search, ip))
		search->special = true;
	else
		host->ips[host->count++] = ip;
}

/* RFC 7672 2.2.1: both answers must be secure.  One that doesn't come proves
   nothing: whoever can hold it back must not switch DANE off. */
static void
take_addresses(struct route_host *host, const struct dns_answer *answer)
{
	if (answer->status == DNS_TEMPFAIL)
		host->search->temporary = true;
	else
		host->secure = host->secure && answer->authentic;
	if (!str_empty(answer->alias))
		host->alias =
		    arena_str(&host->search->route->arena, answer->alias);
	for (size_t i = 0; i < answer->count && i < ROUTE_PER_HOST; i++)
		add_address(host, answer->records[i].ip);
	flow_release(&host->search->flow);
}

static void
on_a(struct dns_query *query)
{
	take_addresses(
	    container_of(query, struct route_host, a), query->answer);
}

static void
on_aaaa(struct dns_query *query)
{
	take_addresses(
	    container_of(query, struct route_host, aaaa), query->answer);
}

static void
ask_address(struct route_host *host)
{
	struct route_search *search = host->search;
	struct resolver *resolver = search->route->resolver;
	host->secure = true;
	if (may_use(search, 6)) {
		flow_hold(&search->flow);
		dns_ask(resolver, &host->aaaa, host->exchange.name, DNS_AAAA,
		    on_aaaa);
	}
	if (may_use(search, 4)) {
		flow_hold(&search->flow);
		dns_ask(resolver, &host->a, host->exchange.name, DNS_A, on_a);
	}
}

/* In place of a name. */
static bool
is_address(const struct route_search *search, struct str name, struct ip *ip)
{
	return route_to_smarthost(search) ? ip_parse(name, ip)
					  : route_parse_literal(name, ip);
}

static enum step
ask_addresses(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	struct ip ip;
	for (size_t i = 0; i < search->host_count; i++) {
		struct route_host *host = &search->hosts[i];
		if (!is_address(search, host->exchange.name, &ip))
			ask_address(host);
		else if (route_to_smarthost(search) ||
		    may_use(search, ip.family))
			add_address(host, ip);
	}
	return STEP_WAIT;
}

/* ---- hops ---- */

static bool
in_list(const struct ip_list *list, struct ip ip)
{
	for (size_t i = 0; i < list->count; i++)
		if (ip_eq(list->ips[i], ip))
			return true;
	return false;
}

/* Ours, and answered by us: behind another port there may be another server
   on the same address. */
static bool
is_ours(const struct route_search *search, const struct route_host *host)
{
	const struct settings *s = search->route->settings;
	if (route_to_smarthost(search) ||
	    (s->outbound_port != SMTP_PORT &&
		s->outbound_port != s->ports[PORT_SMTP]))
		return false;
	for (size_t i = 0; i < host->count; i++)
		if (in_list(&s->public_ip, host->ips[i]) ||
		    in_list(&s->outbound_address, host->ips[i]))
			return true;
	return false;
}

/* Hosts are in order: what stands from our equals on is dropped.  True when
   that left none. */
static bool
drop_own_address(struct route_search *search)
{
	size_t i = 0;
	while (i < search->host_count && !is_ours(search, &search->hosts[i]))
		i++;
	if (i == search->host_count)
		return false;
	unsigned limit = search->hosts[i].exchange.preference;
	while (i > 0 && search->hosts[i - 1].exchange.preference == limit)
		i--;
	search->host_count = i;
	return i == 0;
}

/* A refusal that may pass says more than one that doesn't. */
static void
refuse(struct route *route, const struct route_hop *hop)
{
	struct route_hop *first = &route->refused;
	if (str_empty(first->host) ||
	    first->requirement.refusal == TLS_REFUSED_UNPROVEN)
		*first = *hop;
	if (route->refusal_count < ROUTE_HOPS)
		route->refusals[route->refusal_count++] = *hop;
}

static void
add_hops(struct route *route, const struct route_host *host, uint8_t family)
{
	const struct settings *s = route->settings;
	struct route_hop hop = {
		.host = host->exchange.name,
		.port =
		    str_empty(route->domain) ? s->relay_port : s->outbound_port,
		.requirement = route_requirement(host),
	};
	for (size_t i = 0; i < host->count && route->count < ROUTE_HOPS; i++) {
		hop.ip = host->ips[i];
		if (hop.ip.family != family)
			continue;
		if (hop.requirement.refusal == TLS_NOT_REFUSED)
			route->hops[route->count++] = hop;
		else
			refuse(route, &hop);
	}
}

/* Behind the last of those that are preferred as the i-th is. */
static size_t
end_of_equals(const struct route_search *search, size_t i)
{
	unsigned preference = search->hosts[i].exchange.preference;
	while (i < search->host_count &&
	    search->hosts[i].exchange.preference == preference)
		i++;
	return i;
}

/* Host by host, IPv6 first, whichever answer was.  Where IPv4 may be refused
   for what our own address lacks, IPv6 of all equals comes first. */
static void
add_all_hops(struct route_search *search)
{
	struct route *route = search->route;
	bool first = identity_puts_ipv6_first(route->identity, route->settings);
	for (size_t i = 0, end; i < search->host_count; i = end) {
		end = first ? end_of_equals(search, i) : i + 1;
		for (size_t k = i; k < end; k++)
			add_hops(route, &search->hosts[k], 6);
		for (size_t k = i; k < end; k++)
			add_hops(route, &search->hosts[k], 4);
	}
}

static const struct reply *
why_none(const struct route_search *search)
{
	const struct reply *refusal = route_refusal(search);
	if (refusal)
		return refusal;
	if (search->temporary)
		return &route_dns_trouble;
	if (route_to_smarthost(search))
		return &no_smarthost;
	if (search->special)
		return &not_public;
	return search->implicit ? &no_mail_host : &no_address;
}

static enum step
choose_hops(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	struct route *route = search->route;
	if (drop_own_address(search))
		return route_fail(search, &route_leads_back);
	add_all_hops(search);
	if (route->count == 0)
		return route_fail(search, why_none(search));
	route->done(route);
	return STEP_STOP;
}

/* ---- for the asker ---- */

static const struct flow_step find_hosts[] = {
	{ "mx", route_ask_mx },
	{ "hosts", route_choose_hosts },
	{ "addresses", ask_addresses },
	{ "aliases", route_ask_aliases },
	{ "records", route_ask_records },
	{ "other records", route_ask_records },
	{ "hops", choose_hops },
	{ 0 },
};

static void
on_later(struct later *later)
{
	struct route_search *search =
	    container_of(later, struct route_search, later);
	flow_start(&search->flow, find_hosts);
}

void
route_start(struct route *route, void (*done)(struct route *))
{
	struct route_search *search = mem_alloc(sizeof *search);
	search->route = route;
	route->search = search;
	route->count = 0;
	route->failure = REPLY(0, NULL, "");
	route->refused = (struct route_hop){ .host = STR("") };
	route->refusal_count = 0;
	route->sts = NULL;
	route->sts_text = STR("");
	route->trouble = POLICY_FINE;
	route->done = done;
	loop_later(route->loop, &search->later, on_later);
}

void
route_end(struct route *route)
{
	struct route_search *search = route->search;
	if (!search)
		return;
	later_cancel(&search->later);
	dns_cancel(&search->mx);
	policy_lookup_cancel(&search->policy);
	for (size_t i = 0; i < ROUTE_HOSTS; i++) {
		dns_cancel(&search->hosts[i].a);
		dns_cancel(&search->hosts[i].aaaa);
		dns_cancel(&search->hosts[i].cname);
		dns_cancel(&search->hosts[i].tlsa);
	}
	free(search);
	route->search = NULL;
	arena_free(&route->arena);
}
