/*
 * pace.h - so many a second and no more: a bucket that fills with time and
 * holds one second's worth.
 */
#ifndef SMTPD_DELIVERY_PACE_H
#define SMTPD_DELIVERY_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace { /* {0} is full */
	int64_t spent; /* thousandths of one */
	int64_t at_ms; /* monotonic; spent was true then */
};

bool pace_take(struct pace *, unsigned per_second); /* false: not now */
/* Until the next one; 0: there is one. */
int64_t pace_wait_ms(struct pace *, unsigned per_second);

#endif
