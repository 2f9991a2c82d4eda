/*
 * errand.h - a job that waits patiently until its lane has room, and is
 * counted, so that the end can wait for it.
 *
 * Private to smtpd/queue.
 */
#ifndef SMTPD_QUEUE_ERRAND_H
#define SMTPD_QUEUE_ERRAND_H

#include "lib/net/jobs.h"

struct errands { /* where they go */
	struct loop *loop;
	struct lane *lane;
	unsigned under_way;
};

struct errand { /* {0} is idle; on the heap of its module */
	void (*run)(struct errand *); /* on a worker */
	void (*done)(struct errand *); /* on the loop; may free it */
	struct errands *errands;
	struct job job;
	struct timer timer;
};

void errand_start(struct errand *, struct errands *,
    void (*run)(struct errand *), void (*done)(struct errand *));

#endif
