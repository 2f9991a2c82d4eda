/* What a sudden end leaves, and what the next start makes of it. */
#include "tests/unit/queue_rig.h"

#include "lib/base/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	HOUR_MS = 3600000
};

static struct rig rig;

/* What a life in another process tells. */
static struct told {
	uint64_t ids[8];
	int64_t later;
} * told;

static atomic_bool store_stalls; /* a life's: until its end */

static void
stall(int fd)
{
	char link[32], path[256] = "";
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (store_stalls && readlink(link, path, sizeof path - 1) > 0)
		while (strstr(path, "/store/"))
			pause();
}

/* In place of libc's, the store's own too. */
int
fdatasync(int fd)
{
	stall(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	stall(fd);
	return (int)syscall(SYS_fsync, fd);
}

static int
set_up(void **state)
{
	(void)state;
	rig_make(&rig);
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(told, 0, sizeof *told);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	munmap(told, sizeof *told);
	return 0;
}

static bool
is_gone(struct rig *r)
{
	return queue_count(r->queue) == 0;
}

static bool
is_freed(struct rig *r)
{
	return checkpoint_is_quiet(r->queue);
}

static void
close_and_expect_nothing(void)
{
	rig_until(&rig, is_gone);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

/* ---- records ---- */

static void
life_adds(struct rig *r)
{
	told->ids[0] = rig_add(r, "LR", 3000);
	told->ids[1] = rig_add(r, "L", 100000);
}

static void
what_was_acknowledged_is_found(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_adds));
	rig_open(&rig);
	assert_int_equal(queue_count(rig.queue), 2);
	rig_begin(&rig);
	for (size_t i = 0; i < 2; i++) {
		struct queue_item *item = rig_handed(&rig, told->ids[i]);
		assert_true(item->replayed);
		assert_int_equal(item->attempts, 0);
	}
	assert_int_equal(rig_read(&rig, told->ids[0]), 3000 + 16);
	assert_int_equal(rig_read(&rig, told->ids[1]), 100000 + 16);
	assert_true(queue_new_id(rig.queue) > told->ids[1]);
	rig_settle(&rig, told->ids[0], "DD", true, 0);
	rig_settle(&rig, told->ids[1], "D", true, 0);
	close_and_expect_nothing();
}

static void
life_settles(struct rig *r)
{
	told->ids[0] = rig_add(r, "L", 1000);
	told->ids[1] = rig_add(r, "R", 1000);
	told->ids[2] = rig_add(r, "LR", 1000);
	told->ids[3] = rig_add(r, "LLR", 1000);
	rig_settle(r, told->ids[0], "D", true, 0);
	rig_settle(r, told->ids[1], "D", true, 0);
	rig_settle(r, told->ids[2], "DD", true, 0);
	rig_settle(r, told->ids[3], "DFW", true, clock_wall_ms());
}

/* MERGE for all but what was placed: REWRITE. */
static void
outcomes_are_remembered_but_local_ones_are_placed_again(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_settles));
	rig_open(&rig);
	rig_begin(&rig);
	rig_handed(&rig, told->ids[0]);
	rig_handed(&rig, told->ids[2]);
	rig_handed(&rig, told->ids[3]);
	assert_string_equal(rig_states(&rig, told->ids[0]), "W");
	assert_null(queue_find(rig.queue, told->ids[1]));
	assert_string_equal(rig_states(&rig, told->ids[2]), "WD");
	assert_string_equal(rig_states(&rig, told->ids[3]), "WFW");
	assert_int_equal(rig_handed(&rig, told->ids[3])->attempts, 1);
	assert_int_equal(rig.handed_ever, 3);
	rig_settle(&rig, told->ids[0], "D", true, 0);
	rig_settle(&rig, told->ids[2], "D", true, 0);
	rig_settle(&rig, told->ids[3], "D.D", true, 0);
	close_and_expect_nothing();
}

static void
life_defers(struct rig *r)
{
	told->later = clock_wall_ms() + HOUR_MS;
	told->ids[0] = rig_add(r, "R", 1000);
	rig_settle(r, told->ids[0], "W", true, told->later);
}

static void
the_next_time_is_kept(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_defers));
	rig_open(&rig);
	rig_begin(&rig);
	rig_checkpoint(&rig);
	rig_until(&rig, is_freed);
	struct queue_item *item = queue_find(rig.queue, told->ids[0]);
	assert_int_equal(item->next_ms, told->later);
	assert_int_equal(item->attempts, 1);
	assert_int_equal(rig.handed_ever, 0);
	assert_true(rig_has_spool(&rig, told->ids[0]));
	queue_retry(rig.queue, item, clock_mono_ms());
	rig_settle(&rig, told->ids[0], "D", true, 0);
	close_and_expect_nothing();
}

/* ---- the spool ---- */

static void
life_checkpoints(struct rig *r)
{
	told->ids[0] = rig_add(r, "LR", 1000);
	told->ids[1] = rig_add(r, "L", 1000);
	told->ids[2] = rig_add(r, "R", 100000);
	rig_settle(r, told->ids[0], "D.", false, 0);
	rig_settle(r, told->ids[1], "D", true, 0);
	rig_checkpoint(r);
	rig_settle(r, told->ids[0], ".D", true, 0);
}

