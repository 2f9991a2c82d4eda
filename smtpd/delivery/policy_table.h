/*
 * policy_table.h - private to policy_cache*.c: what is known about domains,
 * and which of it goes when there is too much.
 *
 * It knows neither DNS nor HTTP.
 */
#ifndef SMTPD_DELIVERY_POLICY_TABLE_H
#define SMTPD_DELIVERY_POLICY_TABLE_H

#include "lib/base/map.h"
#include "smtpd/delivery/policy_cache.h"
#include "smtpd/delivery/policy_store.h"

struct policy_entry { /* of a domain that was asked about */
	struct map_node node; /* key: the domain */
	struct list_node order; /* in the table's bare or held */
	struct kept_policy *kept; /* or NULL; may have ended */
	int64_t look_ms; /* monotonic: not before, the record again */
	int64_t fetch_ms; /* monotonic: not before, the policy again */
	int64_t renew_ms; /* monotonic: not before, a renewal */
	int64_t used_ms; /* monotonic: somebody asked */
	enum policy_trouble trouble; /* when there is a record, and no policy */
	struct policy_search *search; /* under way, or NULL */
	char name[];
};

struct policy_table {
	struct map entries;
	struct list bare, held; /* without and with a policy, least recently
				   used first */
	size_t bytes; /* of the policies */
	struct store *store;
};

void policy_table_open(struct policy_table *, struct store *);
void policy_table_free(struct policy_table *);
struct policy_entry *policy_table_find(
    const struct policy_table *, struct str domain); /* or NULL */
/* Finds it or makes it, and notes that it was used; others may go. */
struct policy_entry *policy_table_need(
    struct policy_table *, struct str domain);
/* Takes the policy over, in the place of the one before; NULL: none. */
void policy_table_keep(
    struct policy_table *, struct policy_entry *, struct kept_policy *);

/* The policy that holds now, or NULL. */
const struct kept_policy *policy_entry_valid(const struct policy_entry *);
/* The same, if it still holds when its record has been looked at. */
const struct kept_policy *policy_entry_lasting(const struct policy_entry *);
/* Should it be fetched again although its id is the same? */
bool policy_entry_is_old(const struct policy_entry *);

#endif
