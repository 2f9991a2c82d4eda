/*
 * route_private.h - what the files of a route share: route_mx.c (which hosts,
 * in which order), route_tls.c (what they must prove), route.c (their
 * addresses, and all around it).
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
	struct dns_query a, aaaa;
	bool secure; /* the answers to them */
	struct str alias; /* the name that they are of; "" is its own */
	size_t count;
	struct ip ips[2 * ROUTE_PER_HOST];
	struct dns_query cname; /* asked when they aren't secure */
	bool alias_secure; /* the answer to it */
	struct dns_query tlsa;
	size_t asked; /* bases */
	struct dane_set *dane; /* of the last of them; NULL: of none */
};

struct route_search {
	struct route *route;
	struct flow flow;
	struct later later;
	struct dns_query mx;
	struct policy_lookup policy;
	enum dns_status status; /* of the MX question */
	bool secure; /* the answer to it */
	struct str expanded; /* the name that it is of; "" is the domain's */
	bool misnamed; /* an MX was left out as no name of a host */
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

/* Beside the MX question, and behind those about addresses. */
void route_ask_policy(struct route_search *);
enum step route_ask_aliases(struct flow *);
enum step route_ask_records(struct flow *); /* once for each base */
struct requirement route_requirement(const struct route_host *);
/* No host is left but those that can't prove themselves; NULL: there was none
   of them. */
const struct reply *route_refusal(const struct route_search *);

#endif
