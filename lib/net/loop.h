/*
 * loop.h - the event loop: timers, descriptors, signals, and "later".
 *
 * One loop per process, run by one thread.  Everything but loop_post() is for
 * that thread.  Callbacks get the struct that was started, which is a member
 * of its owner.  libevent is known to loop.c alone.
 */
#ifndef LIB_NET_LOOP_H
#define LIB_NET_LOOP_H

#include "lib/base/list.h"

#include <stdint.h>

struct loop;
struct event; /* libevent's */

struct timer { /* {0} is idle */
	void (*fire)(struct timer *);
	struct loop *loop; /* private */
	struct event *event; /* private */
};

struct watch { /* {0} is idle */
	void (*ready)(struct watch *, bool readable, bool writable);
	struct event *reader, *writer; /* private */
	int fd;
};

struct signal_watch {
	void (*raised)(struct signal_watch *);
	struct event *event; /* private */
	int number;
};

/* Something to be done soon, on the loop, never from within the call. */
struct later { /* {0} is idle */
	void (*run)(struct later *);
	struct list_node node; /* private */
};

struct loop *loop_new(void);
void loop_free(struct loop *);
void loop_run(struct loop *); /* until loop_stop() */
void loop_stop(struct loop *);

/* Starts it, or starts it again with a new time. */
void timer_start(
    struct timer *, struct loop *, int64_t ms, void (*fire)(struct timer *));
void timer_stop(struct timer *); /* free on an idle timer; releases memory */
bool timer_pending(const struct timer *);

/* Level-triggered.  Changing what is wanted is cheap. */
void watch_start(struct watch *, struct loop *, int fd, bool read, bool write,
    void (*ready)(struct watch *, bool, bool));
void watch_change(struct watch *, bool read, bool write);
void watch_stop(struct watch *); /* does not close the descriptor */

void signal_start(struct signal_watch *, struct loop *, int number,
    void (*raised)(struct signal_watch *));
void signal_stop(struct signal_watch *);

void loop_later(struct loop *, struct later *,
    void (*run)(struct later *)); /* once; again on a waiting one: no effect */
void later_cancel(struct later *); /* free on an idle one */
/* The same from any thread.  The struct must stay until it has run. */
void loop_post(struct loop *, struct later *, void (*run)(struct later *));
/* Takes back what was posted, on the loop's thread, once nobody posts it any
   more. */
void loop_unpost(struct loop *, struct later *);

#endif
