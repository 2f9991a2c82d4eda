#include "tests/unit/delivery_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct delivery_rig rig;

#define MX(name, value) \
	{ \
		name, DNS_MX, value, DNS_FOUND, false, 60 \
	}
#define A(name, value) \
	{ \
		name, DNS_A, value, DNS_FOUND, false, 60 \
	}

static const struct fake_record world[] = {
	MX("remote.test", "10 mx1.remote.test"),
	MX("remote.test", "20 mx2.remote.test"),
	A("mx1.remote.test", "11.0.0.1"),
	A("mx2.remote.test", "11.0.0.2"),
	MX("other.test", "10 mx.other.test"),
	A("mx.other.test", "11.0.0.9"),
	MX("null.test", "0 ."),
	{ 0 },
};

static const struct fake_peer fine[] = {
	{ .ip = "11.0.0.1" },
	{ .ip = "11.0.0.2" },
	{ .ip = "11.0.0.9" },
	{ 0 },
};

static struct queue_item *
hand(const char *recipients)
{
	struct queue_item *item = fake_queue_item("a@else.test", 0, recipients);
	fake_queue_hand(item);
	return item;
}

static void
hand_wished(const char *recipients, int64_t wished_ms)
{
	struct queue_item *item = fake_queue_item("a@else.test", 0, recipients);
	item->wished_ms = wished_ms;
	fake_queue_hand(item);
}

static void
begin(const struct fake_peer *peers)
{
	delivery_rig_make(&rig, world, peers);
}

static unsigned
count(const char *story, const char *word)
{
	unsigned n = 0;
	while ((story = strstr(story, word))) {
		story += strlen(word);
		n++;
	}
	return n;
}

/* ---- one message ---- */

struct given {
	const char *recipients;
	const struct fake_peer *peers; /* NULL: all are fine */
	const char *story;
};

