/* Fairness between destinations, and one state of back-off for each. */
#include "tests/unit/delivery_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	CROWD = 200, /* domains that answer nobody, or slowly */
	STEP_MS = 50,
	SECOND_MS = 1000,
	MINUTE_MS = 60000
};

#define A(name, value) \
	{ \
		name, DNS_A, value, DNS_FOUND, false, 60 \
	}

static struct delivery_rig rig;
static struct fake_record world[CROWD + 4];
static char names[CROWD][16];

static const struct fake_peer peers[] = {
	{ .ip = "11.0.0.1" },
	{ .ip = "11.0.0.2", .trouble = PEER_STUCK },
	{ .ip = "11.0.0.3", .trouble = PEER_SILENT },
	{ 0 },
};

/* good.test and other.test take mail; the crowd lives at that address. */
static void
begin(const char *crowd)
{
	size_t n = 0;
	world[n++] = (struct fake_record)A("good.test", "11.0.0.1");
	world[n++] = (struct fake_record)A("other.test", "11.0.0.1");
	world[n++] = (struct fake_record)A("dead.test", crowd);
	for (size_t i = 0; i < CROWD; i++) {
		snprintf(names[i], sizeof names[i], "d%03zu.test", i);
		world[n++] = (struct fake_record)A(names[i], crowd);
	}
	delivery_rig_make(&rig, world, peers);
	rig.settings.retry_min_ms = 5 * MINUTE_MS;
	rig.settings.retry_max_ms = 4 * 60 * MINUTE_MS;
}

static struct queue_item *
hand(const char *recipients)
{
	struct queue_item *item = fake_queue_item("a@else.test", 0, recipients);
	fake_queue_hand(item);
	return item;
}

/* A message for each of so many domains of the crowd. */
static void
hand_crowd(size_t count)
{
	char address[40];
	for (size_t i = 0; i < count; i++) {
		snprintf(address, sizeof address, "bob@%.15s", names[i]);
		hand(address);
	}
}

static unsigned
count(const char *story, const char *word)
{
	unsigned n = 0;
	while (*word && (story = strstr(story, word))) {
		story += strlen(word);
		n++;
	}
	return n;
}

/* In small steps, so that timers start from the right moment; how often the
   story had the word. */
static unsigned
pass(int64_t ms, const char *word)
{
	unsigned n = 0;
	for (; ms > 0; ms -= STEP_MS)
		n += count(delivery_rig_wait(&rig, STEP_MS), word);
	return n;
}

static bool
is_delivered(const struct queue_item *item)
{
	return item->status[0].state == RECIPIENT_DELIVERED;
}

/* ---- sessions ---- */

static void
all_sessions_are_limited_and_everybody_gets_a_turn(void **state)
{
	(void)state;
	begin("11.0.0.3");
	hand_crowd(CROWD);
	delivery_rig_run(&rig);
	assert_int_equal(delivery_sessions(rig.delivery), SLOTS_PACE);
	pass(SECOND_MS, "");
	assert_in_range(delivery_sessions(rig.delivery), 2 * SLOTS_PACE - 1,
	    2 * SLOTS_PACE);
	pass(4 * SECOND_MS, "");
	assert_int_equal(delivery_sessions(rig.delivery), SLOTS_UNPROVEN);
	for (size_t i = 0; i < 4; i++) { /* those that are idle make room */
		fake_peers_let_go();
		pass(6 * SECOND_MS, "");
		assert_true(delivery_sessions(rig.delivery) <= SLOTS);
	}
	assert_true(list_empty(&rig.delivery->parcels));
	delivery_rig_remove(&rig);
}

/* Mail for a domain that took some before goes at once, whatever waits for
   how many others. */
static void
dead_domains_delay_no_good_one(void **state)
{
	(void)state;
	begin("11.0.0.2");
	hand("a@good.test");
	pass(10 * SECOND_MS, ""); /* and its session is closed */
	hand_crowd(CROWD);
	pass(9 * SECOND_MS, "");
	assert_int_equal(delivery_sessions(rig.delivery), SLOTS_UNPROVEN);
	struct queue_item *item = hand("b@good.test");
	pass(STEP_MS, "");
	assert_true(is_delivered(item));
	delivery_rig_remove(&rig);
}

/* The first time each gets ten seconds, as long as others wait. */
static void
dead_domains_delay_an_unknown_one_for_seconds(void **state)
{
	(void)state;
	begin("11.0.0.2");
	hand_crowd(CROWD);
	struct queue_item *item = hand("a@good.test");
	unsigned yielded =
	    pass(SLOT_HASTE_MS * CROWD / SLOTS_UNPROVEN, "others wait");
	assert_true(is_delivered(item));
	assert_int_equal(yielded, CROWD - SLOTS_UNPROVEN + 1);
	pass(2 * MINUTE_MS, ""); /* alone, they get all the time they want */
	assert_in_range(delivery_sessions(rig.delivery), 1, SLOTS_UNPROVEN);
	delivery_rig_remove(&rig);
}

