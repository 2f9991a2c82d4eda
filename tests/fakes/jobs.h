/*
 * jobs.h - a lane without threads: jobs run later, on the loop.
 *
 * It stands in for lib/net/jobs.c: name it in tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_JOBS_H
#define TESTS_FAKES_JOBS_H

#include "lib/net/jobs.h"

struct fake_jobs {
	bool full; /* no job is taken */
	bool begun; /* jobs can't be taken back any more */
	bool hold; /* none is done */
	unsigned waiting, most; /* now, and ever */
	unsigned done;
};

extern struct fake_jobs fake_jobs;

void fake_jobs_use(struct loop *);
void fake_jobs_let_go(void);

#endif
