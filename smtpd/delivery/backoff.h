/*
 * backoff.h - how long to wait before the next try.
 */
#ifndef SMTPD_DELIVERY_BACKOFF_H
#define SMTPD_DELIVERY_BACKOFF_H

#include "lib/base/settings.h"

/* After so many tries (1: the first has failed): the least time, half as much
   again with each try, the most at last. */
int64_t backoff_delay(int64_t least_ms, int64_t most_ms, unsigned tries);
int64_t backoff_jitter(int64_t ms); /* up to 10 % more or less */

/* The two intervals of a message, with jitter. */
int64_t backoff_remote(const struct settings *, unsigned tries);
int64_t backoff_local(unsigned tries);
/* How long a destination that can't be reached is left alone: less than what
   its messages wait, so that each of their tries is one. */
int64_t backoff_pause(const struct settings *, unsigned failures);

#endif
