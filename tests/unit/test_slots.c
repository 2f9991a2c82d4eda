#include "smtpd/delivery/slots.h"

#include "tests/fakes/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	MANY = 2 * SLOTS_SEATS,
	SECOND_MS = 1000
};

static struct slots slots;
static struct slot_waiter waiters[MANY];
static struct slot held[SLOTS];
static size_t used; /* of both */

static int
set_up(void **state)
{
	(void)state;
	slots_init(&slots);
	for (size_t i = 0; i < MANY; i++)
		waiters[i] = (struct slot_waiter){ 0 };
	for (size_t i = 0; i < SLOTS; i++)
		held[i] = (struct slot){ 0 };
	used = 0;
	fake_clock_advance(SECOND_MS);
	return 0;
}

static struct slot_waiter *
wait_in(enum slot_line line)
{
	struct slot_waiter *waiter = &waiters[used++];
	assert_true(slots_wait(&slots, waiter, line));
	return waiter;
}

/* Each that may takes a slot and keeps it; how many that are.  The pace is the
   matter of other tests. */
static size_t
fill(enum slot_line line)
{
	for (size_t n = 0;; n++) {
		if (!slots.waiting[line])
			wait_in(line);
		slots.pace = (struct pace){ 0 };
		struct slot_turn turn = slots_next(&slots);
		if (!turn.waiter)
			return n;
		assert_null(turn.instead);
		assert_int_equal(turn.waiter->line, line);
		slots_take(&slots, &held[slots.taken], line);
	}
}

static void
the_unproven_have_shares(void **state)
{
	(void)state;
	assert_int_equal(fill(LINE_FAILED), SLOTS_FAILED);
	assert_int_equal(fill(LINE_MORE), SLOTS_FURTHER - SLOTS_FAILED);
	assert_int_equal(fill(LINE_NEW), SLOTS_UNPROVEN - SLOTS_FURTHER);
	assert_int_equal(fill(LINE_GOOD), SLOTS - SLOTS_UNPROVEN);
	assert_int_equal(slots.taken, SLOTS);
}

/* But a further session stays one: those who have none go before it. */
static void
whoever_takes_a_mail_leaves_the_share(void **state)
{
	(void)state;
	assert_int_equal(fill(LINE_FAILED), SLOTS_FAILED);
	slots_opened(&slots, &held[0]);
	slots_proven(&slots, &held[0]);
	slots_proven(&slots, &held[0]);
	assert_int_equal(fill(LINE_FAILED), 1);
	fill(LINE_MORE);
	slots_proven(&slots, &held[SLOTS_FAILED + 1]);
	assert_int_equal(fill(LINE_MORE), 0);
	slots_give(&slots, &held[0]);
	assert_int_equal(fill(LINE_FAILED), 0);
	slots_give(&slots, &held[1]);
	held[1] = held[slots.taken];
	assert_true(slots_next(&slots).waiter);
}

static void
the_good_go_first_and_nobody_waits_for_ever(void **state)
{
	size_t turns[SLOT_LINES] = { 0 };
	(void)state;
	for (size_t i = 0; i < SLOTS_PACE; i++)
		wait_in(LINE_FAILED);
	for (size_t i = 0; i < SLOTS_PACE; i++)
		wait_in(LINE_NEW);
	for (size_t i = 0; i < SLOTS_PACE; i++)
		wait_in(LINE_GOOD);
	assert_int_equal(slots_next(&slots).waiter->line, LINE_GOOD);
	for (size_t i = 1; i < SLOTS_PACE; i++)
		turns[slots_next(&slots).waiter->line]++;
	assert_int_equal(turns[LINE_FAILED], SLOTS_PACE / 4);
	assert_int_equal(turns[LINE_GOOD], SLOTS_PACE - SLOTS_PACE / 4 - 1);
}

static void
a_line_is_served_in_its_order(void **state)
{
	(void)state;
	struct slot_waiter *first = wait_in(LINE_NEW),
			   *second = wait_in(LINE_NEW);
	struct slot_waiter *third = wait_in(LINE_NEW);
	assert_true(slots_wait(&slots, first, LINE_NEW)); /* keeps its place */
	slots_leave(&slots, second);
	slots_leave(&slots, second);
	assert_ptr_equal(slots_next(&slots).waiter, first);
	assert_ptr_equal(slots_next(&slots).waiter, third);
	struct slot_turn none = slots_next(&slots);
	assert_null(none.waiter);
	assert_int_equal(none.again_ms, -1);
}

