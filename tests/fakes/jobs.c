#include "tests/fakes/jobs.h"

struct fake_jobs fake_jobs;

static struct loop *loop;
static struct list jobs;
static struct later later;

static void
on_later(struct later *self)
{
	(void)self;
	struct list_node *node;
	while (!fake_jobs.hold && (node = list_pop(&jobs))) {
		struct job *job = container_of(node, struct job, node);
		fake_jobs.waiting--;
		fake_jobs.done++;
		job->run(job);
		job->done(job);
	}
}

void
fake_jobs_use(struct loop *the_loop)
{
	fake_jobs = (struct fake_jobs){ 0 };
	loop = the_loop;
	list_init(&jobs);
}

void
fake_jobs_let_go(void)
{
	fake_jobs.hold = false;
	loop_later(loop, &later, on_later);
}

bool
job_start(struct lane *lane, struct job *job, void (*run)(struct job *),
    void (*done)(struct job *))
{
	(void)lane;
	if (fake_jobs.full)
		return false;
	job->run = run;
	job->done = done;
	list_push(&jobs, &job->node);
	fake_jobs.waiting++;
	if (fake_jobs.waiting > fake_jobs.most)
		fake_jobs.most = fake_jobs.waiting;
	loop_later(loop, &later, on_later);
	return true;
}

bool
job_cancel(struct job *job)
{
	if (fake_jobs.begun && list_linked(&job->node))
		return false;
	fake_jobs.waiting -= list_linked(&job->node);
	list_remove(&job->node);
	return true;
}
