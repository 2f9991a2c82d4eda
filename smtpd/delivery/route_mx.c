/* Which hosts take the mail, and in which order: RFC 5321 5.1. */
#include "smtpd/delivery/route_private.h"

#include "lib/base/clock.h"
#include "lib/base/name.h"

#include <stdlib.h>

static const struct reply no_domain =
    REPLY_IS(550, "5.1.2", "The domain doesn't exist");
static const struct reply null_mx =
    REPLY_IS(556, "5.1.10", "The domain takes no mail");
static const struct reply no_host =
    REPLY_IS(550, "5.4.4", "The MX records of the domain name no host");

/* ---- mx ---- */

static void
add_exchange(struct route_search *search, struct str name, uint16_t preference)
{
	struct route_exchange *e = &search->exchanges[search->exchange_count++];
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

/* RFC 2181 11: the DNS has names of any octets, which written out are longer
   than a host's; "" is the null MX. */
static bool
may_be_host(struct str name)
{
	return str_empty(name) || name_is_dns(name);
}

static void
on_mx(struct dns_query *query)
{
	struct route_search *search =
	    container_of(query, struct route_search, mx);
	const struct dns_answer *answer = query->answer;
	search->status = answer->status;
	search->secure = answer->authentic;
	search->expanded = arena_str(&search->route->arena, answer->alias);
	make_room(search, answer->count + 1);
	for (size_t i = 0; i < answer->count; i++) {
		struct str host = answer->records[i].mx.host;
		if (may_be_host(host))
			add_exchange(
			    search, host, answer->records[i].mx.preference);
		else
			search->misnamed = true;
	}
	flow_release(&search->flow);
}

/* The host that a route without MX leads to. */
static struct str
fixed_host(const struct route_search *search)
{
	struct ip ip;
	struct str domain = search->route->domain;
	if (route_to_smarthost(search))
		return search->route->settings->relay_host;
	return route_parse_literal(domain, &ip) ? domain : STR("");
}

enum step
route_ask_mx(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	struct route *route = search->route;
	struct str host = fixed_host(search);
	if (!str_empty(host)) {
		make_room(search, 1);
		add_exchange(search, host, 0);
		search->status = DNS_FOUND;
		return STEP_NEXT;
	}
	if (!name_is_host(route->domain))
		return route_fail(search, &no_domain);
	flow_hold(flow);
	dns_ask(route->resolver, &search->mx, route->domain, DNS_MX, on_mx);
	route_ask_policy(search);
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
		const struct route_exchange *e = &search->exchanges[i];
		if (name_eq(e->name, search->route->settings->hostname) &&
		    e->preference < limit)
			limit = e->preference;
	}
	keep_better(search, limit);
}

static int
by_preference(const void *left, const void *right)
{
	const struct route_exchange *a = left, *b = right;
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
enum step
route_choose_hosts(struct flow *flow)
{
	struct route_search *search = route_search_of(flow);
	if (search->status == DNS_TEMPFAIL)
		return route_fail(search, &route_dns_trouble);
	if (search->status == DNS_NXDOMAIN)
		return route_fail(search, &no_domain);
	if (search->status == DNS_NODATA) {
		search->implicit = true;
		add_exchange(search, search->route->domain, 0);
	}
	drop_nameless(search);
	if (search->exchange_count == 0) /* RFC 7505 3 */
		return route_fail(
		    search, search->misnamed ? &no_host : &null_mx);
	if (!route_to_smarthost(search))
		drop_own_name(search);
	if (search->exchange_count == 0)
		return route_fail(search, &route_leads_back);
	qsort(search->exchanges, search->exchange_count,
	    sizeof *search->exchanges, by_preference);
	for (size_t i = 0; i < search->exchange_count && i < ROUTE_HOSTS; i++)
		search->hosts[search->host_count++] = (struct route_host){
			.search = search,
			.exchange = search->exchanges[i],
			.alias = STR(""),
		};
	return STEP_NEXT;
}
