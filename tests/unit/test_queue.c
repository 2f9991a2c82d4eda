#include "tests/unit/queue_rig.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmocka.h>

enum {
	HOUR_MS = 3600000,
	RESERVE = 1000000, /* octets */
};

static atomic_llong space = 2 * RESERVE;

/* In place of libc's: how much is free is the test's affair. */
int
fstatvfs(int fd, struct statvfs *s)
{
	(void)fd;
	*s = (struct statvfs){ .f_frsize = 1, .f_bavail = (fsblkcnt_t)space };
	return 0;
}

static struct rig rig;
static uint64_t first, second;

static int
set_up(void **state)
{
	(void)state;
	rig_make(&rig);
	rig.space_reserve = RESERVE;
	space = 2 * RESERVE;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

/* ---- an ordinary life ---- */

static void
a_local_message_leaves_nothing(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	uint64_t id = rig_add(&rig, "LL", 4000);
	assert_true(id > 0);
	struct queue_item *item = rig_handed(&rig, id);
	assert_true(item->busy);
	assert_false(item->replayed);
	assert_int_equal(item->envelope->count, 2);
	assert_int_equal(rig_read(&rig, id), 4000 + 16);
	rig_settle(&rig, id, "D.", false, 0);
	assert_string_equal(rig_states(&rig, id), "DW");
	rig_settle(&rig, id, ".D", true, 0);
	assert_int_equal(queue_count(rig.queue), 0);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

/* So that most mail never becomes a queue file. */
static void
a_checkpoint_waits_for_mailboxes(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	uint64_t id = rig_add(&rig, "L", 1000);
	rig_handed(&rig, id);
	rig_checkpoint(&rig);
	assert_false(rig_has_spool(&rig, id));
	rig_settle(&rig, id, "D", true, 0);
	rig_close(&rig);
}

static const struct life {
	const char *recipients, *first_try, *second_try;
	size_t size;
} lives[] = {
	{ "R", "D", NULL, 1000 },
	{ "R", "W", "D", 1000 },
	{ "R", "F", NULL, 1000 },
	{ "L", "D", NULL, 100000 },
	{ "L", "W", "D", 100000 },
	{ "R", "W", "F", 100000 },
	{ "L", "X", NULL, 10 },
	{ "LR", "DW", ".D", 1000 },
	{ "LR", "WD", "D.", 1000 },
	{ "LR", "DD", NULL, 1000 },
	{ "LLRR", "DWDW", ".D.D", 30000 },
	{ "LLRR", "WWWW", "DFDF", 0 },
};

/* Checkpoints fall before the first try (1), between the two (2), behind the
   last (4), and the queue is stopped in between (8). */
static void
live(const struct life *life, unsigned checkpoints)
{
	uint64_t id = rig_add(&rig, life->recipients, life->size);
	if (checkpoints & 1)
		rig_checkpoint(&rig);
	int64_t now = clock_wall_ms();
	rig_settle(&rig, id, life->first_try, true, now);
	if (checkpoints & 2)
		rig_checkpoint(&rig);
	if (checkpoints & 8) {
		rig_close(&rig);
		rig_open(&rig);
		rig_begin(&rig);
	}
	if (life->second_try) {
		assert_int_equal(rig_handed(&rig, id)->attempts, 1);
		assert_int_equal(rig_read(&rig, id), life->size + 16);
		rig_settle(&rig, id, life->second_try, true, now);
	}
	assert_int_equal(queue_count(rig.queue), 0);
	if (checkpoints & 4)
		rig_checkpoint(&rig);
}

static void
every_life_ends_with_nothing_on_disk(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
		rig_open(&rig);
		rig_begin(&rig);
		for (unsigned checkpoints = 0; checkpoints < 16; checkpoints++)
			live(&lives[i], checkpoints);
		rig_close(&rig);
		assert_int_equal(rig_files(&rig, "spool"), 0);
		assert_int_equal(rig_files(&rig, "bad"), 0);
		assert_int_equal(rig_rows(&rig), 0);
	}
}

static void
what_waits_survives_a_clean_stop(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	int64_t later = clock_wall_ms() + HOUR_MS;
	first = rig_add(&rig, "LR", 5000);
	rig_settle(&rig, first, "DW", true, later);
	rig_close(&rig);
	assert_true(rig_has_spool(&rig, first));

	rig_open(&rig);
	struct queue_item *item = queue_find(rig.queue, first);
	assert_non_null(item);
	assert_int_equal(queue_count(rig.queue), 1);
	assert_int_equal(item->attempts, 1);
	assert_int_equal(item->next_ms, later);
	assert_null(item->envelope); /* nothing was replayed, nothing read */
	assert_int_equal(item->status[1].code, 451);
	assert_string_equal(item->status[1].text, "451 4.0.0 so");
	rig_begin(&rig);
	queue_retry(rig.queue, item, clock_mono_ms());
	assert_ptr_equal(rig_handed(&rig, first), item);
	assert_true(item->replayed);
	assert_int_equal(item->envelope->count, 2);
	assert_string_equal(rig_states(&rig, first), "DW");
	rig_settle(&rig, first, ".D", true, 0);
	rig_close(&rig);
}

/* The consumer has gone: what it held waits in the spool, also for mailboxes.
 */
static void
what_is_with_the_consumer_survives_a_clean_stop(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "LR", 1000);
	second = rig_add(&rig, "L", 100000);
	rig_handed(&rig, first);
	rig_handed(&rig, second);
	rig_close(&rig);
	assert_true(rig_has_spool(&rig, first));
	rig_open(&rig);
	assert_null(queue_find(rig.queue, first)->envelope);
	rig_begin(&rig);
	assert_true(rig_handed(&rig, first)->replayed);
	rig_settle(&rig, first, "DD", true, 0);
	rig_settle(&rig, second, "D", true, 0);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

/* ---- no space ---- */

static bool body_failed;

static void
on_no_space(struct queue_body *body)
{
	body_failed = body->error == ENOSPC;
}

static bool
has_failed(struct rig *r)
{
	(void)r;
	return body_failed;
}

static bool
has_no_space(struct rig *r)
{
	return !queue_has_space(r->queue);
}

static bool
has_space(struct rig *r)
{
	return queue_has_space(r->queue);
}

static void
below_the_reserve_new_mail_is_refused(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	assert_true(queue_has_space(rig.queue));
	uint64_t id = rig_add(&rig, "R", 100000);
	rig_settle(&rig, id, "W", true, clock_wall_ms());

	space = RESERVE - 1;
	assert_int_equal(rig_add(&rig, "R", 1000), 0);
	rig_until(&rig, has_no_space);
	struct queue_body body = { 0 };
	struct buf piece = buf_of(STR("x"));
	queue_body_start(
	    rig.queue, &body, queue_new_id(rig.queue), on_no_space);
	queue_body_write(&body, &piece);
	rig_until(&rig, has_failed);
	queue_body_cancel(&body);

	/* What was accepted goes on, and service returns with space. */
	rig_settle(&rig, id, "D", true, 0);
	space = 2 * RESERVE;
	rig_until(&rig, has_space);
	assert_true(rig_add(&rig, "L", 1000) > 0);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 1);
}

