/*
 * resolver.h - a resolver that answers from a table, later, on the loop.
 *
 * It stands in for lib/net/resolver.c: name it in tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_RESOLVER_H
#define TESTS_FAKES_RESOLVER_H

#include "lib/net/resolver.h"

/* A record, or (without a value) a status.  A name in no row doesn't exist; a
   name without the asked type has no data. */
struct fake_record {
	const char *name; /* lower case; NULL ends the table */
	enum dns_type type; /* 0 with a status: every type */
	/* "192.0.2.1", "2001:db8::1", "10 mx.example", "0 ." for a null MX,
	   text of a TXT, a name, "3 1 1 0123abcd" */
	const char *value;
	enum dns_status status; /* DNS_FOUND with a value */
	bool authentic;
	uint32_t ttl;
};

void fake_resolver_use(const struct fake_record *table); /* stays the owner's */
unsigned fake_resolver_asked(void); /* questions since fake_resolver_use() */
/* Answers wait while this is on, then all come. */
void fake_resolver_hold(bool);
/* What resolver_is_spare() says, until fake_resolver_use(). */
void fake_resolver_be_spare(bool);

#endif
