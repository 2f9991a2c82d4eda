#include "smtpd/delivery/route.h"

#include "lib/base/clock.h"
#include "lib/base/name.h"
#include "lib/net/flow.h"

#include <stdlib.h>

enum {
	SMTP_PORT = 25
};

static const struct reply dns_trouble = { 451, "4.4.3",
	"The DNS of the domain doesn't answer" };
static const struct reply no_domain = { 550, "5.1.2",
	"The domain doesn't exist" };
static const struct reply no_mail_host = { 550, "5.1.2",
	"The domain has neither MX nor address records" };
static const struct reply null_mx = { 556, "5.1.10",
	"The domain takes no mail" };
static const struct reply no_address = { 550, "5.4.4",
	"No mail server of the domain has an address that we can use" };
static const struct reply not_public = { 550, "5.4.4",
	"The mail servers of the domain have no public address" };
static const struct reply leads_back = { 554, "5.4.6",
	"The mail servers of the domain lead back to us" };
static const struct reply no_smarthost = { 451, "4.4.4",
	"The smarthost has no address that we can use" };

struct exchange { /* an MX record, or the domain itself as one */
	struct str name;
	uint16_t preference;
	uint32_t lot; /* order among equals */
};

struct host {
	struct route_search *search;
	struct exchange exchange;
	struct requirement requirement;
	struct dns_query query;
	size_t count;
	struct ip ips[ROUTE_PER_HOST];
};

struct route_search {
	struct route *route;
	struct flow flow;
	struct later later;
	struct dns_query mx;
	enum dns_status status; /* of the MX question */
	bool implicit; /* no MX: the domain's own address records */
	size_t exchange_count;
	struct exchange *exchanges;
	size_t host_count;
	struct host hosts[ROUTE_HOSTS];
	bool temporary; /* a question about a host had no answer */
	bool special; /* an address was left out as not public */
};

static struct route_search *
search_of(struct flow *flow)
{
	return container_of(flow, struct route_search, flow);
}

/* The search ends; the asker may free it from within done(). */
static enum step
fail(struct route_search *search, const struct reply *why)
{
	struct route *route = search->route;
	route->failure = *why;
	route->done(route);
	return STEP_STOP;
}

static bool
to_smarthost(const struct route_search *search)
{
	return str_empty(search->route->domain);
}

/* ---- mx ---- */

static void
add_exchange(struct route_search *search, struct str name, uint16_t preference)
{
	struct exchange *e = &search->exchanges[search->exchange_count++];
	e->name = arena_str(&search->route->arena, name);
	e->preference = preference;
	random_bytes(&e->lot, sizeof e->lot);
}

static void
make_room(struct route_search *search, size_t count)
{
	search->exchanges = arena_alloc(
	    &search->route->arena, count * sizeof *search->exchanges);
}

static void
on_mx(struct dns_query *query)
{
	struct route_search *search =
	    container_of(query, struct route_search, mx);
	const struct dns_answer *answer = query->answer;
	search->status = answer->status;
	make_room(search, answer->count + 1);
	for (size_t i = 0; i < answer->count; i++)
		add_exchange(search, answer->records[i].mx.host,
		    answer->records[i].mx.preference);
	flow_release(&search->flow);
}

/* RFC 5321 4.1.3: the domain may be an address in brackets */
static bool
parse_literal(struct str domain, struct ip *ip)
{
	if (!str_starts(domain, STR("[")) || !str_ends(domain, STR("]")))
		return false;
	struct str inner = str_sub(domain, 1, domain.n - 2);
	if (str_starts_nocase(inner, STR("IPv6:")))
		inner = str_from(inner, 5);
	return ip_parse(inner, ip);
}

/* The host that a route without MX leads to. */
static struct str
fixed_host(const struct route_search *search)
{
	struct ip ip;
	struct str domain = search->route->domain;
	if (to_smarthost(search))
		return search->route->settings->relay_host;
	return parse_literal(domain, &ip) ? domain : STR("");
}

static enum step
ask_mx(struct flow *flow)
{
	struct route_search *search = search_of(flow);
	struct route *route = search->route;
	struct str host = fixed_host(search);
	if (!str_empty(host)) {
		make_room(search, 1);
		add_exchange(search, host, 0);
		search->status = DNS_FOUND;
		return STEP_NEXT;
	}
	if (!name_is_host(route->domain))
		return fail(search, &no_domain);
	flow_hold(flow);
	dns_ask(route->resolver, &search->mx, route->domain, DNS_MX, on_mx);
	return STEP_WAIT;
}

/* ---- hosts ---- */