/* ---- waiting in the spool ---- */

static void
the_bytes_of_what_waits_leave_memory(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "R", 60000);
	struct queue_item *item = rig_handed(&rig, first);
	assert_int_equal(rig.queue->memory, 60000 + 16);
	rig_settle(&rig, first, "W", true, clock_wall_ms() + HOUR_MS);
	assert_non_null(item->envelope); /* its record lives */
	rig_checkpoint(&rig);
	assert_true(rig_has_spool(&rig, first));
	assert_null(item->envelope);
	assert_int_equal(rig.queue->memory, 0);
	queue_retry(rig.queue, item, clock_mono_ms());
	assert_int_equal(rig_read(&rig, first), 60000 + 16);
	rig_settle(&rig, first, "W", true, clock_wall_ms() + HOUR_MS);
	assert_null(item->envelope);
	assert_int_equal(rig.queue->memory, 0);
	rig_close(&rig);
}

static bool late_done;

static void
on_late(struct queue_settle *settle)
{
	(void)settle;
	late_done = true;
}

static bool
is_late_done(struct rig *r)
{
	(void)r;
	return late_done;
}

/* Its record is dead, so nothing but a sync proves what was placed. */
static void
a_late_placing_is_settled_behind_a_sync(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "L", 1000);
	rig_settle(&rig, first, "W", true, clock_wall_ms());
	rig_checkpoint(&rig);
	struct queue_item *item = rig_handed(&rig, first);
	struct queue_outcome placed = { .state = RECIPIENT_DELIVERED };
	struct queue_settle settle = {
		.item = item, .count = 1, .outcomes = &placed, .give_back = true
	};
	late_done = false;
	queue_settle(rig.queue, &settle, on_late);
	assert_string_equal(rig_states(&rig, first), "W");
	assert_false(list_empty(&rig.queue->late));
	assert_false(late_done);
	rig_checkpoint(&rig);
	rig_until(&rig, is_late_done);
	assert_string_equal(rig_states(&rig, first), "");
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
}