static const struct given cases[] = {
	{ "a@ours.test b@ours.test", NULL,
	    "placed 1.0 a@ours.test\n"
	    "placed 1.1 b@ours.test\n"
	    "told 1.0 D 250 2.0.0 delivered\n"
	    "told 1.1 D 250 2.0.0 delivered\n"
	    "settled 1, attempted, done\n" },
	{ "full@ours.test b@ours.test quota@ours.test", NULL,
	    "placed 1.1 b@ours.test\n"
	    "told 1.0 W 452 4.3.1 No space left\n"
	    "told 1.1 D 250 2.0.0 delivered\n"
	    "told 1.2 W 452 4.2.2 The quota is used up\n"
	    "settled 1, attempted, back in 5 s\n" },
	{ "bob@remote.test", NULL,
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "told 1.0 D 250 2.0.0 kept (mx1.remote.test[11.0.0.1])\n"
	    "settled 1, attempted, done\n" },
	{ "bob@[11.0.0.9]", NULL,
	    "dial 11.0.0.9:25\n"
	    "hello 11.0.0.9, tls may\n"
	    "mail <a@else.test> to bob@[11.0.0.9]\n"
	    "told 1.0 D 250 2.0.0 kept ([11.0.0.9])\n"
	    "settled 1, attempted, done\n" },
	{ "bad@REMOTE.test bob@remote.test later@Remote.Test", NULL,
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "mail <a@else.test> to bad@REMOTE.test bob@remote.test "
	    "later@Remote.Test\n"
	    "told 1.0 F 550 5.1.1 no such user "
	    "(mx1.remote.test[11.0.0.1])\n"
	    "told 1.1 D 250 2.0.0 kept (mx1.remote.test[11.0.0.1])\n"
	    "told 1.2 W 451 4.7.1 greylisted (mx1.remote.test[11.0.0.1])\n"
	    "settled 1, attempted, back in 2 s\n" },
	{ "bob@null.test", NULL,
	    "told 1.0 F 556 5.1.10 The domain takes no mail\n"
	    "settled 1, attempted, done\n" },
	{ "bob@nowhere.test", NULL,
	    "told 1.0 F 550 5.1.2 The domain doesn't exist\n"
	    "settled 1, attempted, done\n" },
	/* next hosts */
	{ "bob@remote.test",
	    (struct fake_peer[]){ { .ip = "11.0.0.1", .error = ETIMEDOUT },
		{ .ip = "11.0.0.2" }, { 0 } },
	    "dial 11.0.0.1:25\n"
	    "dial 11.0.0.2:25\n"
	    "hello mx2.remote.test, tls may\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "told 1.0 D 250 2.0.0 kept (mx2.remote.test[11.0.0.2])\n"
	    "settled 1, attempted, done\n" },
	{ "bob@remote.test",
	    (struct fake_peer[]){
		{ .ip = "11.0.0.1",
		    .failure = CLIENT_GREETING,
		    .reply = REPLY_IS(421, "4.3.2", "too busy") },
		{ .ip = "11.0.0.2" }, { 0 } },
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "dial 11.0.0.2:25\n"
	    "hello mx2.remote.test, tls may\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "told 1.0 D 250 2.0.0 kept (mx2.remote.test[11.0.0.2])\n"
	    "settled 1, attempted, done\n" },
	{ "bob@remote.test",
	    (struct fake_peer[]){
		{ .ip = "11.0.0.1",
		    .failure = CLIENT_GREETING,
		    .reply = REPLY_IS(554, "5.7.1", "not you") },
		{ .ip = "11.0.0.2",
		    .failure = CLIENT_GREETING,
		    .reply = REPLY_IS(554, "5.7.1", "nor you") },
		{ 0 } },
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "dial 11.0.0.2:25\n"
	    "hello mx2.remote.test, tls may\n"
	    "told 1.0 F 554 5.7.1 nor you (mx2.remote.test[11.0.0.2])\n"
	    "settled 1, attempted, done\n" },
	/* one that may be back later is hope enough */
	{ "bob@remote.test",
	    (struct fake_peer[]){ { .ip = "11.0.0.1", .error = EHOSTUNREACH },
		{ .ip = "11.0.0.2",
		    .failure = CLIENT_GREETING,
		    .reply = REPLY_IS(554, "5.7.1", "not you") },
		{ 0 } },
	    "dial 11.0.0.1:25\n"
	    "dial 11.0.0.2:25\n"
	    "hello mx2.remote.test, tls may\n"
	    "told 1.0 W 451 4.4.1 mx1.remote.test couldn't be reached: No "
	    "route to host\n"
	    "settled 1, attempted, back in 2 s\n" },
	/* TLS that doesn't work */
	{ "bob@remote.test",
	    (struct fake_peer[]){
		{ .ip = "11.0.0.1", .tls_breaks = true }, { 0 } },
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls none\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "told 1.0 D 250 2.0.0 kept (mx1.remote.test[11.0.0.1])\n"
	    "settled 1, attempted, done\n" },
	/* sessions that break off */
	{ "bob@remote.test",
	    (struct fake_peer[]){
		{ .ip = "11.0.0.1", .trouble = PEER_LOST_EARLY },
		{ .ip = "11.0.0.2" }, { 0 } },
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "dial 11.0.0.2:25\n"
	    "hello mx2.remote.test, tls may\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "told 1.0 D 250 2.0.0 kept (mx2.remote.test[11.0.0.2])\n"
	    "settled 1, attempted, done\n" },
	{ "bob@other.test",
	    (struct fake_peer[]){
		{ .ip = "11.0.0.9", .trouble = PEER_LOST_EARLY }, { 0 } },
	    "dial 11.0.0.9:25\n"
	    "hello mx.other.test, tls may\n"
	    "mail <a@else.test> to bob@other.test\n"
	    "told 1.0 W 421 4.3.0 bye (mx.other.test[11.0.0.9])\n"
	    "settled 1, attempted, back in 2 s\n" },
	/* it may have arrived: nobody else gets it now */
	{ "bob@remote.test",
	    (struct fake_peer[]){
		{ .ip = "11.0.0.1", .trouble = PEER_LOST_LATE },
		{ .ip = "11.0.0.2" }, { 0 } },
	    "dial 11.0.0.1:25\n"
	    "hello mx1.remote.test, tls may\n"
	    "mail <a@else.test> to bob@remote.test\n"
	    "told 1.0 W 451 4.4.2 The session with mx1.remote.test failed: "
	    "lost\n"
	    "settled 1, attempted, back in 2 s\n" },
};

