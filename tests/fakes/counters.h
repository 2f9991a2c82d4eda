/*
 * counters.h - counters that only count how often they were told.
 *
 * It stands in for smtpd/inbound/counters.c: name it in tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_COUNTERS_H
#define TESTS_FAKES_COUNTERS_H

#include "smtpd/inbound/counters.h"

struct tally {
	unsigned told; /* in all */
	enum disposition last;
};

extern struct tally fake_counters;

#endif
