/*
 * dnsbl.h - what DNS lists say about an address: RFC 5782.
 *
 * Each list is tested before it is believed: at its first use, then hourly.
 * One that refuses us, lists everybody or answers nonsense is ignored until it
 * recovers.  What a listing costs is not known here.
 */
#ifndef SMTPD_INBOUND_DNSBL_H
#define SMTPD_INBOUND_DNSBL_H

#include "lib/base/ip.h"
#include "lib/base/settings.h"
#include "lib/net/resolver.h"

struct dnsbl; /* the lists, and how far each can be believed */

struct dnsbl *dnsbl_new(
    struct loop *, struct resolver *, const struct settings *);
void dnsbl_free(struct dnsbl *); /* NULL is fine; no question is under way */
/* A broken or blocking list, as a sentence for status; one after the other,
   from *at 0; NULL behind the last. */
const char *dnsbl_trouble(const struct dnsbl *, size_t *at);

struct dnsbl_lookup { /* private: one list's answer */
	struct dns_query query;
	struct list_node node; /* while the list is tested */
	struct dns_list *list;
	struct dnsbl_check *check;
};

struct dnsbl_check { /* a member of its owner; {0} is idle */
	struct str list; /* the heaviest hit so far, or "" */
	unsigned weight; /* of all hits so far */
	void (*done)(struct dnsbl_check *);
	/* private */
	struct later later;
	size_t open;
	unsigned heaviest;
	struct dnsbl_lookup lookups[SETTINGS_LIST];
};

/* Asks all lists that can be believed; done() runs once and later. */
void dnsbl_start(struct dnsbl_check *, struct dnsbl *, struct ip,
    void (*done)(struct dnsbl_check *));
void dnsbl_cancel(struct dnsbl_check *); /* idempotent; keeps the answer */

#endif