/* Keeps what is more preferred than the limit. */
static void
keep_better(struct route_search *search, unsigned limit)
{
	size_t kept = 0;
	for (size_t i = 0; i < search->exchange_count; i++)
		if (search->exchanges[i].preference < limit)
			search->exchanges[kept++] = search->exchanges[i];
	search->exchange_count = kept;
}

/* RFC 5321 5.1: where we are an MX ourselves, only better ones count */
static void
drop_own_name(struct route_search *search)
{
	unsigned limit = UINT16_MAX + 1;
	for (size_t i = 0; i < search->exchange_count; i++) {
		const struct exchange *e = &search->exchanges[i];
		if (name_eq(e->name, search->route->settings->hostname) &&
		    e->preference < limit)
			limit = e->preference;
	}
	keep_better(search, limit);
}

static int
by_preference(const void *left, const void *right)
{
	const struct exchange *a = left, *b = right;
	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return a->lot < b->lot ? -1 : a->lot > b->lot;
}

static void
drop_nameless(struct route_search *search)
{
	size_t kept = 0;
	for (size_t i = 0; i < search->exchange_count; i++)
		if (!str_empty(search->exchanges[i].name))
			search->exchanges[kept++] = search->exchanges[i];
	search->exchange_count = kept;
}

/* RFC 5321 5.1: equals in random order, for the load to spread */
static enum step
choose_hosts(struct flow *flow)
{
	struct route_search *search = search_of(flow);
	if (search->status == DNS_TEMPFAIL)
		return fail(search, &dns_trouble);
	if (search->status == DNS_NXDOMAIN)
		return fail(search, &no_domain);
	if (search->status == DNS_NODATA) {
		search->implicit = true;
		add_exchange(search, search->route->domain, 0);
	}
	drop_nameless(search);
	if (search->exchange_count == 0)
		return fail(search, &null_mx); /* RFC 7505 3 */
	if (!to_smarthost(search))
		drop_own_name(search);
	if (search->exchange_count == 0)
		return fail(search, &leads_back);
	qsort(search->exchanges, search->exchange_count,
	    sizeof *search->exchanges, by_preference);
	for (size_t i = 0; i < search->exchange_count && i < ROUTE_HOSTS; i++)
		search->hosts[search->host_count++] = (struct host){
			.search = search,
			.exchange = search->exchanges[i],
		};
	return STEP_NEXT;
}

/* ---- policy ---- */

static enum step
set_requirements(struct flow *flow)
{
	struct route_search *search = search_of(flow);
	const struct route *route = search->route;
	for (size_t i = 0; i < search->host_count; i++) {
		struct host *host = &search->hosts[i];
		host->requirement = to_smarthost(search)
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
	    to_smarthost(search) || !ip_is_special(ip);
}

static void
add_address(struct host *host, struct ip ip)
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
	struct host *host = container_of(query, struct host, query);
	const struct dns_answer *answer = query->answer;
	if (answer->status == DNS_TEMPFAIL)
		host->search->temporary = true;
	for (size_t i = 0; i < answer->count; i++)
		add_address(host, answer->records[i].ip);
	flow_release(&host->search->flow);
}

static void
ask_address(struct host *host)
{
	struct route_search *search = host->search;
	const struct route *route = search->route;
	flow_hold(&search->flow);
	dns_ask(route->resolver, &host->query, host->exchange.name,
	    family(route->settings) == 6 ? DNS_AAAA : DNS_A, on_address);
}

static enum step
ask_addresses(struct flow *flow)
{
	struct route_search *search = search_of(flow);
	struct ip ip;
	for (size_t i = 0; i < search->host_count; i++) {
		struct host *host = &search->hosts[i];
		struct str name = host->exchange.name;
		if (to_smarthost(search) && ip_parse(name, &ip))
			add_address(host, ip);
		else if (!parse_literal(name, &ip))
			ask_address(host);
		else if (ip.family == family(search->route->settings))
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
is_ours(const struct route_search *search, const struct host *host)
{
	const struct settings *s = search->route->settings;
	if (to_smarthost(search) ||
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
add_hops(struct route *route, const struct host *host)
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
		return &dns_trouble;
	if (to_smarthost(search))
		return &no_smarthost;
	if (search->special)
		return &not_public;
	return search->implicit ? &no_mail_host : &no_address;
}

static enum step
choose_hops(struct flow *flow)
{
	struct route_search *search = search_of(flow);
	struct route *route = search->route;
	if (drop_own_address(search))
		return fail(search, &leads_back);
	for (size_t i = 0; i < search->host_count; i++)
		add_hops(route, &search->hosts[i]);
	if (route->count == 0)
		return fail(search, why_none(search));
	route->done(route);
	return STEP_STOP;
}

/* ---- for the asker ---- */

static const struct flow_step find_hosts[] = {
	{ "mx", ask_mx },
	{ "hosts", choose_hosts },
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
