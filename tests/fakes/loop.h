/*
 * loop.h - a loop whose time stands still until a test moves it.
 *
 * It stands in for lib/net/loop.c: name it in tests/unit/fakes.mk.  Watches
 * are of real descriptors.  There are no signals and no other threads.
 */
#ifndef TESTS_FAKES_LOOP_H
#define TESTS_FAKES_LOOP_H

#include "lib/net/loop.h"

/* Runs what can run now, until nothing can. */
void fake_loop_settle(struct loop *);
/* Moves the time; timers fire in their order, and all settles after each. */
void fake_loop_advance(struct loop *, int64_t ms);

#endif
