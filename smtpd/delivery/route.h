/*
 * route.h - which hosts take the mail of a domain, in the order to try them,
 * and what each must prove.
 *
 * RFC 5321 5.1: the MX, else the address records; or the smarthost.  It asks
 * the resolver and the policy cache and knows what is ours; it opens no
 * connection.
 */
#ifndef SMTPD_DELIVERY_ROUTE_H
#define SMTPD_DELIVERY_ROUTE_H

#include "lib/mail/reply.h"
#include "lib/net/resolver.h"
#include "smtpd/delivery/policy.h"
#include "smtpd/delivery/policy_cache.h"

struct identity;
struct route_search;

enum {
	ROUTE_HOSTS = 10, /* of a domain that are looked at */
	ROUTE_PER_HOST = 5, /* addresses of each family */
	ROUTE_HOPS = 20,
};

struct route_hop { /* one address of one host */
	struct str host; /* ended by a NUL; "[192.0.2.1]" of a literal */
	struct ip ip;
	uint16_t port;
	struct requirement requirement;
};

struct route { /* {0} is idle */
	/* the question, kept by the asker until done() */
	const struct settings *settings;
	const struct identity *identity; /* or NULL: IPv4 alone */
	struct resolver *resolver;
	struct policy_cache *policies; /* or NULL: no MTA-STS */
	struct loop *loop;
	struct str domain; /* lower case; "" for the smarthost */
	enum tls_wish wish;
	/* the answer: hops, or none and the reply that says why */
	size_t count;
	struct route_hop hops[ROUTE_HOPS];
	struct reply failure; /* constant strings */
	struct route_hop refused; /* the first host that can't prove itself,
				     when that is why; else host is "" */
	size_t refusal_count;
	struct route_hop refusals[ROUTE_HOPS]; /* all of them */
	const struct sts_policy *sts; /* of the domain, or NULL */
	struct str sts_text;
	enum policy_trouble trouble;
	void (*done)(struct route *);
	struct arena arena; /* private: the names */
	struct route_search *search; /* private */
};

void route_start(struct route *, void (*done)(struct route *));
/* Cancels and frees, whatever the state; leaves the question. */
void route_end(struct route *);

#endif
