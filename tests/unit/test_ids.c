#include "smtpd/queue/ids.h"

#include "tests/fakes/clock.h"
#include "tests/unit/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MINUTE_MS = 60000
};

static char folder[64];
static struct disk disk;
static struct loop *loop;
static struct lane *lane;
static struct errands errands;
static struct ids ids;
static uint64_t highest; /* of all that were ever given out */

static atomic_bool dirty;
static atomic_uint writes;

/* In place of libc's. */
ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	dirty = true;
	writes++;
	return syscall(SYS_pwrite64, fd, p, n, at);
}

int
fdatasync(int fd)
{
	dirty = false;
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	if (fd == ids.fd)
		dirty = false;
	return (int)syscall(SYS_fsync, fd);
}

static void
open_ids(uint64_t found)
{
	const char *why;
	assert_true(ids_open(&ids, &disk, found, &errands, &why));
}

static uint64_t
take(unsigned count)
{
	uint64_t id = 0;
	for (unsigned i = 0; i < count; i++) {
		id = ids_next(&ids);
		assert_true(id > highest);
		highest = id;
	}
	return id;
}

static void
on_look(struct timer *timer)
{
	if (ids.busy)
		timer_start(timer, loop, 1, on_look);
	else
		loop_stop(loop);
}

static void
let_it_raise(void)
{
	struct timer timer = { 0 };
	timer_start(&timer, loop, 0, on_look);
	loop_run(loop);
	timer_stop(&timer);
}

static int
set_up(void **state)
{
	(void)state;
	const char *why;
	snprintf(folder, sizeof folder, "/tmp/postern-ids-XXXXXX");
	if (!mkdtemp(folder) || !disk_open(&disk, folder, &why))
		return -1;
	loop = loop_new();
	lane = lane_new(loop, 1, 16, "io");
	errands = (struct errands){ .loop = loop, .lane = lane };
	highest = 0;
	writes = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ids_close(&ids);
	lane_free(lane);
	loop_free(loop);
	disk_close(&disk);
	return tree_remove(folder);
}

static void
ids_follow_the_clock_when_it_goes_ahead(void **state)
{
	(void)state;
	open_ids(0);
	take(1000);
	fake_clock_advance(MINUTE_MS);
	assert_int_equal(take(1), (uint64_t)fake_clock.wall_ms * 1000);
	take(1000);
}

static void
ids_rise_whatever_the_clock_does(void **state)
{
	(void)state;
	int64_t jumps[] = { -MINUTE_MS, 3600000, -7200000, 86400000LL * 3650,
		-86400000LL * 3650, 1, -1 };
	open_ids(0);
	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		take(100);
		fake_clock_advance(jumps[i]);
		take(100);
		let_it_raise();
		take(100);
	}
}

/* UNIQUE_ID: no clean end, and the clock stepped back before the next. */
static void
ids_dont_repeat_over_starts(void **state)
{
	(void)state;
	for (unsigned start = 0; start < 20; start++) {
		open_ids(0);
		take(50);
		if (start % 3 == 0) {
			fake_clock_advance(20 * MINUTE_MS);
			take(10);
			let_it_raise();
			take(10);
		}
		fake_clock_advance(-25 * MINUTE_MS);
		ids_close(&ids);
	}
}

static void
a_torn_ceiling_leaves_the_one_before(void **state)
{
	(void)state;
	open_ids(0);
	take(10);
	fake_clock_advance(8 * MINUTE_MS);
	take(1);
	let_it_raise(); /* the first slot is higher than the second now */
	ids_close(&ids);
	fake_clock_advance(-60 * MINUTE_MS);
	int fd = openat(disk.journal, "ids", O_WRONLY);
	assert_int_equal(pwrite(fd, "????", 4, 6), 4);
	close(fd);
	open_ids(0);
	take(10); /* none was given out above the older ceiling */
}

/* One that a power cut takes back is no ceiling. */
static void
ceilings_are_synced(void **state)
{
	(void)state;
	open_ids(0);
	assert_int_equal(writes, 2);
	assert_false(dirty);
	take(10);
	fake_clock_advance(8 * MINUTE_MS);
	take(1);
	let_it_raise();
	assert_int_equal(writes, 3);
	assert_false(dirty);
}

static void
what_was_found_counts_too(void **state)
{
	(void)state;
	uint64_t found = (uint64_t)fake_clock.wall_ms * 1000 + 12345678901;
	open_ids(found);
	highest = found;
	take(10);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(ids_follow_the_clock_when_it_goes_ahead),
		CASE(ids_rise_whatever_the_clock_does),
		CASE(ids_dont_repeat_over_starts),
		CASE(a_torn_ceiling_leaves_the_one_before),
		CASE(ceilings_are_synced),
		CASE(what_was_found_counts_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