/* One whose name servers say nothing has no host that could be named. */
static void
a_route_that_is_not_found_gives_way(void **state)
{
	(void)state;
	begin("11.0.0.2");
	fake_resolver_hold(true);
	hand_crowd(CROWD);
	pass(SLOT_HASTE_MS - STEP_MS, "");
	unsigned yielded = 0;
	for (int64_t ms = 0; ms < 6 * SECOND_MS; ms += STEP_MS) {
		const char *story = delivery_rig_wait(&rig, STEP_MS);
		assert_int_equal(count(story, "null"), 0);
		yielded += count(story, "451 4.4.3 The mail servers of d0");
	}
	assert_int_equal(yielded, SLOTS_UNPROVEN);
	fake_resolver_hold(false);
	delivery_rig_remove(&rig);
}

/* Who failed has a small share, and takes nobody else's. */
static void
domains_that_failed_before_delay_no_unknown_one(void **state)
{
	(void)state;
	begin("11.0.0.9"); /* refused */
	hand_crowd(CROWD);
	pass(CROWD * SECOND_MS / SLOTS_PACE, "");
	assert_true(list_empty(&rig.delivery->parcels));
	fake_peers_use(rig.loop,
	    (struct fake_peer[]){ { .ip = "11.0.0.9", .trouble = PEER_STUCK },
		{ .ip = "11.0.0.1" }, { 0 } });
	pass(5 * MINUTE_MS, "");
	hand_crowd(CROWD);
	pass(9 * SECOND_MS, "");
	assert_int_equal(delivery_sessions(rig.delivery), SLOTS_FAILED);
	struct queue_item *item = hand("a@good.test");
	pass(STEP_MS, "");
	assert_true(is_delivered(item));
	delivery_rig_remove(&rig);
}

/* Busy destinations have a few sessions each, but not before another one has
   its first. */
static void
busy_domains_leave_room_for_others(void **state)
{
	(void)state;
	begin("11.0.0.3");
	for (int i = 0; i < 20; i++)
		hand_crowd(30);
	pass(9 * SECOND_MS, "");
	assert_int_equal(delivery_sessions(rig.delivery), SLOTS_UNPROVEN);
	fake_peers_let_go();
	pass(SECOND_MS, "");
	assert_in_range(
	    delivery_sessions(rig.delivery), SLOTS_FURTHER + 30, SLOTS);
	hand("a@good.test");
	assert_int_equal(pass(11 * SECOND_MS, "told 601.0 D"), 0);
	delivery_rig_remove(&rig);
}

/* ---- what waits ---- */

/* What a host that answers nobody can't get soon goes back to the queue, which
   hands out so much and no more; it isn't counted as a try. */
static void
a_dead_domain_gives_most_of_its_mail_back(void **state)
{
	enum {
		SURPLUS = 30
	};
	(void)state;
	begin("11.0.0.2");
	for (int i = 0; i < BACKLOG_LEAST + SURPLUS; i++)
		hand("a@dead.test");
	delivery_rig_run(&rig);
	const char *story = delivery_rig_wait(&rig, BACKLOG_TICK_MS - 1);
	assert_int_equal(count(story, "settled"), 0);
	story = delivery_rig_wait(&rig, 1);
	assert_int_equal(count(story, "settled"), SURPLUS);
	assert_int_equal(count(story, "attempted"), 0);
	assert_int_equal(count(story, "back in 30 s"), SURPLUS);
	hand("b@dead.test"); /* nor is more taken now */
	assert_int_equal(count(delivery_rig_run(&rig), "back in 30 s"), 1);
	fake_peers_let_go(); /* it answers after all */
	assert_true(count(delivery_rig_run(&rig), "told") > 0);
	hand("c@dead.test");
	assert_int_equal(count(delivery_rig_run(&rig), "back in"), 0);
	delivery_rig_remove(&rig);
}

/* A slow one keeps what it gets within half a minute. */
static void
a_slow_domain_keeps_what_it_gets_soon(void **state)
{
	enum {
		MANY = 500,
		EACH_TICK = 4 * DESTINATION_SESSIONS,
		KEPT = 6 * EACH_TICK + BACKLOG_LEAST
	};
	(void)state;
	begin("11.0.0.3");
	for (int i = 0; i < MANY; i++)
		hand("a@dead.test");
	delivery_rig_run(&rig);
	unsigned back = 0;
	for (int tick = 0; tick < 3; tick++) {
		for (int i = 0; i < 4; i++) {
			fake_peers_let_go();
			back += count(delivery_rig_run(&rig), "back in");
		}
		back += pass(BACKLOG_TICK_MS, "back in 30 s");
		struct map_node *node =
		    map_next(&rig.delivery->destinations.map, NULL);
		assert_in_range(
		    container_of(node, struct destination, node)->backlog.count,
		    KEPT - 2 * EACH_TICK, KEPT);
	}
	assert_in_range(
	    back, MANY - KEPT - EACH_TICK - DESTINATION_SESSIONS, MANY - KEPT);
	delivery_rig_remove(&rig);
}