static void
a_message_goes_where_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(cases[i].peers ? cases[i].peers : fine);
		hand(cases[i].recipients);
		const char *story = delivery_rig_run(&rig);
		if (strcmp(story, cases[i].story) != 0)
			print_error("case %zu, %s\n", i, cases[i].recipients);
		assert_string_equal(story, cases[i].story);
		delivery_rig_remove(&rig);
	}
}

/* ---- mailboxes ---- */

static void
the_second_try_replaces_what_the_first_has_left(void **state)
{
	static const struct {
		bool replayed;
		unsigned attempts;
		const char *story;
	} tries[] = {
		{ false, 0,
		    "told 1.0 W 451 4.3.0 File exists\n"
		    "settled 1, attempted, back in 5 s\n" },
		{ true, 0,
		    "placed 1.0 there@ours.test again\n"
		    "told 1.0 D 250 2.0.0 delivered\n"
		    "settled 1, attempted, done\n" },
		{ false, 1,
		    "placed 1.0 there@ours.test again\n"
		    "told 1.0 D 250 2.0.0 delivered\n"
		    "settled 1, attempted, done\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		begin(fine);
		struct queue_item *item =
		    fake_queue_item("a@else.test", 0, "there@ours.test");
		item->replayed = tries[i].replayed;
		item->attempts = tries[i].attempts;
		fake_queue_hand(item);
		assert_string_equal(delivery_rig_run(&rig), tries[i].story);
		delivery_rig_remove(&rig);
	}
}

static void
recipients_that_are_settled_are_left_alone(void **state)
{
	(void)state;
	begin(fine);
	struct queue_item *item = fake_queue_item("a@else.test", 0,
	    "a@ours.test b@ours.test a@remote.test b@remote.test");
	item->status[0].state = RECIPIENT_DELIVERED;
	item->status[3].state = RECIPIENT_FAILED;
	fake_queue_hand(item);
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "placed"), 1);
	assert_int_equal(count(story, "placed 1.1"), 1);
	assert_int_equal(count(story, "to a@remote.test\n"), 1);
	delivery_rig_remove(&rig);
}

static void
workers_get_no_more_than_they_can_hold(void **state)
{
	struct buf recipients = { 0 };
	(void)state;
	for (int i = 0; i < 200; i++)
		buf_addf(&recipients, "%su%d@ours.test", i ? " " : "", i);
	begin(fine);
	for (int i = 0; i < 100; i++)
		hand(buf_cstr(&recipients));
	buf_free(&recipients);
	fake_jobs.hold = true;
	delivery_rig_run(&rig);
	assert_in_range(fake_jobs.most, 16, 1024);
	fake_jobs_let_go();
	assert_int_equal(count(delivery_rig_run(&rig), "placed"), 20000);
	fake_jobs.full = true;
	hand("a@ours.test");
	assert_string_equal(delivery_rig_run(&rig),
	    "told 101.0 W 451 4.3.0 Too much to do\n"
	    "settled 101, attempted, back in 5 s\n");
	delivery_rig_remove(&rig);
}

