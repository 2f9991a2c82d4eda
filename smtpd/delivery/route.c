#include "smtpd/delivery/route_private.h"

#include <stdlib.h>

enum {
	SMTP_PORT = 25
};

const struct reply route_dns_trouble = { 451, "4.4.3",
	"The DNS of the domain doesn't answer" };
const struct reply route_leads_back = { 554, "5.4.6",
	"The mail servers of the domain lead back to us" };
static const struct reply no_mail_host = { 550, "5.1.2",
	"The domain has neither MX nor address records" };
static const struct reply no_address = { 550, "5.4.4",
	"No mail server of the domain has an address that we can use" };
static const struct reply not_public = { 550, "5.4.4",
	"The mail servers of the domain have no public address" };
static const struct reply no_smarthost = { 451, "4.4.4",
	"The smarthost has no address that we can use" };

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

/* ---- policy ---- */

static enum step
set_requirements(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	const struct route *route = search->route;
	for (size_t i = 0; i < search->host_count; i++) {
		struct route_host *host = &search->hosts[i];
		host->requirement = route_to_smarthost(search)
		    ? policy_for_relay(route->settings)
		    : policy_for_mx(route->domain, host->exchange.name);
	}
	return STEP_NEXT;
}

/* ---- addresses ---- */

static uint8_t
family(const struct settings *settings)
{
	return settings->outbound == OUTBOUND_IPV6 ? 6 : 4;
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
	else if (host->count < ROUTE_PER_HOST)
		host->ips[host->count++] = ip;
}

static void
on_address(struct dns_query *query)
{
	struct route_host *host = container_of(query, struct route_host, query);
	const struct dns_answer *answer = query->answer;
	if (answer->status == DNS_TEMPFAIL)
		host->search->temporary = true;
	for (size_t i = 0; i < answer->count; i++)
		add_address(host, answer->records[i].ip);
	flow_release(&host->search->flow);
}

static void
ask_address(struct route_host *host)
{
	struct route_search *search = host->search;
	const struct route *route = search->route;
	flow_hold(&search->flow);
	dns_ask(route->resolver, &host->query, host->exchange.name,
	    family(route->settings) == 6 ? DNS_AAAA : DNS_A, on_address);
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
	const struct settings *settings = search->route->settings;
	struct ip ip;
	for (size_t i = 0; i < search->host_count; i++) {
		struct route_host *host = &search->hosts[i];
		if (!is_address(search, host->exchange.name, &ip))
			ask_address(host);
		else if (route_to_smarthost(search) ||
		    ip.family == family(settings))
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

static void
add_hops(struct route *route, const struct route_host *host)
{
	const struct settings *s = route->settings;
	for (size_t i = 0; i < host->count && route->count < ROUTE_HOPS; i++) {
		struct route_hop *hop = &route->hops[route->count++];
		hop->host = host->exchange.name;
		hop->ip = host->ips[i];
		hop->port =
		    str_empty(route->domain) ? s->relay_port : s->outbound_port;
		hop->requirement = host->requirement;
	}
}

static const struct reply *
why_none(const struct route_search *search)
{
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
	for (size_t i = 0; i < search->host_count; i++)
		add_hops(route, &search->hosts[i]);
	if (route->count == 0)
		return route_fail(search, why_none(search));
	route->done(route);
	return STEP_STOP;
}

/* ---- for the asker ---- */

static const struct flow_step find_hosts[] = {
	{ "mx", route_ask_mx },
	{ "hosts", route_choose_hosts },
	{ "policy", set_requirements },
	{ "addresses", ask_addresses },
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
	for (size_t i = 0; i < ROUTE_HOSTS; i++)
		dns_cancel(&search->hosts[i].query);
	free(search);
	route->search = NULL;
	arena_free(&route->arena);
}
