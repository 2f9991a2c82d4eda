/*
 * route.h - which hosts take the mail of a domain, in the order to try them.
 *
 * RFC 5321 5.1: the MX, else the address records; or the smarthost.  It asks
 * the resolver and knows what is ours; it opens no connection.
 */
#ifndef SMTPD_DELIVERY_ROUTE_H
#define SMTPD_DELIVERY_ROUTE_H

#include "lib/mail/reply.h"
#include "lib/net/resolver.h"
#include "smtpd/delivery/policy.h"

struct route_search;

enum {
	ROUTE_HOSTS = 10, /* of a domain that are looked at */
	ROUTE_PER_HOST = 5, /* addresses */
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
	struct resolver *resolver;
	struct loop *loop;
	struct str domain; /* lower case; "" for the smarthost */
	/* the answer: hops, or none and the reply that says why */
	size_t count;
	struct route_hop hops[ROUTE_HOPS];
	struct reply failure; /* constant strings */
	void (*done)(struct route *);
	struct arena arena; /* private: the names */
	struct route_search *search; /* private */
};

void route_start(struct route *, void (*done)(struct route *));
/* Cancels and frees, whatever the state; leaves the question. */
void route_end(struct route *);

#endif