static void
a_damaged_message_is_given_back(void **state)
{
	(void)state;
	begin(fine);
	fake_queue.damaged = true;
	hand("a@ours.test bob@remote.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "placed"), 0);
	assert_int_equal(count(story, "mail"), 0);
	assert_int_equal(count(story, "settled 1, back in 30 s"), 1);
	delivery_rig_remove(&rig);
}

/* ---- destinations ---- */

static void
a_slow_server_holds_up_nobody_else(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.1", .trouble = PEER_SILENT },
		{ .ip = "11.0.0.9" },
		{ 0 },
	};
	(void)state;
	begin(peers);
	hand("bob@remote.test you@ours.test eve@other.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "told 1.1 D"), 1);
	assert_int_equal(count(story, "told 1.2 D"), 1);
	assert_int_equal(count(story, "told 1.0"), 0);
	assert_int_equal(count(story, "done"), 0);
	fake_peers_let_go();
	assert_string_equal(delivery_rig_run(&rig),
	    "told 1.0 D 250 2.0.0 kept (mx1.remote.test[11.0.0.1])\n"
	    "settled 1, attempted, done\n");
	delivery_rig_remove(&rig);
}

static void
a_hundred_recipients_go_in_one_transaction(void **state)
{
	struct buf recipients = { 0 };
	(void)state;
	for (int i = 0; i < 250; i++)
		buf_addf(&recipients, "%su%d@%s.test", i ? " " : "", i,
		    i % 2 ? "other" : "remote");
	begin(fine);
	struct queue_item *item = hand(buf_cstr(&recipients));
	buf_free(&recipients);
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "mail <"), 4);
	for (size_t i = 0; i < 250; i++)
		assert_int_equal(item->status[i].state, RECIPIENT_DELIVERED);
	delivery_rig_remove(&rig);
}

static void
a_session_is_used_again_for_a_few_seconds(void **state)
{
	(void)state;
	begin(fine);
	hand("a@remote.test");
	delivery_rig_run(&rig);
	assert_int_equal(delivery_sessions(rig.delivery), 1);
	assert_string_equal(delivery_rig_wait(&rig, 4000), "");
	hand("b@remote.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 0);
	assert_string_equal(delivery_rig_wait(&rig, 4000), "");
	assert_string_equal(delivery_rig_wait(&rig, 2000), "quit\n");
	assert_int_equal(delivery_sessions(rig.delivery), 0);
	hand("c@remote.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 1);
	fake_peers_close(); /* who is idle may go */
	assert_string_equal(delivery_rig_run(&rig), "");
	assert_int_equal(delivery_sessions(rig.delivery), 0);
	delivery_rig_remove(&rig);
}

/* The peer had enough of this connection, not of us. */
static void
a_session_that_breaks_when_used_again_is_replaced(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.9", .trouble = PEER_LOST_REUSED },
		{ 0 },
	};
	(void)state;
	begin(peers);
	hand("a@other.test");
	delivery_rig_run(&rig);
	hand("b@other.test");
	assert_string_equal(delivery_rig_run(&rig),
	    "mail <a@else.test> to b@other.test\n"
	    "dial 11.0.0.9:25\n"
	    "hello mx.other.test, tls may\n"
	    "mail <a@else.test> to b@other.test\n"
	    "told 2.0 D 250 2.0.0 kept (mx.other.test[11.0.0.9])\n"
	    "settled 2, attempted, done\n");
	delivery_rig_remove(&rig);
}

/* It has refused nothing: the better host gets the next mail, too. */
static void
a_server_that_closes_after_each_mail_is_met_again(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.1", .trouble = PEER_ONE_EACH },
		{ .ip = "11.0.0.2" },
		{ 0 },
	};
	(void)state;
	begin(peers);
	for (int i = 0; i < 20; i++)
		hand("bob@remote.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "done\n"), 20);
	assert_int_equal(count(story, "dial 11.0.0.1"), 20);
	assert_int_equal(count(story, "dial 11.0.0.2"), 0);
	delivery_rig_remove(&rig);
}

static void
sessions_are_limited(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.1", .trouble = PEER_SILENT },
		{ 0 },
	};
	(void)state;
	begin(peers);
	for (int i = 0; i < 20; i++)
		hand("bob@remote.test");
	delivery_rig_run(&rig);
	assert_int_equal(delivery_sessions(rig.delivery), DESTINATION_SESSIONS);
	for (int i = 0; i < 4; i++) {
		fake_peers_let_go();
		delivery_rig_run(&rig);
	}
	assert_true(list_empty(&rig.delivery->parcels));
	delivery_rig_remove(&rig);
}