static void
behind_a_checkpoint_only_what_waits_is_found(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_checkpoints));
	assert_true(rig_has_spool(&rig, told->ids[0]));
	assert_false(rig_has_spool(&rig, told->ids[1]));
	rig_open(&rig);
	assert_null(queue_find(rig.queue, told->ids[0])); /* its row says so */
	assert_int_equal(queue_count(rig.queue), 1);
	rig_begin(&rig);
	assert_int_equal(rig_read(&rig, told->ids[2]), 100000 + 16);
	rig_settle(&rig, told->ids[2], "D", true, 0);
	close_and_expect_nothing();
}

static void
spoil(const char *folder, const char *name, long size)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s/%s", rig.folder, folder, name);
	assert_int_equal(truncate(path, size), 0);
}

static void
life_spools_and_lives(struct rig *r)
{
	told->ids[0] = rig_add(r, "R", 1000);
	struct spool_entry entry = { 0 };
	struct queue_item *item = rig_handed(r, told->ids[0]);
	struct buf scratch = { 0 };
	entry.envelope = item->envelope;
	entry.message = item->private->message;
	entry.states = STR("\0");
	if (!spool_write(&r->queue->disk, &entry, &scratch))
		_exit(1);
}

/* SPOOL_AGAIN */
static void
a_spool_file_beside_a_live_record_is_written_again(void **state)
{
	(void)state;
	char name[SPOOL_NAME];
	assert_true(rig_killed(&rig, life_spools_and_lives));
	spool_name(told->ids[0], name);
	spoil("spool", name, 100); /* the power cut left it short */
	rig_open(&rig);
	rig_begin(&rig);
	rig_settle(&rig, told->ids[0], "W", true, clock_wall_ms() + HOUR_MS);
	rig_checkpoint(&rig);
	rig_until(&rig, is_freed);
	rig_close(&rig);
	rig_open(&rig);
	rig_begin(&rig);
	queue_retry(
	    rig.queue, queue_find(rig.queue, told->ids[0]), clock_mono_ms());
	assert_int_equal(rig_read(&rig, told->ids[0]), 1000 + 16);
	rig_settle(&rig, told->ids[0], "D", true, 0);
	close_and_expect_nothing();
	assert_int_equal(rig_files(&rig, "bad"), 0);
}

/* ---- what nothing belongs to ---- */

static void
life_leaves_rubbish(struct rig *r)
{
	life_checkpoints(r);
	struct queue_body body = { 0 };
	struct buf piece = buf_of(STR("never acknowledged"));
	queue_body_start(
	    r->queue, &body, queue_new_id(r->queue), body.finished);
	queue_body_write(&body, &piece);
	while (rig_files(r, "spool") < 4)
		usleep(100);
}

static void
what_belongs_to_nothing_is_swept(void **state)
{
	(void)state;
	char name[SPOOL_NAME], path[256];
	assert_true(rig_killed(&rig, life_leaves_rubbish));
	spool_name(told->ids[0], name);
	snprintf(path, sizeof path, "%s/spool/%s", rig.folder, name);
	assert_int_equal(unlink(path), 0); /* as far as the removal came */
	assert_int_equal(rig_rows(&rig), 1);
	rig_open(&rig);
	rig_begin(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 2); /* ID and ID.body */
	rig_settle(&rig, told->ids[2], "D", true, 0);
	close_and_expect_nothing();
}

static void
a_record_without_its_body_goes_to_bad(void **state)
{
	(void)state;
	char name[SPOOL_NAME];
	assert_true(rig_killed(&rig, life_adds));
	spool_body_name(told->ids[1], name);
	spoil("spool", name, 99999);
	rig_open(&rig);
	rig_begin(&rig);
	rig_settle(&rig, told->ids[0], "DD", true, 0);
	close_and_expect_nothing();
	assert_int_equal(rig_files(&rig, "bad"), 2);
}

static void
lose_store(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s/store", rig.folder);
	assert_int_equal(system(command), 0);
}

static void
life_removes_the_store(struct rig *r)
{
	told->ids[0] = rig_add(r, "LR", 1000);
	told->ids[1] = rig_add(r, "R", 1000);
	rig_settle(r, told->ids[0], "DW", true, clock_wall_ms() + HOUR_MS);
	rig_checkpoint(r);
}

/* Mail is tried again, none is lost. */
static void
a_lost_store_loses_no_mail(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_removes_the_store));
	lose_store();
	rig_open(&rig);
	rig_begin(&rig);
	rig_handed(&rig, told->ids[0]);
	rig_handed(&rig, told->ids[1]);
	/* What the spool file knows, nobody gets twice. */
	assert_string_equal(rig_states(&rig, told->ids[0]), "DW");
	assert_string_equal(rig_states(&rig, told->ids[1]), "W");
	rig_settle(&rig, told->ids[0], ".D", true, 0);
	rig_settle(&rig, told->ids[1], "D", true, 0);
	close_and_expect_nothing();
}

