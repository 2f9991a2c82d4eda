/*
 * dmarc_rig.h - one evaluation of DMARC after the other, in a DNS that is a
 * table (tests/fakes/resolver), with its questions counted.
 */
#ifndef TESTS_UNIT_DMARC_RIG_H
#define TESTS_UNIT_DMARC_RIG_H

#include "lib/trust/dmarc.h"
#include "tests/fakes/resolver.h"

struct dmarc_rig {
	struct loop *loop;
	struct resolver *resolver;
	struct budget budget;
	unsigned answers; /* how often done() has run */
};

extern struct dmarc_rig dmarc_rig;

/* Of a group of tests. */
int dmarc_rig_open(void **state);
int dmarc_rig_close(void **state);

/* From start to done(); nothing is cancelled. */
void dmarc_rig_discover(struct dmarc_check *, struct str author);
void dmarc_rig_align(struct dmarc_check *);
void dmarc_rig_on_done(struct dmarc_check *); /* counts */
/* "s:example.com d:other.example ?d:example.com": of SPF, of DKIM, and one that
   the DNS leaves open */
void dmarc_rig_identifiers(struct dmarc_check *, const char *ids);
/* "pass reject example.com + -": the result, the policy that applies, whose it
   is, and whether each identifier is aligned. */
void dmarc_rig_describe(const struct dmarc_check *, struct buf *);
/* A whole evaluation, and the questions that it took. */
void dmarc_expect(const struct fake_record *zone, const char *author,
    const char *ids, const char *wanted, unsigned asked);

#define TXT(name, value) \
	{ \
		"_dmarc." name, DNS_TXT, value, DNS_FOUND, false, 60 \
	}
#define FAILS(name) \
	{ \
		"_dmarc." name, 0, NULL, DNS_TEMPFAIL, false, 0 \
	}
/* The name is there, with nothing that matters. */
#define EXISTS(name) \
	{ \
		name, DNS_MX, "10 mx.test", DNS_FOUND, false, 60 \
	}
/* Whoever asks for it gets what it must not get. */
#define NEVER_ASKED(name) FAILS(name)

#endif