/* As many as a queue has for one domain: it answers nobody, and mail for the
   others, in front or behind, goes at once. */
static void
a_dead_domain_delays_nobody(void **state)
{
	enum {
		MANY = 10000
	};
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.1", .trouble = PEER_STUCK },
		{ .ip = "11.0.0.2", .trouble = PEER_STUCK },
		{ .ip = "11.0.0.9" },
		{ 0 },
	};
	(void)state;
	begin(peers);
	struct queue_item *first = hand("a@other.test");
	for (int i = 0; i < MANY; i++)
		hand("a@remote.test");
	struct queue_item *last = hand("b@other.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "dial 11.0.0.1"), 1);
	assert_int_equal(count(story, "mail <"), 2);
	assert_int_equal(first->status[0].state, RECIPIENT_DELIVERED);
	assert_int_equal(last->status[0].state, RECIPIENT_DELIVERED);
	fake_peers_let_go();
	delivery_rig_run(&rig);
	delivery_rig_remove(&rig);
}

static void
a_server_that_takes_one_session_gets_one(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.9", .most = 1 },
		{ 0 },
	};
	(void)state;
	begin(peers);
	for (int i = 0; i < 10; i++)
		hand("bob@other.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "done\n"), 10);
	assert_int_equal(count(story, "W"), 0);
	assert_in_range(count(story, "hello"), 1, 2);
	delivery_rig_remove(&rig);
}

static void
a_dead_destination_is_left_alone_for_a_while(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.9" },
		{ 0 },
	};
	(void)state;
	begin(peers);
	hand("a@remote.test");
	hand("b@remote.test"); /* waits for the same session */
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "dial"), 2);
	assert_int_equal(count(story, "back in 2 s"), 2);
	hand("c@remote.test");
	assert_string_equal(delivery_rig_run(&rig),
	    "told 3.0 W 451 4.4.1 mx2.remote.test couldn't be reached: "
	    "Connection refused\n"
	    "settled 3, attempted, back in 2 s\n");
	hand("d@other.test");
	assert_int_equal(count(delivery_rig_run(&rig), "told 4.0 D"), 1);
	delivery_rig_wait(&rig, 1100);
	hand("e@remote.test"); /* half of RETRY_MIN later */
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 2);
	delivery_rig_wait(&rig, 1100);
	hand("f@remote.test"); /* the second pause is longer */
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 0);
	delivery_rig_wait(&rig, 500);
	hand("g@remote.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 2);
	delivery_rig_wait(&rig, 60000); /* and in the end it is forgotten */
	assert_int_equal(rig.delivery->destinations.map.count,
	    rig.delivery->destinations.known_count);
	delivery_rig_remove(&rig);
}

static void
a_dead_destination_is_tried_once_when_somebody_wishes_so(void **state)
{
	static const struct fake_peer nobody[] = { { 0 } };
	(void)state;
	begin(nobody);
	hand("a@other.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 1);
	delivery_rig_wait(&rig, 10);
	int64_t wished_ms = clock_mono_ms();
	delivery_rig_wait(&rig, 10);
	hand_wished("b@other.test", wished_ms);
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 1);
	hand_wished("c@other.test", wished_ms); /* was in the same */
	hand("d@other.test");
	assert_int_equal(count(delivery_rig_run(&rig), "dial"), 0);
	delivery_rig_remove(&rig);
}

