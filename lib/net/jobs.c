#include "lib/net/jobs.h"

#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/net/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lane {
	struct loop *loop;
	const char *name;
	unsigned bound;
	unsigned most; /* threads */
	unsigned started; /* threads; by the loop's thread alone */
	pthread_t *threads;
	struct later later; /* posted when the first job is finished */

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t work;
	struct list waiting, finished;
	unsigned waiting_count;
	unsigned idle; /* threads without a job */
	bool closing;
};

/* ---- on a worker ---- */

/* The next job, or NULL when the lane closes and nothing waits. */
static struct job *
next_job(struct lane *lane)
{
	lane->idle++;
	while (list_empty(&lane->waiting) && !lane->closing)
		pthread_cond_wait(&lane->work, &lane->lock);
	lane->idle--;
	struct list_node *node = list_pop(&lane->waiting);
	if (!node)
		return NULL;
	lane->waiting_count--;
	struct job *job = container_of(node, struct job, node);
	job->begun = true;
	return job;
}

static void
on_finished(struct later *later)
{
	struct lane *lane = container_of(later, struct lane, later);
	struct list done;
	struct list_node *node;
	list_init(&done);
	pthread_mutex_lock(&lane->lock);
	list_take(&done, &lane->finished);
	pthread_mutex_unlock(&lane->lock);
	while ((node = list_pop(&done))) {
		struct job *job = container_of(node, struct job, node);
		job->lane = NULL;
		job->done(job);
	}
}

static void *
work(void *context)
{
	struct lane *lane = context;
	struct job *job;
	/* By itself: another thread would need /proc, which the sandbox bars.
	 */
	pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->lock);
	while ((job = next_job(lane))) {
		pthread_mutex_unlock(&lane->lock);
		job->run(job);
		pthread_mutex_lock(&lane->lock);
		bool first = list_empty(&lane->finished);
		list_push(&lane->finished, &job->node);
		if (first)
			loop_post(lane->loop, &lane->later, on_finished);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

/* ---- on the loop ---- */

struct lane *
lane_new(struct loop *loop, unsigned threads, unsigned bound, const char *name)
{
	struct lane *lane = mem_alloc(sizeof *lane);
	lane->loop = loop;
	lane->name = name;
	lane->bound = bound;
	lane->most = threads;
	lane->threads = mem_array(NULL, threads, sizeof *lane->threads);
	list_init(&lane->waiting);
	list_init(&lane->finished);
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->work, NULL);
	return lane;
}

void
lane_free(struct lane *lane)
{
	if (!lane)
		return;
	pthread_mutex_lock(&lane->lock);
	lane->closing = true;
	pthread_cond_broadcast(&lane->work);
	pthread_mutex_unlock(&lane->lock);
	for (unsigned i = 0; i < lane->started; i++)
		pthread_join(lane->threads[i], NULL);
	loop_unpost(lane->loop, &lane->later);
	pthread_cond_destroy(&lane->work);
	pthread_mutex_destroy(&lane->lock);
	free(lane->threads);
	free(lane);
}

/* Threads start with the first jobs that need them: the sandbox comes before
   the first thread. */
static void
start_thread(struct lane *lane)
{
	pthread_t *thread = &lane->threads[lane->started];
	int error = thread_start(thread, work, lane);
	if (error) {
		log_note(LOG_WARN, "jobs", "no thread %u for %s: %s",
		    lane->started, lane->name, strerror(error));
		return;
	}
	lane->started++;
}

bool
job_start(struct lane *lane, struct job *job, void (*run)(struct job *),
    void (*done)(struct job *))
{
	pthread_mutex_lock(&lane->lock);
	bool room = lane->waiting_count < lane->bound;
	bool hands = lane->idle > lane->waiting_count;
	pthread_mutex_unlock(&lane->lock);
	if (room && !hands && lane->started < lane->most)
		start_thread(lane);
	if (!room || lane->started == 0)
		return false;

	job->run = run;
	job->done = done;
	job->lane = lane;
	job->begun = false;
	pthread_mutex_lock(&lane->lock);
	list_push(&lane->waiting, &job->node);
	lane->waiting_count++;
	pthread_cond_signal(&lane->work);
	pthread_mutex_unlock(&lane->lock);
	return true;
}

bool
job_cancel(struct job *job)
{
	struct lane *lane = job->lane;
	if (!lane)
		return true;
	pthread_mutex_lock(&lane->lock);
	bool taken = !job->begun;
	if (taken) {
		list_remove(&job->node);
		lane->waiting_count--;
		job->lane = NULL;
	}
	pthread_mutex_unlock(&lane->lock);
	return taken;
}