/* Who gets no seat in the line doesn't keep the queue's room either. */
static void
a_line_that_is_full_sends_mail_back(void **state)
{
	enum {
		MANY = SLOTS_SEATS + SLOTS + 50
	};
	char address[40];
	(void)state;
	begin("11.0.0.2");
	fake_resolver_hold(true);
	for (int i = 0; i < MANY; i++) {
		snprintf(address, sizeof address, "bob@x%d.test", i);
		hand(address);
	}
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(
	    count(story, "back in 30 s"), MANY - SLOTS_SEATS - SLOTS_PACE);
	assert_int_equal(count(story, "attempted"), 0);
	fake_resolver_hold(false);
	delivery_rig_remove(&rig);
}

/* ---- one state of back-off for each ---- */

/* A refusal of recipients is theirs; the others get their mail. */
static void
a_deferred_recipient_closes_no_destination(void **state)
{
	(void)state;
	begin("11.0.0.1");
	hand("later@dead.test");
	assert_int_equal(count(delivery_rig_run(&rig), "told 1.0 W 451"), 1);
	struct queue_item *item = hand("later@dead.test bob@dead.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "dial"), 0); /* in the same session */
	assert_int_equal(count(story, "told 2.0 W 451"), 1);
	assert_int_equal(item->status[1].state, RECIPIENT_DELIVERED);
	delivery_rig_remove(&rig);
}

/* 421 before any mail, and no connection, are everybody's. */
static void
a_host_that_takes_nobody_closes_its_destination_alone(void **state)
{
	static const struct fake_peer busy[] = {
		{ .ip = "11.0.0.1" },
		{ .ip = "11.0.0.4",
		    .failure = CLIENT_GREETING,
		    .reply = REPLY_IS(421, "4.3.2", "too busy") },
		{ .ip = "11.0.0.5", .error = ETIMEDOUT },
		{ 0 },
	};
	static const char *const addresses[] = { "11.0.0.4", "11.0.0.5" };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(addresses[i]);
		fake_peers_use(rig.loop, busy);
		hand("a@dead.test");
		assert_int_equal(count(delivery_rig_run(&rig), "dial"), 1);
		hand("b@dead.test");
		hand("c@other.test");
		const char *story = delivery_rig_run(&rig);
		assert_int_equal(count(story, "dial"), 1);
		assert_int_equal(count(story, "told 2.0 W"), 1);
		assert_int_equal(count(story, "told 3.0 D"), 1);
		delivery_rig_remove(&rig);
	}
}

/* It has one pause, however many messages find it closed. */
static void
messages_do_not_lengthen_the_pause(void **state)
{
	(void)state;
	begin("11.0.0.9");
	hand("a@dead.test");
	delivery_rig_run(&rig);
	for (int i = 0; i < 1000; i++)
		hand("b@dead.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 0);
	delivery_rig_wait(&rig, 5 * MINUTE_MS / 2);
	hand("c@dead.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 1);
	delivery_rig_remove(&rig);
}

static void
so_many_good_ones_are_remembered(void **state)
{
	(void)state;
	begin("11.0.0.1");
	struct destinations *all = &rig.delivery->destinations;
	hand_crowd(CROWD);
	pass(20 * SECOND_MS, "");
	assert_int_equal(delivery_sessions(rig.delivery), 0);
	assert_int_equal(all->known_count, CROWD);
	hand("bob@d000.test"); /* has work, then is the newest */
	delivery_rig_run(&rig);
	assert_int_equal(all->known_count, CROWD - 1);
	pass(6 * SECOND_MS, "");
	assert_int_equal(all->known_count, CROWD);
	char address[40];
	for (int i = 0; i < DESTINATIONS_KNOWN; i++) {
		snprintf(address, sizeof address, "bob@[11.0.%d.1]", i % 100);
		hand(i % 100 ? "a@other.test" : address);
	}
	pass(6 * SECOND_MS, "");
	assert_in_range(all->known_count, CROWD, DESTINATIONS_KNOWN);
	delivery_rig_remove(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    all_sessions_are_limited_and_everybody_gets_a_turn),
		cmocka_unit_test(dead_domains_delay_no_good_one),
		cmocka_unit_test(dead_domains_delay_an_unknown_one_for_seconds),
		cmocka_unit_test(a_route_that_is_not_found_gives_way),
		cmocka_unit_test(
		    domains_that_failed_before_delay_no_unknown_one),
		cmocka_unit_test(busy_domains_leave_room_for_others),
		cmocka_unit_test(a_dead_domain_gives_most_of_its_mail_back),
		cmocka_unit_test(a_slow_domain_keeps_what_it_gets_soon),
		cmocka_unit_test(a_line_that_is_full_sends_mail_back),
		cmocka_unit_test(a_deferred_recipient_closes_no_destination),
		cmocka_unit_test(
		    a_host_that_takes_nobody_closes_its_destination_alone),
		cmocka_unit_test(messages_do_not_lengthen_the_pause),
		cmocka_unit_test(so_many_good_ones_are_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