/* Each mail breaks the session: not one connection per mail for ever. */
static void
a_destination_that_breaks_every_session_is_left_alone(void **state)
{
	static const struct fake_peer peers[] = {
		{ .ip = "11.0.0.9", .trouble = PEER_LOST_EARLY },
		{ 0 },
	};
	(void)state;
	begin(peers);
	for (int i = 0; i < 50; i++)
		hand("bob@other.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "back in 2 s"), 50);
	assert_in_range(count(story, "dial"), 1, 10);
	delivery_rig_remove(&rig);
}

/* ---- settings ---- */

static void
mail_leaves_from_our_address(void **state)
{
	(void)state;
	begin(fine);
	rig.settings.outbound_address.count = 2;
	ip_parse(STR("2600::1"), &rig.settings.outbound_address.ips[0]);
	ip_parse(STR("11.0.0.50"), &rig.settings.outbound_address.ips[1]);
	hand("bob@remote.test");
	assert_int_equal(
	    count(delivery_rig_run(&rig), "dial 11.0.0.1:25 from 11.0.0.50\n"),
	    1);
	delivery_rig_remove(&rig);
}

static void
use_smarthost(enum relay_tls tls)
{
	rig.settings.relay_host = STR("11.0.0.9");
	rig.settings.relay_port = 587;
	rig.settings.relay_tls = tls;
	rig.settings.relay_user = STR("us");
}

static void
the_smarthost_gets_all_in_one_transaction(void **state)
{
	(void)state;
	begin(fine);
	use_smarthost(RELAY_TLS_VERIFY);
	hand("a@one.test b@two.test");
	assert_string_equal(delivery_rig_run(&rig),
	    "dial 11.0.0.9:587\n"
	    "hello 11.0.0.9, tls must, pkix, user us\n"
	    "mail <a@else.test> to a@one.test b@two.test\n"
	    "told 1.0 D 250 2.0.0 kept (11.0.0.9[11.0.0.9])\n"
	    "told 1.1 D 250 2.0.0 kept (11.0.0.9[11.0.0.9])\n"
	    "settled 1, attempted, done\n");
	delivery_rig_remove(&rig);
}

static void
the_smarthost_proves_who_it_is_when_it_must(void **state)
{
	(void)state;
	for (enum relay_tls tls = RELAY_TLS_VERIFY; tls <= RELAY_TLS_NONE;
	     tls++) {
		begin(fine);
		use_smarthost(tls);
		hand("a@one.test");
		delivery_rig_run(&rig);
		assert_ptr_equal(fake_peers_tls(),
		    tls == RELAY_TLS_VERIFY ? rig.tls_verified
					    : rig.tls_opportunistic);
		delivery_rig_remove(&rig);
	}
}

/* What `postern status` says; "" for nothing. */
static void
expect_trouble(const char *why)
{
	struct buf text = { 0 }, wanted = { 0 };
	if (*why)
		buf_addf(&wanted,
		    "mail for other servers waits: the smarthost 11.0.0.9:587 "
		    "takes none (%s)",
		    why);
	assert_int_equal(delivery_trouble(rig.delivery, &text), *why != 0);
	assert_string_equal(buf_cstr(&text), buf_cstr(&wanted));
	buf_free(&text);
	buf_free(&wanted);
}

/* What a person must mend bounces nobody's mail. */
static void
a_smarthost_that_refuses_us_defers(void **state)
{
	static const struct fake_peer refusals[][2] = {
		{ { .ip = "11.0.0.9",
		    .failure = CLIENT_AUTH,
		    .reply = REPLY_IS(535, "5.7.8", "wrong password") } },
		{ { .ip = "11.0.0.9",
		    .failure = CLIENT_TLS_REFUSED,
		    .reply = REPLY_IS(502, "5.5.1", "what?") } },
		{ { .ip = "11.0.0.9",
		    .failure = CLIENT_GREETING,
		    .reply = REPLY_IS(554, "5.7.1", "not you") } },
		{ { .ip = "11.0.0.9", .tls_breaks = true } },
		{ { .ip = "11.0.0.8" } },
	};
	static const char *const told[] = {
		("451 4.7.0 The smarthost refuses our login: 535 5.7.8 wrong "
		 "password"),
		"451 4.7.0 The smarthost refuses us: 502 5.5.1 what?",
		"451 4.7.0 The smarthost refuses us: 554 5.7.1 not you",
		("451 4.4.2 The session with 11.0.0.9 failed: unknown "
		 "protocol"),
		"451 4.4.1 11.0.0.9 couldn't be reached: Connection refused",
	};
	(void)state;
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		begin(refusals[i]);
		use_smarthost(RELAY_TLS_VERIFY);
		hand("a@one.test");
		char wanted[128];
		snprintf(wanted, sizeof wanted, "told 1.0 W %s", told[i]);
		const char *story = delivery_rig_run(&rig);
		assert_int_equal(count(story, wanted), 1);
		assert_int_equal(count(story, "dial"), 1);
		expect_trouble(told[i] + strlen("451 4.x.x "));
		delivery_rig_remove(&rig);
	}
}

