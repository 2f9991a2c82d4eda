#include "smtpd/queue/errand.h"

enum {
	RETRY_MS = 20
};

static void
on_run(struct job *job)
{
	struct errand *errand = container_of(job, struct errand, job);
	errand->run(errand);
}

static void
on_done(struct job *job)
{
	struct errand *errand = container_of(job, struct errand, job);
	errand->errands->under_way--;
	errand->done(errand);
}

static void
try(struct timer *timer)
{
	struct errand *errand = container_of(timer, struct errand, timer);
	struct errands *to = errand->errands;
	if (!job_start(to->lane, &errand->job, on_run, on_done))
		timer_start(&errand->timer, to->loop, RETRY_MS, try);
}

void
errand_start(struct errand *errand, struct errands *to,
    void (*run)(struct errand *), void (*done)(struct errand *))
{
	errand->run = run;
	errand->done = done;
	errand->errands = to;
	to->under_way++;
	try(&errand->timer);
}
