/*
 * route_private.h - what the files of a route share: route_mx.c (which hosts,
 * in which order), route.c (their addresses, and all around it).
 */
#ifndef SMTPD_DELIVERY_ROUTE_PRIVATE_H
#define SMTPD_DELIVERY_ROUTE_PRIVATE_H

#include "lib/net/flow.h"
#include "smtpd/delivery/route.h"

struct route_exchange { /* an MX record, or the domain itself as one */
	struct str name;
	uint16_t preference;
	uint32_t lot; /* order among equals */
};

struct route_host {
	struct route_search *search;
	struct route_exchange exchange;
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
	struct route_exchange *exchanges;
	size_t host_count;
	struct route_host hosts[ROUTE_HOSTS];
	bool temporary; /* a question about a host had no answer */
	bool special; /* an address was left out as not public */
};

static inline struct route_search *
route_search_of(struct flow *flow)
{
	return container_of(flow, struct route_search, flow);
}

/* The search ends; the asker may free it from within done(). */
enum step route_fail(struct route_search *, const struct reply *why);
bool route_to_smarthost(const struct route_search *);
/* RFC 5321 4.1.3: the domain may be an address in brackets */
bool route_parse_literal(struct str domain, struct ip *);
extern const struct reply route_dns_trouble, route_leads_back;

/* The first two steps. */
enum step route_ask_mx(struct flow *);
enum step route_choose_hosts(struct flow *);

#endif
