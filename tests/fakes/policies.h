/*
 * policies.h - other domains' MTA-STS policies from a table, later, on the
 * loop.
 *
 * It stands in for smtpd/delivery/policy_cache.c: name it in
 * tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_POLICIES_H
#define TESTS_FAKES_POLICIES_H

#include "smtpd/delivery/policy_cache.h"

struct fake_policy { /* a domain in no row has none */
	const char *domain; /* NULL ends the table */
	const char *text; /* NULL: none */
	enum policy_trouble trouble;
};

/* For as long as the loop runs; the cache is of no use but not NULL. */
struct policy_cache *fake_policies_use(
    struct loop *, const struct fake_policy *);

#endif