/* The sync of a round that is under way may have begun before. */
static void
a_placing_during_a_round_waits_for_the_next(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "L", 1000);
	struct queue_item *item = rig_handed(&rig, first);
	struct queue_outcome placed = { .state = RECIPIENT_DELIVERED };
	struct queue_settle settle = {
		.item = item, .count = 1, .outcomes = &placed, .give_back = true
	};
	item->private->home->syncing = true;
	queue_settle(rig.queue, &settle, on_late);
	assert_false(list_empty(&rig.queue->late));
	item->private->home->syncing = false;
	rig_close(&rig);
	assert_int_equal(rig_rows(&rig), 0);
}

/* SPOOL_FIRST: transmitted isn't settled before its row is durable. */
static void
what_is_settled_but_not_durable_is_spooled(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "R", 1000);
	struct queue_outcome sent = { .state = RECIPIENT_DELIVERED };
	struct queue_settle settle = { .item = rig_handed(&rig, first),
		.count = 1,
		.outcomes = &sent,
		.give_back = true };
	journal_cut(rig.queue->journal);
	late_done = false;
	queue_settle(rig.queue, &settle, on_late);
	checkpoint_try(rig.queue, true);
	assert_non_null(rig.queue->round);
	assert_true(settle.item->private->in_round);
	rig_until(&rig, is_late_done);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

/* ---- damage ---- */

static void
flip(const char *name, long at)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", rig.folder, name);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	int c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 1, f);
	fclose(f);
}

static bool
is_gone(struct rig *r)
{
	return queue_count(r->queue) == 0;
}

static bool
is_one_left(struct rig *r)
{
	return queue_count(r->queue) == 1;
}

static void
a_damaged_spool_file_costs_itself_only(void **state)
{
	(void)state;
	char name[SPOOL_NAME], path[SPOOL_NAME + 8];
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "R", 1000);
	second = rig_add(&rig, "R", 2000);
	int64_t later = clock_wall_ms() + HOUR_MS;
	rig_settle(&rig, first, "W", true, later);
	rig_settle(&rig, second, "W", true, later);
	rig_checkpoint(&rig);
	spool_name(first, name);
	snprintf(path, sizeof path, "spool/%s", name);
	flip(path, 300);
	queue_retry(rig.queue, queue_find(rig.queue, first), clock_mono_ms());
	queue_retry(rig.queue, queue_find(rig.queue, second), clock_mono_ms());
	assert_int_equal(rig_read(&rig, second), 2000 + 16);
	rig_until(&rig, is_one_left);
	assert_null(queue_find(rig.queue, first));
	rig_settle(&rig, second, "D", true, 0);
	rig_until(&rig, is_gone);
	rig_close(&rig);
	snprintf(path, sizeof path, "bad/%s", name);
	assert_true(rig_exists(&rig, path));
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

