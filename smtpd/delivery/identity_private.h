/*
 * identity_private.h - what the files of the identity share: identity.c (what
 * is known, and what follows), identity_check.c (how it is found out).
 */
#ifndef SMTPD_DELIVERY_IDENTITY_PRIVATE_H
#define SMTPD_DELIVERY_IDENTITY_PRIVATE_H

#include "lib/net/flow.h"
#include "lib/trust/iprev.h"
#include "lib/trust/spf.h"
#include "smtpd/delivery/identity.h"

enum identity_state {
	IDENTITY_UNKNOWN, /* never asked, or the DNS doesn't answer */
	IDENTITY_INCOMPLETE,
	IDENTITY_COMPLETE,
};

struct identity_spf { /* one identity of SPF */
	struct spf_check check;
	struct spf_question question;
	struct budget budget;
};

struct identity_family {
	struct identity *identity;
	uint8_t family;
	enum identity_state state;
	struct ip ip; /* family 0: there is none that others see */
	struct buf why; /* of the state, a part of a sentence */
	struct timer again;
	/* while it is found out */
	struct flow flow;
	struct iprev_check iprev;
	struct budget budget; /* of iprev */
	struct identity_spf helo, sender;
	struct str domains; /* that are still to be asked about */
	struct str domain; /* of the sender */
	struct buf address; /* the sender */
	struct buf wrong; /* the first thing that is; "" when there is none */
	struct buf trouble; /* the first thing that the DNS doesn't say */
};

struct identity {
	struct identity_parts parts;
	struct directory_listener listener;
	struct buf domains; /* ours, a line each */
	struct identity_family families[2]; /* IPv4, IPv6 */
};

#endif
