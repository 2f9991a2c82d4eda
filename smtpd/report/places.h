/*
 * places.h - where the report on a domain goes: by DMARC's rua, as it was
 * published when mail came, or by the domain's TLSRPT record, as it is now.
 */
#ifndef SMTPD_REPORT_PLACES_H
#define SMTPD_REPORT_PLACES_H

#include "lib/report/rua.h"
#include "smtpd/report/consent.h"

struct places { /* {0} is idle */
	/* the answer */
	struct rua_list list;
	bool unknown; /* the DNS didn't answer: there may be more */
	void (*done)(struct places *);

	/* private */
	struct loop *loop;
	struct resolver *resolver;
	struct arena *arena;
	struct str domain;
	struct rua_list wanted; /* DMARC's, before anybody was asked */
	size_t turn;
	struct consent consent;
	struct dns_query query;
	struct later later;
};

struct places_question { /* kept by the asker until done() */
	struct str domain; /* policy domain, lower case */
	bool is_tls;
	struct str rua; /* DMARC's */
};

/* done() runs once and later; strings are in the arena. */
void places_start(struct places *, const struct places_question *,
    struct loop *, struct resolver *, struct arena *,
    void (*done)(struct places *));
void places_cancel(struct places *);

#endif
