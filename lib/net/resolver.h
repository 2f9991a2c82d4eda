/*
 * resolver.h - DNS questions, asked without waiting.
 *
 * Answers come parsed, cached for their TTL, equal questions asked once, and
 * marked with whether a resolver that may be believed vouched for them.  That
 * c-ares does the asking is known to resolver_server.c alone.
 */
#ifndef LIB_NET_RESOLVER_H
#define LIB_NET_RESOLVER_H

#include "lib/net/dns_message.h"
#include "lib/net/loop.h"

struct resolver;
struct dns_lookup;

enum dns_status {
	DNS_FOUND, /* one record or more */
	DNS_NODATA, /* the name is there, this type is not */
	DNS_NXDOMAIN, /* the name is not there */
	DNS_TEMPFAIL, /* no answer, SERVFAIL or bogus: ask again later */
};

struct dns_answer {
	enum dns_status status;
	bool authentic; /* AD was set and may be believed, RFC 4035 3.2.3 */
	uint32_t ttl;
	unsigned more; /* questions that it took beyond the first: for CNAMEs,
			  and over TCP */
	struct str alias; /* the name that CNAMEs led to, with or without
			     records; "" when there were none.  AD covers them,
			     too */
	size_t count;
	const struct dns_record *records;
};

/* One question.  It lives inside whatever waits for its answer. */
struct dns_query { /* {0} is idle */
	const struct dns_answer *answer; /* for done() to read, not to keep */
	void (*done)(struct dns_query *);
	struct dns_lookup *lookup; /* private: NULL when nothing is asked */
	struct list_node waiting; /* private */
};

/* servers: "127.0.0.1:5335,[::1]:53"; "" for /etc/resolv.conf.  trust_ad:
   believe the AD bit (the caller knows whether the resolver is local). */
struct resolver *resolver_new(
    struct loop *, const char *servers, bool trust_ad);
void resolver_free(struct resolver *); /* cancels what is still asked */

/* The first of its servers is one of our own.  As long as it doesn't reach the
   root servers, these are asked, and their AD bit is never believed. */
void resolver_add_spare(struct resolver *, const char *servers);
/* Is it so now?  Then what needs a resolver of one's own is off. */
bool resolver_is_spare(const struct resolver *);

/* Asks.  done() runs once and later, never from within this call. */
void dns_ask(struct resolver *, struct dns_query *, struct str name,
    enum dns_type, void (*done)(struct dns_query *));
/* From here on done() will not run.  Free to call on an idle query. */
void dns_cancel(struct dns_query *);

#endif
