/*
 * settle.h - what became of recipients is made durable, round by round.
 *
 * What was delivered or deferred is settled when it comes.  Failures wait for
 * the last part, so that one report tells of all; the report is synced before
 * they are settled.  The last round gives the item back.
 */
#ifndef SMTPD_DELIVERY_SETTLE_H
#define SMTPD_DELIVERY_SETTLE_H

#include "smtpd/delivery/parcel.h"

/* Starts a round if there is something to settle and none is running; the
   parcel may end. */
void settle_run(struct parcel *);

#endif
