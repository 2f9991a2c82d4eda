/*
 * slots.h - the sessions that all destinations share: so many in all, so many
 * new ones a second, and whose turn it is.
 *
 * Hosts that answer nobody, however many, must not take the sessions of those
 * that do.  So whoever is known to take mail goes first, and the others have
 * shares; and while somebody waits, a session that gets no greeting gives way.
 * It knows neither destinations nor sessions, only that they wait and hold.
 */
#ifndef SMTPD_DELIVERY_SLOTS_H
#define SMTPD_DELIVERY_SLOTS_H

#include "lib/base/list.h"
#include "lib/net/loop.h"
#include "smtpd/delivery/pace.h"

enum slot_line { /* in the order of their turns */
	LINE_GOOD, /* it took mail when last tried */
	LINE_NEW, /* nothing is known of it */
	LINE_MORE, /* it has a session, and would like another */
	LINE_FAILED, /* it couldn't be reached when last tried */
	SLOT_LINES
};

enum {
	SLOTS = 100, /* sessions in all; at most ... */
	SLOTS_UNPROVEN = 90, /* ... that aren't for LINE_GOOD, of these ... */
	SLOTS_FURTHER = 70, /* ... LINE_MORE and LINE_FAILED, of these ... */
	SLOTS_FAILED = 40, /* ... LINE_FAILED */
	SLOTS_PACE = 20, /* new ones a second, but for LINE_MORE: behind an
			    outage the line is long */
	SLOTS_SEATS = 1000, /* who may wait in one line */
	SLOT_HASTE_MS = 10000, /* to the greeting, while others wait; */
	SLOT_PATIENCE_MS = 60000, /* of GOOD, which has proven itself, and of
				     FAILED: slow hosts get their chance */
};

struct slot_waiter { /* a member of a destination; {0} doesn't wait */
	struct list_node node;
	enum slot_line line;
};

struct slot { /* a member of a session; {0} holds nothing */
	struct list_node node; /* in opening or idle */
	enum slot_line line; /* that it came from */
	bool counted; /* against the share of that line */
	bool idle;
	int64_t since_ms; /* monotonic: when it began to open */
};

struct slots {
	struct list lines[SLOT_LINES]; /* slot_waiters */
	size_t waiting[SLOT_LINES];
	struct list opening[SLOT_LINES]; /* slots, the oldest first */
	struct list idle; /* slots without work, the oldest first */
	size_t counted[SLOT_LINES];
	size_t taken;
	unsigned turns;
	struct pace pace;
};

void slots_init(struct slots *);

/* Stays where it is when it waits in that line; false: no seat is free. */
bool slots_wait(struct slots *, struct slot_waiter *, enum slot_line);
void slots_leave(struct slots *, struct slot_waiter *); /* or nothing */

struct slot_turn {
	struct slot_waiter *waiter; /* out of its line; NULL: nobody may now */
	struct slot *instead; /* to be ended first, or NULL */
	int64_t again_ms; /* without waiter: ask again then; -1: when
			     something has changed */
};

struct slot_turn slots_next(struct slots *);

/* What becomes of a slot. */
void slots_take(struct slots *, struct slot *, enum slot_line);
void slots_opening(struct slots *, struct slot *); /* it is connecting */
void slots_opened(struct slots *, struct slot *); /* greeted, and in use */
void slots_idle(struct slots *, struct slot *); /* without work */
void slots_proven(struct slots *, struct slot *); /* it took a mail */
void slots_give(struct slots *, struct slot *);

#endif