/* ---- bounces ---- */

static void
report(struct rig *r, uint64_t id, const char *indices)
{
	char envid[64];
	struct buf text = { 0 };
	envelope_id_text(id, &text);
	snprintf(envid, sizeof envid, "%s:%s", buf_cstr(&text), indices);
	told->ids[1] = rig_add_bounce(r, "L", envid);
}

static void
life_bounces(struct rig *r)
{
	told->ids[0] = rig_add(r, "RRR", 1000);
	report(r, told->ids[0], "0,2");
}

static void
life_bounces_from_the_spool(struct rig *r)
{
	told->ids[0] = rig_add(r, "RRR", 1000);
	rig_checkpoint(r);
	report(r, told->ids[0], "0,2");
}

static void (*const bounce_lives[])(struct rig *) = {
	life_bounces,
	life_bounces_from_the_spool,
};

/* Also when the end came before the failure was settled. */
static void
what_a_bounce_reports_has_failed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_true(rig_killed(&rig, bounce_lives[i]));
		/* The same again: the row may have been written or not. */
		if (i == 1)
			assert_int_equal(rig_files(&rig, "spool"), 1);
		lose_store();
		rig_open(&rig);
		rig_begin(&rig);
		rig_handed(&rig, told->ids[0]);
		rig_handed(&rig, told->ids[1]);
		assert_string_equal(rig_states(&rig, told->ids[0]), "FWF");
		rig_settle(&rig, told->ids[1], "D", true, 0);
		rig_settle(&rig, told->ids[0], ".D", true, 0);
		close_and_expect_nothing();
	}
}

static bool
bounce_is_freed(struct rig *r)
{
	return !r->queue->homes[0].arrived && !r->queue->homes[1].arrived;
}

static void
life_frees_the_bounce(struct rig *r)
{
	life_bounces_from_the_spool(r);
	rig_settle(r, told->ids[1], "D", true, 0);
	rig_checkpoint(r);
	rig_until(r, bounce_is_freed);
}

static void
life_with_a_slow_store(struct rig *r)
{
	told->ids[0] = rig_add(r, "RRR", 1000);
	rig_checkpoint(r);
	store_stalls = true;
	report(r, told->ids[0], "0,2");
	rig_settle(r, told->ids[1], "D", true, 0);
	rig_checkpoint(r);
}

/* Its record is all that keeps the failures from being told again. */
static void
a_bounce_stays_until_its_row_is_durable(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_with_a_slow_store));
	lose_store();
	rig_open(&rig);
	rig_begin(&rig);
	rig_handed(&rig, told->ids[0]);
	assert_string_equal(rig_states(&rig, told->ids[0]), "FWF");
	rig_settle(&rig, told->ids[1], "D", true, 0);
	rig_settle(&rig, told->ids[0], ".D", true, 0);
	close_and_expect_nothing();
}

static void
that_is_durable_before_the_bounce_is_forgotten(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_frees_the_bounce));
	rig_open(&rig);
	assert_int_equal(queue_count(rig.queue), 1);
	assert_string_equal(rig_states(&rig, told->ids[0]), "FWF");
	rig_begin(&rig);
	rig_settle(&rig, told->ids[0], ".D", true, 0);
	close_and_expect_nothing();
}

/* ---- again and again ---- */

static void
life_restarts(struct rig *r)
{
	rig_handed(r, told->ids[0]);
	rig_handed(r, told->ids[1]);
	if (told->ids[2]++ % 2)
		rig_checkpoint(r);
}

static void
a_start_may_be_cut_short_any_number_of_times(void **state)
{
	(void)state;
	assert_true(rig_killed(&rig, life_adds));
	for (unsigned i = 0; i < 6; i++)
		assert_true(rig_killed(&rig, life_restarts));
	rig_open(&rig);
	rig_begin(&rig);
	assert_int_equal(rig_read(&rig, told->ids[0]), 3000 + 16);
	assert_int_equal(rig_read(&rig, told->ids[1]), 100000 + 16);
	rig_settle(&rig, told->ids[0], "DD", true, 0);
	rig_settle(&rig, told->ids[1], "D", true, 0);
	close_and_expect_nothing();
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(what_was_acknowledged_is_found),
		CASE(outcomes_are_remembered_but_local_ones_are_placed_again),
		CASE(the_next_time_is_kept),
		CASE(behind_a_checkpoint_only_what_waits_is_found),
		CASE(a_spool_file_beside_a_live_record_is_written_again),
		CASE(what_belongs_to_nothing_is_swept),
		CASE(a_record_without_its_body_goes_to_bad),
		CASE(a_lost_store_loses_no_mail),
		CASE(what_a_bounce_reports_has_failed),
		CASE(a_bounce_stays_until_its_row_is_durable),
		CASE(that_is_durable_before_the_bounce_is_forgotten),
		CASE(a_start_may_be_cut_short_any_number_of_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
