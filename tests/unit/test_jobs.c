#include "lib/net/jobs.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static pthread_t main_thread;

struct task {
	struct job job;
	sem_t *gate; /* run() waits here */
	sem_t *begun; /* and says so before */
	int ran, done;
};

static unsigned expected; /* dones until the loop stops */

static struct task *
task_of(struct job *job)
{
	return container_of(job, struct task, job);
}

static void
on_run(struct job *job)
{
	struct task *t = task_of(job);
	assert_false(pthread_equal(pthread_self(), main_thread));
	if (t->begun)
		sem_post(t->begun);
	if (t->gate)
		sem_wait(t->gate);
	t->ran++;
}

static void
on_done(struct job *job)
{
	assert_true(pthread_equal(pthread_self(), main_thread));
	task_of(job)->done++;
	if (--expected == 0)
		loop_stop(loop);
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	main_thread = pthread_self();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void
test_all_run_and_come_back(void **state)
{
	(void)state;
	enum {
		MANY = 2000
	};
	struct task *tasks = calloc(MANY, sizeof *tasks);
	struct lane *lane = lane_new(loop, 4, MANY, "many");
	assert_non_null(tasks);
	for (int i = 0; i < MANY; i++)
		assert_true(job_start(lane, &tasks[i].job, on_run, on_done));
	expected = MANY;
	loop_run(loop);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(tasks[i].ran, 1);
		assert_int_equal(tasks[i].done, 1);
	}
	lane_free(lane);
	free(tasks);
}

/* One thread stands at the gate, so that what follows waits. */
struct held {
	struct lane *lane;
	struct task first;
	sem_t gate, begun;
};

static void
hold(struct held *h, unsigned bound)
{
	memset(h, 0, sizeof *h);
	sem_init(&h->gate, 0, 0);
	sem_init(&h->begun, 0, 0);
	h->lane = lane_new(loop, 1, bound, "held");
	h->first.gate = &h->gate;
	h->first.begun = &h->begun;
	assert_true(job_start(h->lane, &h->first.job, on_run, on_done));
	sem_wait(&h->begun);
}

static void
test_full_lane_refuses(void **state)
{
	(void)state;
	struct held h;
	struct task t[3] = { 0 };
	hold(&h, 2);
	assert_true(job_start(h.lane, &t[0].job, on_run, on_done));
	assert_true(job_start(h.lane, &t[1].job, on_run, on_done));
	assert_false(job_start(h.lane, &t[2].job, on_run, on_done));
	sem_post(&h.gate);
	expected = 3;
	loop_run(loop);
	assert_int_equal(t[2].ran, 0);
	expected = 1;
	assert_true(job_start(h.lane, &t[2].job, on_run, on_done));
	loop_run(loop);
	assert_int_equal(t[2].done, 1);
	lane_free(h.lane);
}

static void
test_cancel_takes_back_what_waits(void **state)
{
	(void)state;
	struct held h;
	struct task waiting = { 0 }, next = { 0 }, idle = { 0 };
	hold(&h, 1);
	assert_true(job_start(h.lane, &waiting.job, on_run, on_done));
	assert_false(job_start(h.lane, &next.job, on_run, on_done));
	assert_true(job_cancel(&waiting.job));
	assert_true(job_cancel(&waiting.job));
	assert_true(job_cancel(&idle.job));
	assert_true(job_start(h.lane, &next.job, on_run, on_done));
	assert_true(job_cancel(&next.job));
	assert_false(job_cancel(&h.first.job));
	sem_post(&h.gate);
	expected = 1;
	loop_run(loop);
	assert_int_equal(waiting.ran, 0);
	assert_int_equal(h.first.done, 1);
	lane_free(h.lane);
}

static void
test_free_runs_what_waits_and_tells_nobody(void **state)
{
	(void)state;
	struct held h;
	struct task t[5] = { 0 };
	hold(&h, 8);
	for (int i = 0; i < 5; i++)
		assert_true(job_start(h.lane, &t[i].job, on_run, on_done));
	sem_post(&h.gate);
	lane_free(h.lane);
	for (int i = 0; i < 5; i++)
		assert_int_equal(t[i].ran, 1);
	struct task other = { 0 };
	struct lane *lane = lane_new(loop, 1, 1, "other");
	expected = 1;
	assert_true(job_start(lane, &other.job, on_run, on_done));
	loop_run(loop);
	for (int i = 0; i < 5; i++)
		assert_int_equal(t[i].done, 0);
	lane_free(lane);
}

static struct lane *own_lane;

static void
on_done_again(struct job *job)
{
	if (++task_of(job)->done == 100)
		loop_stop(loop);
	else
		assert_true(job_start(own_lane, job, on_run, on_done_again));
}

static void
test_job_starts_itself_again(void **state)
{
	(void)state;
	struct task t = { 0 };
	own_lane = lane_new(loop, 2, 1, "again");
	assert_true(job_start(own_lane, &t.job, on_run, on_done_again));
	loop_run(loop);
	assert_int_equal(t.ran, 100);
	lane_free(own_lane);
}

static void
on_check_signals(struct job *job)
{
	sigset_t blocked;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	task_of(job)->ran = sigismember(&blocked, SIGTERM);
}

static void
test_signals_are_left_to_the_loop(void **state)
{
	(void)state;
	struct task t = { 0 };
	struct lane *lane = lane_new(loop, 1, 1, "signals");
	expected = 1;
	assert_true(job_start(lane, &t.job, on_check_signals, on_done));
	loop_run(loop);
	assert_int_equal(t.ran, 1);
	lane_free(lane);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_all_run_and_come_back),
		CASE(test_full_lane_refuses),
		CASE(test_cancel_takes_back_what_waits),
		CASE(test_free_runs_what_waits_and_tells_nobody),
		CASE(test_job_starts_itself_again),
		CASE(test_signals_are_left_to_the_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
