#include "lib/net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What ran, a letter each. */
static char trace[64];
static struct loop *loop;

static void
note(char c)
{
	size_t n = strlen(trace);
	assert_true(n + 1 < sizeof trace);
	trace[n] = c;
}

static int
set_up(void **state)
{
	(void)state;
	memset(trace, 0, sizeof trace);
	loop = loop_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

struct act {
	struct later later;
	struct timer timer;
	char name;
	struct act *next; /* started by this one */
};

static void
on_later(struct later *later)
{
	struct act *act = container_of(later, struct act, later);
	note(act->name);
	if (act->next)
		loop_later(loop, &act->next->later, on_later);
	else
		loop_stop(loop);
}

static void
on_timer(struct timer *timer)
{
	struct act *act = container_of(timer, struct act, timer);
	note(act->name);
	assert_false(timer_pending(timer));
	if (act->next)
		timer_start(&act->next->timer, loop, 1, on_timer);
	else
		loop_stop(loop);
}

static void
test_later_runs_after_the_call(void **state)
{
	(void)state;
	struct act b = { .name = 'b' }, a = { .name = 'a', .next = &b };
	loop_later(loop, &a.later, on_later);
	loop_later(loop, &a.later, on_later); /* no effect */
	assert_string_equal(trace, "");
	loop_run(loop);
	assert_string_equal(trace, "ab");
}

static void
test_later_can_be_cancelled(void **state)
{
	(void)state;
	struct act idle = { .name = 'x' }, a = { .name = 'a' },
		   b = { .name = 'b' };
	later_cancel(&idle.later);
	loop_later(loop, &a.later, on_later);
	loop_later(loop, &b.later, on_later);
	later_cancel(&a.later);
	later_cancel(&a.later);
	loop_run(loop);
	assert_string_equal(trace, "b");
}

static struct act victim = { .name = 'v' };

static void
on_cancel_victim(struct later *later)
{
	(void)later;
	later_cancel(&victim.later);
	loop_stop(loop);
}

static void
test_later_cancels_one_of_the_same_turn(void **state)
{
	(void)state;
	struct later first = { 0 };
	loop_later(loop, &first, on_cancel_victim);
	loop_later(loop, &victim.later, on_later);
	loop_run(loop);
	assert_string_equal(trace, "");
}

static void
test_timers_fire_in_order_of_time(void **state)
{
	(void)state;
	struct act c = { .name = 'c' }, b = { .name = 'b', .next = &c },
		   a = { .name = 'a', .next = &a }, stopped = { .name = 'x' };
	a.next = NULL;
	timer_start(&a.timer, loop, 60000, on_timer);
	timer_start(&stopped.timer, loop, 1, on_timer);
	timer_start(&b.timer, loop, 2, on_timer);
	assert_true(timer_pending(&stopped.timer));
	timer_stop(&stopped.timer);
	timer_stop(&stopped.timer);
	assert_false(timer_pending(&stopped.timer));
	loop_run(loop);
	assert_string_equal(trace, "bc");
	timer_start(&a.timer, loop, 1, on_timer); /* again, with a new time */
	loop_run(loop);
	assert_string_equal(trace, "bca");
}

/* ---- descriptors ---- */

static void
on_pipe(struct watch *watch, bool readable, bool writable)
{
	note(readable ? 'r' : writable ? 'w' : '?');
	if (writable)
		watch_change(watch, true, false);
	else
		loop_stop(loop);
}

static void
test_watch_is_level_triggered(void **state)
{
	(void)state;
	int ends[2];
	struct watch reader = { 0 }, writer = { 0 }, idle = { 0 };
	watch_stop(&idle);
	assert_int_equal(pipe(ends), 0);
	watch_start(&reader, loop, ends[0], true, false, on_pipe);
	watch_start(&writer, loop, ends[1], false, false, on_pipe);
	assert_int_equal(write(ends[1], "x", 1), 1);
	loop_run(loop);
	loop_run(loop); /* nobody has read it */
	assert_string_equal(trace, "rr");
	watch_change(&reader, false, false);
	watch_change(&writer, false, true);
	struct act end = { .name = 'e' };
	timer_start(&end.timer, loop, 5, on_timer);
	loop_run(loop);
	assert_string_equal(trace, "rrwe");
	watch_stop(&reader);
	watch_stop(&writer);
	close(ends[0]);
	close(ends[1]);
}

/* ---- other threads ---- */

enum {
	POSTS = 10000
};

struct counter {
	struct later later;
	unsigned ran;
};

static struct counter counters[POSTS];
static unsigned posted;

static void
on_count(struct later *later)
{
	container_of(later, struct counter, later)->ran++;
	if (++posted == POSTS)
		loop_stop(loop);
}

static void *
post_half(void *context)
{
	for (size_t i = context ? 1 : 0; i < POSTS; i += 2)
		loop_post(loop, &counters[i].later, on_count);
	return NULL;
}

static void
test_posts_of_two_threads_all_run(void **state)
{
	(void)state;
	pthread_t threads[2];
	posted = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_half,
				     i ? &posted : NULL),
		    0);
	loop_run(loop);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < POSTS; i++)
		assert_int_equal(counters[i].ran, 1);
}

static struct counter again;

static void
on_post_again(struct later *later)
{
	assert_false(list_linked(&later->node));
	if (++again.ran == 3)
		loop_stop(loop);
	else
		loop_post(loop, later, on_post_again);
}

static void
test_post_from_within_a_post(void **state)
{
	(void)state;
	loop_post(loop, &again.later, on_post_again);
	loop_post(loop, &again.later, on_post_again); /* no effect */
	loop_run(loop);
	assert_int_equal(again.ran, 3);
}

static void
test_unposted_does_not_run(void **state)
{
	(void)state;
	struct act a = { .name = 'a' }, b = { .name = 'b' };
	loop_post(loop, &a.later, on_later);
	loop_unpost(loop, &a.later);
	loop_unpost(loop, &a.later);
	loop_post(loop, &b.later, on_later);
	loop_run(loop);
	assert_string_equal(trace, "b");
}

/* ---- signals, the end ---- */

static void
on_signal(struct signal_watch *watch)
{
	note(watch->number == SIGUSR1 ? '1' : '2');
	loop_stop(loop);
}

static void
test_signals_arrive_on_the_loop(void **state)
{
	(void)state;
	struct signal_watch one = { 0 }, idle = { 0 };
	signal_stop(&idle);
	signal_start(&one, loop, SIGUSR1, on_signal);
	raise(SIGUSR1);
	assert_string_equal(trace, "");
	loop_run(loop);
	assert_string_equal(trace, "1");
	signal_stop(&one);
}

static void
test_stop_before_run(void **state)
{
	(void)state;
	loop_stop(loop);
	loop_run(loop);
	struct act a = { .name = 'a' };
	loop_later(loop, &a.later, on_later);
	loop_run(loop);
	assert_string_equal(trace, "a");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_later_runs_after_the_call),
		CASE(test_later_can_be_cancelled),
		CASE(test_later_cancels_one_of_the_same_turn),
		CASE(test_timers_fire_in_order_of_time),
		CASE(test_watch_is_level_triggered),
		CASE(test_posts_of_two_threads_all_run),
		CASE(test_post_from_within_a_post),
		CASE(test_unposted_does_not_run),
		CASE(test_signals_arrive_on_the_loop),
		CASE(test_stop_before_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
