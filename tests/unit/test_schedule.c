#include "smtpd/queue/schedule.h"

#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	COUNT = 500,
	MINUTE_MS = 60000,
	HOUR_MS = 3600000,
};

static struct schedule schedule;
static struct queue_item *items[COUNT];
static unsigned due;

static void
on_due(struct schedule *s)
{
	(void)s;
	due++;
}

static int
set_up(void **state)
{
	(void)state;
	due = 0;
	schedule = (struct schedule){ .due = on_due, .loop = loop_new() };
	for (size_t i = 0; i < COUNT; i++)
		items[i] = item_new(i + 1);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	schedule_free(&schedule);
	loop_free(schedule.loop);
	for (size_t i = 0; i < COUNT; i++)
		item_free(items[i]);
	return 0;
}

static void
items_come_in_the_order_of_their_times(void **state)
{
	(void)state;
	int64_t now = clock_wall_ms();
	srand(1);
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			items[i]->next_ms = now + rand() % 100;
			schedule_add(&schedule, items[i]);
		}
		size_t left = COUNT;
		for (size_t i = 0; i < COUNT; i++)
			if (rand() % 3 == 0) {
				schedule_remove(&schedule, items[i]);
				schedule_remove(&schedule, items[i]);
				left--;
			}
		fake_clock.wall_ms = now + 100;
		int64_t last = 0;
		struct queue_item *item;
		while ((item = schedule_take(&schedule))) {
			assert_true(item->next_ms >= last);
			assert_int_equal(item->private->heap_at, 0);
			last = item->next_ms;
			left--;
		}
		assert_int_equal(left, 0);
		fake_clock.wall_ms = now;
	}
}

static void
nothing_comes_before_its_time(void **state)
{
	(void)state;
	items[0]->next_ms = clock_wall_ms() + 10;
	items[1]->next_ms = clock_wall_ms() + 20;
	schedule_add(&schedule, items[1]);
	schedule_add(&schedule, items[0]);
	assert_null(schedule_take(&schedule));
	fake_clock_advance(10);
	assert_ptr_equal(schedule_take(&schedule), items[0]);
	assert_null(schedule_take(&schedule));
	assert_true(timer_pending(&schedule.timer));
	fake_clock_advance(10);
	assert_ptr_equal(schedule_take(&schedule), items[1]);
	assert_null(schedule_take(&schedule));
	assert_false(timer_pending(&schedule.timer));
}

static void
the_timer_runs_for_the_first(void **state)
{
	(void)state;
	items[0]->next_ms = clock_wall_ms() + HOUR_MS;
	items[1]->next_ms = clock_wall_ms() + 1;
	schedule_add(&schedule, items[0]);
	schedule_add(&schedule, items[1]);
	fake_loop_advance(schedule.loop, 1);
	assert_int_equal(due, 1);
	fake_clock_advance(1);
	assert_ptr_equal(schedule_take(&schedule), items[1]);
}

static void
a_clock_that_jumps_is_noticed_within_a_minute(void **state)
{
	(void)state;
	items[0]->next_ms = clock_wall_ms() + HOUR_MS;
	schedule_add(&schedule, items[0]);
	fake_clock_advance(HOUR_MS);
	fake_loop_advance(schedule.loop, MINUTE_MS);
	assert_int_equal(due, 1);
	assert_ptr_equal(schedule_take(&schedule), items[0]);
}

/* ---- the index of ids, which is another order of the same items ---- */

static void
ids_are_found_in_their_order(void **state)
{
	(void)state;
	struct index index = { 0 };
	assert_null(index_find(&index, 1));
	assert_null(index_next(&index, 0));
	for (size_t i = 0; i < COUNT; i++)
		index_add(&index, items[i ^ 3]); /* nearly in order */
	assert_int_equal(index_count(&index), COUNT);
	for (uint64_t id = 1; id <= COUNT; id++) {
		assert_ptr_equal(index_find(&index, id), items[id - 1]);
		assert_ptr_equal(index_next(&index, id - 1), items[id - 1]);
	}
	for (uint64_t id = 1; id <= COUNT; id++)
		if (id % 5) {
			index_remove(&index, id);
			index_remove(&index, id);
		}
	assert_int_equal(index_count(&index), COUNT / 5);
	uint64_t last = 0;
	struct queue_item *item;
	while ((item = index_next(&index, last))) {
		assert_int_equal(item->id, last + 5);
		last = item->id;
	}
	assert_int_equal(last, COUNT);
	assert_null(index_find(&index, 4));
	index_free(&index);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(items_come_in_the_order_of_their_times),
		CASE(nothing_comes_before_its_time),
		CASE(the_timer_runs_for_the_first),
		CASE(a_clock_that_jumps_is_noticed_within_a_minute),
		CASE(ids_are_found_in_their_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