/* It wants a login that we don't have: then no other mail is refused for that,
   and none comes back. */
static void
a_smarthost_that_wants_a_login_keeps_all_waiting(void **state)
{
	static const char *const recipients[] = { "stranger@one.test",
		"relayed@one.test" };
	static const char *const told[] = {
		("451 4.7.0 The smarthost refuses mail of ours: 530 5.7.0 log "
		 "in first"),
		("451 4.7.0 The smarthost refuses mail of ours: 554 5.7.1 <x>: "
		 "Relay access denied"),
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(fine);
		use_smarthost(RELAY_TLS_VERIFY);
		rig.settings.relay_user = STR("");
		for (int j = 0; j < 10; j++)
			hand(recipients[i]);
		const char *story = delivery_rig_run(&rig);
		assert_int_equal(count(story, told[i]), 10);
		assert_in_range(
		    count(story, "mail <"), 1, DESTINATION_SESSIONS);
		assert_int_equal(count(story, " F "), 0);
		expect_trouble(told[i] + strlen("451 4.x.x "));
		delivery_rig_wait(&rig, 10000);
		hand("a@one.test");
		assert_int_equal(
		    count(delivery_rig_run(&rig), "250 2.0.0 kept"), 1);
		expect_trouble("");
		delivery_rig_remove(&rig);
	}
}

/* Other servers' 530 is an answer to the mail. */
static void
a_server_that_wants_a_login_refuses_the_mail(void **state)
{
	(void)state;
	begin(fine);
	hand("stranger@remote.test relayed@remote.test");
	const char *story = delivery_rig_run(&rig);
	assert_int_equal(count(story, "F 530 5.7.0 log in first"), 1);
	assert_int_equal(count(story, "F 554 5.7.1 <x>: Relay access"), 1);
	expect_trouble("");
	delivery_rig_remove(&rig);
}

/* ---- the end ---- */

static unsigned idle_calls;

static void
on_idle(struct delivery *delivery)
{
	assert_ptr_equal(delivery, rig.delivery);
	idle_calls++;
}

static const struct fake_peer slow[] = {
	{ .ip = "11.0.0.1", .trouble = PEER_SILENT },
	{ .ip = "11.0.0.9", .trouble = PEER_STUCK },
	{ 0 },
};

static void
a_stop_waits_for_what_was_sent(void **state)
{
	(void)state;
	begin(slow);
	idle_calls = 0;
	struct queue_item *sent = hand("a@remote.test");
	struct queue_item *stuck = hand("b@other.test b@ours.test");
	fake_jobs.hold = true;
	delivery_rig_run(&rig);
	assert_int_equal(delivery_sessions(rig.delivery), 2);
	delivery_stop(rig.delivery, 5000, on_idle);
	struct queue_item *late = hand("c@ours.test c@remote.test");
	assert_string_equal(delivery_rig_run(&rig), "");
	assert_int_equal(delivery_sessions(rig.delivery), 1);
	assert_int_equal(idle_calls, 0);
	fake_jobs_let_go();
	assert_string_equal(delivery_rig_run(&rig),
	    "placed 2.1 b@ours.test\n"
	    "told 2.1 D 250 2.0.0 delivered\n"
	    "settled 2, attempted, back in 10 s\n");
	assert_int_equal(idle_calls, 0);
	fake_peers_let_go();
	assert_string_equal(delivery_rig_run(&rig),
	    "told 1.0 D 250 2.0.0 kept (mx1.remote.test[11.0.0.1])\n"
	    "settled 1, attempted, done\n"
	    "quit\n");
	assert_int_equal(idle_calls, 1);
	assert_int_equal(sent->status[0].state, RECIPIENT_DELIVERED);
	assert_int_equal(stuck->status[0].state, RECIPIENT_WAITING);
	assert_int_equal(late->status[0].state, RECIPIENT_WAITING);
	delivery_rig_remove(&rig);
}

