/*
 * policy_cache.h - other domains' MTA-STS policies: found, fetched, kept:
 * RFC 8461 3.3, 5.1, 10.2.
 *
 * A policy is kept for its max_age, in memory and in the soft store, and
 * renewed once a day and when the record's id changes.  While it is
 * fresh it holds, whatever the DNS or the policy host say.  A fetch that fails
 * is not tried again for five minutes.  It knows no mail host.
 */
#ifndef SMTPD_DELIVERY_POLICY_CACHE_H
#define SMTPD_DELIVERY_POLICY_CACHE_H

#include "lib/base/settings.h"
#include "lib/net/fetch.h"
#include "lib/trust/sts.h"

struct policy_cache;
struct store;

struct policy_parts { /* all outlive it */
	struct loop *loop;
	const struct settings *settings; /* MTA_STS, STS_PORT, ... */
	struct resolver *resolver;
	struct fetch_channel *fetch;
	struct store *store; /* the soft one */
};

enum policy_trouble { /* for a TLS report, when there should be a policy */
	POLICY_FINE,
	POLICY_NOT_FETCHED,
	POLICY_MALFORMED,
	POLICY_WEBPKI, /* the policy host's certificate */
	POLICY_UNKNOWN, /* whether there should be one: the DNS is in trouble */
};

struct policy_lookup { /* a member of its owner; {0} is idle */
	/* the question, kept by the asker until done() */
	struct str domain; /* of the recipient, lower case */
	/* the answer */
	const struct sts_policy *policy; /* until done() returns; NULL: none.
					    Its mode may be STS_NONE, too */
	struct str text; /* of the policy, for a TLS report: lines with LF */
	enum policy_trouble trouble; /* POLICY_FINE with a policy */
	void (*done)(struct policy_lookup *);
	struct list_node node; /* private */
};

/* Reads what the store has: before that is started. */
struct policy_cache *policy_cache_new(const struct policy_parts *);
void policy_cache_free(struct policy_cache *);
/* done() runs once and later: at once from the cache, else when a record was
   looked for and, if there is one, its policy fetched. */
void policy_lookup_start(struct policy_cache *, struct policy_lookup *,
    void (*done)(struct policy_lookup *));
void policy_lookup_cancel(struct policy_lookup *);

#endif
