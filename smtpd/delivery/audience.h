/*
 * audience.h - who is told that a message failed for a recipient.
 *
 * Our own user who sent it.  For mail that an alias sent on, its sender, but
 * only one that SPF has proven: everybody else would be told of mail that they
 * never sent.  Then the alias's owner hears of it.  Of a report, nobody.
 */
#ifndef SMTPD_DELIVERY_AUDIENCE_H
#define SMTPD_DELIVERY_AUDIENCE_H

#include "lib/mail/envelope.h"
#include "smtpd/delivery/bounce.h"

enum audience {
	AUDIENCE_NOBODY,
	AUDIENCE_USER, /* of ours, who submitted it */
	AUDIENCE_SENDER, /* proven */
	AUDIENCE_OWNER, /* of the alias */
};

enum audience audience_of(const struct envelope *, const struct recipient *);
/* May one report tell of both? */
bool audience_is_one(const struct envelope *, const struct recipient *,
    const struct recipient *);
/* Makes the audience of one of the parcel's recipients the recipients of this
   envelope: QUEUED when there are any. */
enum bounce_result audience_address(
    const struct parcel *, size_t recipient, struct envelope *);

#endif
