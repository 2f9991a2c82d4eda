/*
 * budget.h - how many DNS questions one message may cost.
 *
 * Every check of a message takes from one budget, within a share of its own,
 * so that hostile records of one mechanism can't use up what another needs.
 * A question counts when it is asked, cached or not.
 */
#ifndef LIB_TRUST_BUDGET_H
#define LIB_TRUST_BUDGET_H

#include "lib/net/resolver.h"

enum {
	BUDGET_MESSAGE = 60, /* of all checks together */
	BUDGET_SPF = 26, /* MAIL FROM, then HELO with what that left */
	BUDGET_DKIM = 10, /* five keys, each of which may come over TCP */
	BUDGET_DMARC = 17, /* a walk of 8, existence, walks for alignment */
	BUDGET_IPREV = 4,
	BUDGET_OVERDRAWN = 3, /* what the last question of SPF, DMARC and
				 iprev each may cost over TCP */
	/* ARC comes last, and has half of what the others left: all its
	   questions are asked at once, and each may cost two. */
};

struct budget {
	unsigned left;
};

/* False: it is spent, don't ask. */
static inline bool
budget_take(struct budget *budget)
{
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}

/* What an answer has cost beyond its one question: CNAMEs, and TCP. */
static inline void
budget_charge(struct budget *budget, const struct dns_answer *answer)
{
	budget->left -=
	    answer->more < budget->left ? answer->more : budget->left;
}

#endif