static void
a_damaged_body_ends_the_item(void **state)
{
	(void)state;
	char name[SPOOL_NAME], path[SPOOL_NAME + 8];
	rig_open(&rig);
	rig_begin(&rig);
	first = rig_add(&rig, "R", 200000);
	rig_settle(&rig, first, "W", true, clock_wall_ms());
	rig_close(&rig);
	spool_body_name(first, name);
	snprintf(path, sizeof path, "spool/%s", name);
	flip(path, 199999);

	rig_open(&rig);
	rig_begin(&rig);
	assert_int_equal(rig_read(&rig, first), -1);
	rig_settle(&rig, first, "W", true, clock_wall_ms());
	assert_null(queue_find(rig.queue, first));
	rig_close(&rig);
	snprintf(path, sizeof path, "bad/%s", name);
	assert_true(rig_exists(&rig, path));
	assert_int_equal(rig_files(&rig, "bad"), 2);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

/* ---- for people ---- */

static struct queue_peek peek;
static bool peeked;

static void
on_peek(struct queue_peek *p)
{
	(void)p;
	peeked = true;
}

static bool
has_peeked(struct rig *r)
{
	(void)r;
	return peeked;
}

static size_t
recipients_seen(uint64_t id)
{
	peek = (struct queue_peek){ .id = id };
	peeked = false;
	queue_peek(rig.queue, &peek, on_peek);
	assert_false(peeked);
	rig_until(&rig, has_peeked);
	size_t count = peek.envelope ? peek.envelope->count : 0;
	envelope_free(peek.envelope);
	return count;
}

static void
people_can_look_retry_and_drop(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	int64_t later = clock_wall_ms() + HOUR_MS;
	first = rig_add(&rig, "RRR", 1000);
	second = rig_add(&rig, "LR", 1000);
	assert_true(first < second);
	assert_ptr_equal(
	    queue_next(rig.queue, 0), queue_find(rig.queue, first));
	assert_ptr_equal(
	    queue_next(rig.queue, first), queue_find(rig.queue, second));
	assert_null(queue_next(rig.queue, second));
	assert_int_equal(recipients_seen(first), 3);
	rig_handed(&rig, first);
	assert_false(queue_drop(rig.queue, queue_find(rig.queue, first)));
	rig_settle(&rig, first, "DWW", true, later);
	rig_settle(&rig, second, "DW", true, later);
	rig_checkpoint(&rig);
	assert_int_equal(recipients_seen(first), 3);
	assert_int_equal(recipients_seen(12345), 0);
	struct queue_peek cut = { .id = first };
	queue_peek(rig.queue, &cut, on_peek);
	queue_peek_cancel(&cut);
	queue_peek_cancel(&cut);
	assert_true(queue_drop(rig.queue, queue_find(rig.queue, first)));
	assert_string_equal(rig_states(&rig, first), "DXX");
	rig_close(&rig);
	assert_false(rig_has_spool(&rig, first));

	/* Also what no process has read yet. */
	rig_open(&rig);
	rig_begin(&rig);
	assert_true(queue_drop(rig.queue, queue_find(rig.queue, second)));
	rig_until(&rig, is_gone);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

/* ---- holding ---- */

static struct queue_changes changes;
static unsigned changes_done;

static void
on_changes(struct queue_changes *c)
{
	assert_ptr_equal(c, &changes);
	changes_done++;
}

static bool
are_changed(struct rig *r)
{
	(void)r;
	return changes.count == 0;
}

static bool
hold(uint64_t id, bool held)
{
	return queue_hold(
	    rig.queue, queue_find(rig.queue, id), held, &changes, on_changes);
}

/* Two that wait, one in the spool, one with a live record; a third is fresh.
 */
static void
add_some(void)
{
	rig_open(&rig);
	rig_begin(&rig);
	changes = (struct queue_changes){ 0 };
	changes_done = 0;
	int64_t now = clock_wall_ms();
	first = rig_add(&rig, "LR", 1000);
	rig_settle(&rig, first, "DW", true, now + HOUR_MS);
	rig_checkpoint(&rig);
	second = rig_add(&rig, "R", 1000);
	rig_settle(&rig, second, "W", true, now + HOUR_MS);
}

static void
what_is_held_is_not_handed_out_until_it_is_released(void **state)
{
	(void)state;
	add_some();
	size_t ever = rig.handed_ever;
	assert_true(hold(first, true));
	assert_true(hold(second, true));
	assert_int_equal(changes.count, 2);
	assert_int_equal(changes_done, 0); /* never from within */
	rig_until(&rig, are_changed);
	assert_int_equal(changes_done, 1);
	assert_int_equal(queue_count_held(rig.queue), 2);
	queue_find(rig.queue, first)->next_ms = clock_wall_ms();
	queue_retry(rig.queue, queue_find(rig.queue, first), clock_mono_ms());
	queue_retry(rig.queue, queue_find(rig.queue, second), clock_mono_ms());
	rig_checkpoint(&rig);
	assert_int_equal(rig.handed_ever, ever);

	assert_true(hold(first, false));
	rig_handed(&rig, first);
	assert_false(hold(first, true)); /* while it is busy */
	assert_int_equal(queue_count_held(rig.queue), 1);
	rig_settle(&rig, first, ".D", true, 0);
	assert_true(queue_drop(rig.queue, queue_find(rig.queue, second)));
	rig_until(&rig, is_gone);
	assert_int_equal(queue_count_held(rig.queue), 0);
	rig_close(&rig);
	assert_int_equal(rig_rows(&rig), 0);
}

static void
a_hold_survives_a_clean_stop(void **state)
{
	(void)state;
	add_some();
	hold(first, true);
	hold(second, true);
	hold(second, false);
	rig_until(&rig, are_changed);
	rig_close(&rig);

	rig_open(&rig);
	rig_begin(&rig);
	assert_true(queue_find(rig.queue, first)->held);
	assert_int_equal(queue_count_held(rig.queue), 1);
	rig_handed(&rig, second);
	assert_int_equal(rig.handed_ever, 1);
	changes = (struct queue_changes){ 0 };
	hold(first, false);
	assert_int_equal(rig_handed(&rig, first)->envelope->count, 2);
	assert_string_equal(rig_states(&rig, first), "DW");
	rig_settle(&rig, first, ".D", true, 0);
	rig_settle(&rig, second, "D", true, 0);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
}

/* In a life that ends without a word, as soon as the change is durable. */
static void
hold_and_die(struct rig *r)
{
	uint64_t id = rig_add(r, "LR", 1000);
	rig_settle(r, id, "WW", true, clock_wall_ms());
	while (!hold(id, true)) /* due again at once */
		rig_settle(r, id, "WW", true, clock_wall_ms());
	rig_until(r, are_changed);
}

static void
a_hold_survives_a_kill(void **state)
{
	(void)state;
	changes = (struct queue_changes){ 0 };
	assert_true(rig_killed(&rig, hold_and_die));
	changes = (struct queue_changes){ 0 };
	rig_open(&rig);
	rig_begin(&rig);
	assert_int_equal(queue_count_held(rig.queue), 1);
	struct queue_item *item = queue_next(rig.queue, 0);
	rig_checkpoint(&rig); /* isn't kept waiting for its mailbox */
	assert_true(rig_has_spool(&rig, item->id));
	assert_int_equal(rig.handed_ever, 0);
	hold(item->id, false);
	rig_handed(&rig, item->id);
	rig_settle(&rig, item->id, "DD", true, 0);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
	assert_int_equal(rig_rows(&rig), 0);
}

static void
who_asked_for_a_hold_may_leave(void **state)
{
	(void)state;
	add_some();
	queue_changes_leave(&changes); /* free on an idle one */
	hold(first, true);
	hold(second, true);
	queue_changes_leave(&changes);
	queue_changes_leave(&changes);
	rig_close(&rig);
	assert_int_equal(changes_done, 0);
	rig_open(&rig);
	assert_int_equal(queue_count_held(rig.queue), 2);
	rig_begin(&rig);
	rig_close(&rig);
}

/* ---- bodies ---- */

static bool drained;

static void
on_drain(struct queue_body *body)
{
	assert_int_equal(body->error, 0);
	drained = true;
}

static bool
is_drained(struct rig *r)
{
	(void)r;
	return drained;
}

static void
a_body_that_is_given_up_leaves_no_file(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	struct queue_body body = { 0 };
	struct buf piece = buf_of(STR("0123456789"));
	uint64_t id = queue_new_id(rig.queue);
	drained = false;
	queue_body_start(rig.queue, &body, id, on_drain);
	queue_body_write(&body, &piece);
	assert_int_equal(queue_body_pending(&body), 10);
	rig_until(&rig, is_drained);
	assert_int_equal(queue_body_pending(&body), 0);
	assert_true(rig_has_body(&rig, id));
	piece = buf_of(STR("more"));
	queue_body_write(&body, &piece);
	queue_body_cancel(&body);
	queue_body_cancel(&body);

	struct message *message = message_new();
	spool_body_path(rig.queue->disk.spool_path, id + 1, &message->file);
	queue_body_discard(rig.queue, message);
	message_free(message);
	rig_close(&rig);
	assert_int_equal(rig_files(&rig, "spool"), 0);
}

/* ---- many ---- */

enum {
	MANY = 2000,
	MANY_OCTETS = 60000
};

struct placing {
	struct queue_settle settle;
	struct queue_outcome outcome;
};

static void
on_placed(struct queue_settle *settle)
{
	free(container_of(settle, struct placing, settle));
}

static void
on_place(struct queue_consumer *consumer, struct queue_item *item)
{
	(void)consumer;
	struct placing *p = calloc(1, sizeof *p);
	p->outcome.state = RECIPIENT_DELIVERED;
	p->settle = (struct queue_settle){ .item = item,
		.count = 1,
		.outcomes = &p->outcome,
		.give_back = true };
	queue_settle(rig.queue, &p->settle, on_placed);
}

static size_t many_done;

static void
on_one(struct queue_add *add)
{
	assert_int_equal(add->result, QUEUE_ADDED);
	many_done++;
}

static bool
all_done(struct rig *r)
{
	(void)r;
	return many_done == MANY;
}

/* More than the segments hold at once: they are filled, freed and reused. */
static void
segments_are_reused_under_load(void **state)
{
	(void)state;
	rig_open(&rig);
	rig_begin(&rig);
	rig.consumer.due = on_place;
	struct queue_add *adds = calloc(MANY, sizeof *adds);
	many_done = 0;
	for (size_t i = 0; i < MANY; i++) {
		struct envelope *e = envelope_new();
		e->id = queue_new_id(rig.queue);
		envelope_add(e)->kind = RECIPIENT_LOCAL;
		struct message *m = message_new();
		buf_reserve(&m->body, MANY_OCTETS);
		memset(m->body.p, 'x', MANY_OCTETS);
		m->body.n = MANY_OCTETS;
		adds[i].envelope = e;
		adds[i].message = m;
		queue_add(rig.queue, &adds[i], on_one);
	}
	rig_until(&rig, all_done);
	rig_until(&rig, is_gone);
	rig_close(&rig);
	free(adds);
	assert_int_equal(rig_files(&rig, "spool"), 0);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_local_message_leaves_nothing),
		CASE(a_checkpoint_waits_for_mailboxes),
		CASE(every_life_ends_with_nothing_on_disk),
		CASE(what_waits_survives_a_clean_stop),
		CASE(what_is_with_the_consumer_survives_a_clean_stop),
		CASE(below_the_reserve_new_mail_is_refused),
		CASE(the_bytes_of_what_waits_leave_memory),
		CASE(a_late_placing_is_settled_behind_a_sync),
		CASE(a_placing_during_a_round_waits_for_the_next),
		CASE(what_is_settled_but_not_durable_is_spooled),
		CASE(a_damaged_spool_file_costs_itself_only),
		CASE(a_damaged_body_ends_the_item),
		CASE(people_can_look_retry_and_drop),
		CASE(what_is_held_is_not_handed_out_until_it_is_released),
		CASE(a_hold_survives_a_clean_stop),
		CASE(a_hold_survives_a_kill),
		CASE(who_asked_for_a_hold_may_leave),
		CASE(a_body_that_is_given_up_leaves_no_file),
		CASE(segments_are_reused_under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
