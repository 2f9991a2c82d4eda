/*
 * policy_store.h - private to policy_cache.c: a policy that is kept, and its
 * pair in the soft store.
 *
 * What is kept is the policy as we understood it, written anew: its size is
 * bounded, and nothing that isn't understood gets into a report.
 */
#ifndef SMTPD_DELIVERY_POLICY_STORE_H
#define SMTPD_DELIVERY_POLICY_STORE_H

#include "lib/base/buf.h"
#include "lib/trust/sts.h"
#include "smtpd/store/store.h"

struct kept_policy { /* {0} is none */
	struct sts_policy policy;
	int64_t fetched_ms; /* wall clock */
	struct str id; /* of the record that announced it */
	struct str text; /* lines that end in LF */
	struct arena arena; /* of all this */
};

void kept_policy_free(struct kept_policy *); /* NULL: nothing to do */
/* NULL: the text isn't a policy; *why (static) says what is wrong. */
struct kept_policy *kept_policy_new(
    struct str text, struct str id, int64_t wall_ms, const char **why);

/* A pair's value; the key is "sts/" and the domain. */
void kept_policy_encode(const struct kept_policy *, struct buf *);
struct kept_policy *kept_policy_decode(struct str value); /* NULL: damaged */
/* False: a pair of somebody else. */
bool kept_policy_key(struct str key, struct str *domain);

/* Written in the background; NULL takes it out. */
void kept_policy_write(
    struct store *, struct str domain, const struct kept_policy *);

#endif