static void
a_line_has_so_many_seats(void **state)
{
	(void)state;
	for (size_t i = 0; i < SLOTS_SEATS; i++)
		wait_in(LINE_NEW);
	assert_false(slots_wait(&slots, &waiters[used], LINE_NEW));
	assert_true(slots_wait(&slots, &waiters[used], LINE_GOOD));
	slots_leave(&slots, &waiters[0]);
	assert_true(slots_wait(&slots, &waiters[used], LINE_NEW));
}

/* A further session with a host that takes mail just now isn't paced. */
static void
new_sessions_are_paced(void **state)
{
	(void)state;
	for (size_t i = 0; i < SLOTS_PACE; i++) {
		wait_in(LINE_NEW);
		assert_non_null(slots_next(&slots).waiter);
		slots_take(&slots, &held[i], LINE_NEW);
	}
	wait_in(LINE_GOOD);
	struct slot_turn turn = slots_next(&slots);
	assert_null(turn.waiter);
	assert_int_equal(turn.again_ms, SECOND_MS / SLOTS_PACE);
	struct slot_waiter *more = wait_in(LINE_MORE);
	assert_ptr_equal(slots_next(&slots).waiter, more);
	fake_clock_advance(SECOND_MS / SLOTS_PACE);
	assert_int_equal(slots_next(&slots).waiter->line, LINE_GOOD);
}

/* The first time in haste, the next time in peace. */
static void
whoever_gets_no_greeting_gives_way(void **state)
{
	(void)state;
	fill(LINE_FAILED);
	fake_clock_advance(1);
	fill(LINE_NEW);
	struct slot_turn turn = slots_next(&slots);
	assert_null(turn.waiter);
	assert_int_equal(turn.again_ms, SLOT_HASTE_MS);
	fake_clock_advance(SLOT_HASTE_MS);
	turn = slots_next(&slots);
	assert_non_null(turn.waiter);
	assert_ptr_equal(turn.instead, &held[SLOTS_FAILED]);
	slots_opened(&slots, &held[SLOTS_FAILED]); /* it is greeted after all */
	wait_in(LINE_NEW);
	assert_ptr_equal(slots_next(&slots).instead, &held[SLOTS_FAILED + 1]);
	fake_clock_advance(SLOT_PATIENCE_MS - SLOT_HASTE_MS);
	assert_ptr_equal(slots_next(&slots).instead, &held[0]);
}

/* Nor does anybody for those who stand behind it. */
static void
nobody_gives_way_while_there_is_room(void **state)
{
	(void)state;
	fill(LINE_NEW);
	fake_clock_advance(SLOT_PATIENCE_MS);
	wait_in(LINE_GOOD);
	struct slot_turn turn = slots_next(&slots);
	assert_int_equal(turn.waiter->line, LINE_GOOD);
	assert_null(turn.instead);
	set_up(NULL);
	fill(LINE_GOOD);
	fake_clock_advance(SLOT_PATIENCE_MS);
	slots_leave(&slots, &waiters[used - 1]);
	wait_in(LINE_FAILED);
	assert_null(slots_next(&slots).waiter);
}

static void
an_idle_session_makes_room(void **state)
{
	(void)state;
	fill(LINE_NEW);
	fill(LINE_GOOD);
	for (size_t i = 3; i > 1; i--) {
		slots_opened(&slots, &held[i]);
		slots_idle(&slots, &held[i]);
	}
	struct slot_turn turn = slots_next(&slots);
	assert_non_null(turn.waiter);
	assert_ptr_equal(turn.instead, &held[3]);
	assert_true(held[3].idle);
	slots_give(&slots, &held[3]);
	slots_take(&slots, &held[3], LINE_GOOD);
	wait_in(LINE_GOOD);
	slots.pace = (struct pace){ 0 };
	assert_ptr_equal(slots_next(&slots).instead, &held[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_unproven_have_shares, set_up),
		cmocka_unit_test_setup(
		    whoever_takes_a_mail_leaves_the_share, set_up),
		cmocka_unit_test_setup(
		    the_good_go_first_and_nobody_waits_for_ever, set_up),
		cmocka_unit_test_setup(a_line_is_served_in_its_order, set_up),
		cmocka_unit_test_setup(a_line_has_so_many_seats, set_up),
		cmocka_unit_test_setup(new_sessions_are_paced, set_up),
		cmocka_unit_test_setup(
		    whoever_gets_no_greeting_gives_way, set_up),
		cmocka_unit_test_setup(
		    nobody_gives_way_while_there_is_room, set_up),
		cmocka_unit_test_setup(an_idle_session_makes_room, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