static void
a_stop_waits_no_longer_than_it_may(void **state)
{
	(void)state;
	begin(slow);
	idle_calls = 0;
	hand("a@remote.test");
	delivery_rig_run(&rig);
	delivery_stop(rig.delivery, 5000, on_idle);
	delivery_rig_wait(&rig, 4999);
	assert_int_equal(idle_calls, 0);
	delivery_rig_wait(&rig, 1);
	assert_int_equal(idle_calls, 1);
	delivery_free(rig.delivery);
	rig.delivery = NULL;
	delivery_rig_remove(&rig);
}

static void
a_stop_without_work_is_quick(void **state)
{
	(void)state;
	begin(fine);
	idle_calls = 0;
	hand("a@remote.test");
	delivery_rig_run(&rig);
	delivery_stop(rig.delivery, 5000, on_idle);
	assert_int_equal(idle_calls, 0); /* never from within */
	delivery_rig_run(&rig);
	assert_int_equal(idle_calls, 1);
	delivery_rig_remove(&rig);
}

/* Wherever the work stands: nothing leaks, nothing comes late. */
static void
may_be_freed_at_any_time(void **state)
{
	(void)state;
	for (int point = 0; point < 8; point++) {
		begin(point < 4 ? fine : slow);
		fake_resolver_hold(point == 1);
		fake_jobs.hold = point == 2 || point == 3;
		fake_jobs.begun = point == 3;
		fake_queue.hold = point == 5;
		for (int i = 0; i < 20; i++)
			hand("a@remote.test b@other.test c@ours.test");
		if (point > 0)
			delivery_rig_run(&rig);
		if (point == 6)
			delivery_stop(rig.delivery, 5000, on_idle);
		delivery_free(rig.delivery);
		rig.delivery = NULL;
		delivery_rig_remove(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_where_it_should),
		cmocka_unit_test(
		    the_second_try_replaces_what_the_first_has_left),
		cmocka_unit_test(recipients_that_are_settled_are_left_alone),
		cmocka_unit_test(workers_get_no_more_than_they_can_hold),
		cmocka_unit_test(a_damaged_message_is_given_back),
		cmocka_unit_test(a_slow_server_holds_up_nobody_else),
		cmocka_unit_test(a_hundred_recipients_go_in_one_transaction),
		cmocka_unit_test(a_session_is_used_again_for_a_few_seconds),
		cmocka_unit_test(
		    a_session_that_breaks_when_used_again_is_replaced),
		cmocka_unit_test(
		    a_server_that_closes_after_each_mail_is_met_again),
		cmocka_unit_test(sessions_are_limited),
		cmocka_unit_test(a_dead_domain_delays_nobody),
		cmocka_unit_test(a_server_that_takes_one_session_gets_one),
		cmocka_unit_test(a_dead_destination_is_left_alone_for_a_while),
		cmocka_unit_test(
		    a_dead_destination_is_tried_once_when_somebody_wishes_so),
		cmocka_unit_test(
		    a_destination_that_breaks_every_session_is_left_alone),
		cmocka_unit_test(mail_leaves_from_our_address),
		cmocka_unit_test(the_smarthost_gets_all_in_one_transaction),
		cmocka_unit_test(the_smarthost_proves_who_it_is_when_it_must),
		cmocka_unit_test(a_smarthost_that_refuses_us_defers),
		cmocka_unit_test(
		    a_smarthost_that_wants_a_login_keeps_all_waiting),
		cmocka_unit_test(a_server_that_wants_a_login_refuses_the_mail),
		cmocka_unit_test(a_stop_waits_for_what_was_sent),
		cmocka_unit_test(a_stop_waits_no_longer_than_it_may),
		cmocka_unit_test(a_stop_without_work_is_quick),
		cmocka_unit_test(may_be_freed_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
