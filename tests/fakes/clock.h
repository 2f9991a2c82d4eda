/*
 * clock.h - a clock that stands still until a test moves it, and random bytes
 * that are the same in every run.
 */
#ifndef TESTS_FAKES_CLOCK_H
#define TESTS_FAKES_CLOCK_H

#include "lib/base/clock.h"

struct fake_clock {
	int64_t wall_ms, mono_ms; /* set either as you like */
};

extern struct fake_clock fake_clock;

void fake_clock_advance(int64_t ms); /* both */

#endif
