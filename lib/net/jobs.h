/*
 * jobs.h - bounded lanes of worker threads for what blocks.
 *
 * A job owns its bytes: nothing in it may point into memory that the loop
 * changes.  run() is called on a worker, done() later on the loop.  A lane
 * that is full refuses, and the caller answers 451 or 454.
 */
#ifndef LIB_NET_JOBS_H
#define LIB_NET_JOBS_H

#include "lib/net/loop.h"

struct lane;

struct job { /* {0} is idle; on the heap of its module when it may be cut off */
	void (*run)(struct job *); /* on a worker thread */
	void (*done)(struct job *); /* on the loop; may free the job */
	struct lane *lane; /* private */
	struct list_node node; /* private */
	bool begun; /* private */
};

struct lane *lane_new(
    struct loop *, unsigned threads, unsigned bound, const char *name);
/* Runs what waits, waits for what runs, then joins the threads; done() of
   those is not called. */
void lane_free(struct lane *);
bool job_start(struct lane *, struct job *, void (*run)(struct job *),
    void (*done)(struct job *));
/* Takes back a job that no worker has begun, true; else false: done() will
   come, and the caller must have cut what it leads to. */
bool job_cancel(struct job *);

#endif
