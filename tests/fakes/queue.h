/*
 * queue.h - a queue in memory that hands out what a test gives it and tells
 * the story of what it is asked.
 *
 * It stands in for smtpd/queue: name it in tests/unit/fakes.mk with story.
 * Lines of the story: "added 2 to=you@ours.test envid=1:0", "told 1.0 F 550
 * 5.1.1 ...", "settled 1, attempted, warned, back in 300 s".
 */
#ifndef TESTS_FAKES_QUEUE_H
#define TESTS_FAKES_QUEUE_H

#include "smtpd/queue/queue.h"

struct fake_queue {
	enum queue_result add_result;
	bool hold; /* adds and settlements wait */
	bool damaged; /* messages can't be opened */
	unsigned open; /* messages opened and not released */
	struct message *added; /* the last one, or NULL */
	unsigned flags; /* of its envelope */
	uint64_t largest; /* octets, of all that were added */
};

extern struct fake_queue fake_queue;

/* The loop's address, which all queues of a test share. */
void fake_queue_use(struct loop *);
void fake_queue_end(void); /* frees all items */
/* "bob@remote.test you@ours.test": those of ours.test are local.  The message
   is small; change what you like before it is handed out. */
struct queue_item *fake_queue_item(
    const char *sender, unsigned flags, const char *recipients);
struct message *fake_queue_message(struct queue_item *);
void fake_queue_hand(struct queue_item *); /* to the consumer */
void fake_queue_let_go(void); /* what waits is done */

#endif
