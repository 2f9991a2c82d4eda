/*
 * backlog.h - what waits for one destination, and how much of it is kept here.
 *
 * The queue hands out so many items and no more: a host that is slow, or
 * answers nobody, must not have them all.  So every few seconds a backlog keeps
 * what its destination will take within half a minute, at the speed that it has
 * just shown.  The rest goes back to the queue, which hands it out again after
 * that time; it doesn't count as a try.  It knows neither sessions nor
 * back-off.
 */
#ifndef SMTPD_DELIVERY_BACKLOG_H
#define SMTPD_DELIVERY_BACKLOG_H

#include "smtpd/delivery/transfer.h"

enum {
	BACKLOG_TICK_MS = 5000, /* how often the speed is looked at */
	BACKLOG_AGAIN_MS = 30000, /* for which the rest goes back */
	BACKLOG_LEAST = 20, /* transfers that are kept, whatever the speed;
			       without any session: 1 */
};

struct backlog { /* a member of its destination */
	struct loop *loop;
	const size_t *sessions; /* how many the destination has */
	struct list transfers; /* the next to be sent comes first */
	size_t count;
	size_t room; /* transfers it may hold, by the last look */
	size_t answered; /* transfers, since then */
	struct timer tick; /* runs while something waits */
};

void backlog_init(struct backlog *, struct loop *, const size_t *sessions);
bool backlog_is_empty(const struct backlog *);
/* False: there is no room, and the recipient is left to the queue. */
bool backlog_add(struct backlog *, struct parcel *, size_t recipient);
struct transfer *backlog_take(struct backlog *); /* NULL: nothing waits */
void backlog_return(struct backlog *, struct transfer *); /* is next again */
void backlog_answered(struct backlog *); /* one that was taken */

/* The ends of all that wait: each gets this reply; back to the queue; or freed
   without telling the parcels. */
void backlog_answer(struct backlog *, struct reply, const struct peer *);
void backlog_drop(struct backlog *);
void backlog_free(struct backlog *);

#endif
