/*
 * schedule.h - which item is due next: a heap by next_ms, and one timer.
 *
 * Wall clock; when the clock jumps, it is noticed within a minute.  Private
 * to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_SCHEDULE_H
#define SMTPD_QUEUE_SCHEDULE_H

#include "smtpd/queue/item.h"

struct schedule_slot {
	int64_t due_ms; /* its next_ms when it was added */
	struct queue_item *item;
};

struct schedule {
	/* Something is due: take it with schedule_take(). */
	void (*due)(struct schedule *);
	struct loop *loop;
	struct schedule_slot *heap; /* from 1 on */
	uint32_t count, size;
	struct timer timer;
};

void schedule_add(struct schedule *, struct queue_item *); /* by its next_ms */
void schedule_remove(struct schedule *, struct queue_item *); /* or nothing */
/* The first that is due, no longer in the schedule; NULL: none is, and the
   timer runs for the next. */
struct queue_item *schedule_take(struct schedule *);
void schedule_free(struct schedule *);

#endif
