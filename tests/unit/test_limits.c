#include "smtpd/inbound/inbound_private.h"
#include "tests/fakes/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	MINUTE = 60000,
	HOUR = 60 * MINUTE
};

static struct settings settings = {
	.max_connections = 5,
	.connections_per_ip = 2,
	.auth_failures = { 10, 10 * MINUTE },
	.user_rate = { 300, HOUR },
	.forward_rate = { 3000, HOUR },
};
static struct limits limits;
static struct guard *guard;

static int
set_up(void **state)
{
	(void)state;
	guard = guard_new();
	limits_open(&limits, &settings, guard);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	limits_close(&limits);
	guard_free(guard);
	return 0;
}

static struct ip
ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(str_of(text), &ip));
	return ip;
}

/* ---- connections ---- */

static bool
connect(const char *text)
{
	return limits_connect(&limits, PORT_SMTP, ip_of(text));
}

static void
test_connections_of_one_address(void **state)
{
	(void)state;
	assert_true(connect("192.0.2.1"));
	assert_true(connect("192.0.2.1"));
	assert_false(connect("192.0.2.1"));
	assert_true(connect("192.0.2.2"));
	limits_disconnect(&limits, PORT_SMTP, ip_of("192.0.2.1"));
	assert_true(connect("192.0.2.1"));
	assert_false(connect("192.0.2.1"));
}

/* RFC 6177: a home has a whole /64 or more */
static void
test_connections_of_one_network(void **state)
{
	(void)state;
	assert_true(connect("2001:db8::1"));
	assert_true(connect("2001:db8::ffff:0:0:2"));
	assert_false(connect("2001:db8::3"));
	assert_true(connect("2001:db8:0:1::3"));
}

static void
test_connections_in_all(void **state)
{
	static const char *const from[] = { "192.0.2.1", "192.0.2.2",
		"192.0.2.3", "192.0.2.4", "192.0.2.5" };
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(connect(from[i]));
	assert_false(connect("192.0.2.6"));
	for (int i = 0; i < 5; i++)
		limits_disconnect(&limits, PORT_SMTP, ip_of(from[i]));
	assert_int_equal(limits.networks.count, 0);
	assert_true(connect("192.0.2.6"));
}

static bool
connect_user(const char *text)
{
	return limits_connect(&limits, PORT_SUBMISSIONS, ip_of(text));
}

/* Port 25 can't be made to fill what our users need. */
static void
test_strangers_leave_room_for_users(void **state)
{
	char from[32];
	(void)state;
	settings.ports[PORT_SUBMISSIONS] = 465;
	settings.max_connections = 100;
	for (int i = 0; i < 88; i++) {
		snprintf(from, sizeof from, "192.0.2.%d", i);
		assert_true(connect(from));
	}
	assert_false(connect("198.51.100.1"));
	for (int i = 0; i < 12; i++) {
		snprintf(from, sizeof from, "203.0.113.%d", i);
		assert_true(connect_user(from));
	}
	assert_false(connect_user("198.51.100.1"));
	limits_disconnect(&limits, PORT_SMTP, ip_of("192.0.2.1"));
	assert_true(connect("198.51.100.1"));
	settings.max_connections = 5;
	settings.ports[PORT_SUBMISSIONS] = 0;
}

static void
test_little_room_is_shared(void **state)
{
	(void)state;
	settings.ports[PORT_SUBMISSION] = 587;
	assert_true(connect("192.0.2.1"));
	assert_true(connect("192.0.2.2"));
	assert_true(connect("192.0.2.3"));
	assert_false(connect("192.0.2.4"));
	assert_true(connect_user("192.0.2.4"));
	settings.ports[PORT_SUBMISSION] = 0;
}

static void
make_gateway(const char *address)
{
	char name[32];
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "a@mx%d.test", i);
		guard_note(guard, ip_of(address), str_of(name), str_of(name));
	}
	assert_true(guard_is_gateway(guard, ip_of(address)));
}

static void
test_a_gateway_has_no_limit_of_its_own(void **state)
{
	(void)state;
	make_gateway("172.17.0.1");
	for (int i = 0; i < 5; i++)
		assert_true(connect("172.17.0.1"));
	assert_false(connect("172.17.0.1"));
}

/* ---- logins ---- */

static bool
may_login(const char *from, const char *account)
{
	return limits_may_login(&limits, ip_of(from), str_of(account));
}

static int64_t
fail_login(const char *from, const char *account)
{
	return limits_failed_login(&limits, ip_of(from), str_of(account));
}

static void
test_failures_are_answered_later_and_later(void **state)
{
	static const int64_t delays[] = { 0, 250, 500, 1000, 2000, 2000 };
	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(fail_login("192.0.2.1", "ann"), delays[i]);
	assert_int_equal(fail_login("192.0.2.2", "bob"), 0);
}

static void
test_an_address_is_refused_for_an_hour(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_true(may_login("192.0.2.1", ""));
		fail_login("192.0.2.1", i % 2 ? "ann" : "bob");
		fake_clock_advance(1000);
	}
	assert_false(may_login("192.0.2.1", ""));
	assert_true(may_login("192.0.2.2", ""));
	fake_clock_advance(HOUR - 2000);
	assert_false(may_login("192.0.2.1", ""));
	fake_clock_advance(2000);
	assert_true(may_login("192.0.2.1", ""));
}

static void
test_slow_failures_are_forgotten(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		fail_login("192.0.2.1", "ann");
		fake_clock_advance(MINUTE);
		assert_true(may_login("192.0.2.1", "ann"));
	}
}

static void
test_a_gateway_locks_nobody_out_but_an_account(void **state)
{
	(void)state;
	make_gateway("172.17.0.1");
	for (int i = 0; i < 30; i++)
		fail_login("172.17.0.1", "ann");
	assert_true(may_login("172.17.0.1", ""));
	assert_true(may_login("172.17.0.1", "bob"));
	assert_false(may_login("172.17.0.1", "ann"));
}

/* A botnet tries one account; its owner must still get in. */
static void
test_an_account_is_never_refused_from_elsewhere(void **state)
{
	char from[32];
	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(from, sizeof from, "192.0.2.%d", i);
		fail_login(from, "ann");
		assert_true(may_login(from, ""));
	}
	assert_false(may_login("192.0.2.5", "ann"));
	assert_true(may_login("192.0.2.5", "bob"));
	assert_true(may_login("198.51.100.1", "ann"));
	assert_true(fail_login("198.51.100.1", "ann") > 0);
}

static void
test_tables_are_bounded(void **state)
{
	char text[64];
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		fail_login(text, text);
		limits_recipient(&limits, str_of(text), 1);
		limits_forward(&limits, str_of(text));
		limits_wasted(&limits, ip_of(text), 1);
	}
	assert_int_equal(limits.addresses.map.count, 8192);
	assert_int_equal(limits.accounts.map.count, 8192);
	assert_int_equal(limits.users.map.count, 8192);
	assert_int_equal(limits.domains.map.count, 8192);
	assert_int_equal(limits.wasters.map.count, 8192);
	/* Whoever goes on is not the one that is forgotten. */
	assert_int_equal(fail_login(text, text), 250);
}

/* ---- MAIL without a message ---- */

static void
test_mails_that_lead_to_nothing(void **state)
{
	struct ip ip = ip_of("2001:db8::1");
	(void)state;
	for (int i = 0; i < 30; i++) {
		assert_true(limits_may_mail(&limits, ip));
		limits_wasted(&limits, ip, 20);
	}
	assert_false(limits_may_mail(&limits, ip));
	assert_false(limits_may_mail(&limits, ip_of("2001:db8::2")));
	assert_true(limits_may_mail(&limits, ip_of("2001:db8:0:1::1")));
	fake_clock_advance(1000);
	assert_true(limits_may_mail(&limits, ip));
	limits_wasted(&limits, ip, 1);
	assert_false(limits_may_mail(&limits, ip));
}

/* ---- recipients ---- */

static void
test_recipients_of_an_account(void **state)
{
	struct str ann = STR("ann@example.test");
	(void)state;
	for (int i = 0; i < 300; i++)
		assert_true(limits_recipient(&limits, ann, 1));
	assert_false(limits_recipient(&limits, ann, 1));
	assert_true(limits_recipient(&limits, STR("bob@other.test"), 1));
	fake_clock_advance(12000); /* one of 300 in an hour */
	assert_true(limits_recipient(&limits, ann, 1));
	assert_false(limits_recipient(&limits, ann, 1));
	fake_clock_advance(HOUR);
	for (int i = 0; i < 300; i++)
		assert_true(limits_recipient(&limits, ann, 1));
}

/* An alias of any size can be written to, and costs what it leads to. */
static void
test_addresses_of_an_alias_are_counted(void **state)
{
	struct str ann = STR("ann@example.test");
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(limits_recipient(&limits, ann, 201));
		assert_true(limits_recipient(&limits, ann, 98));
		assert_true(limits_recipient(&limits, ann, 99));
		assert_false(limits_recipient(&limits, ann, 1));
		fake_clock_advance(98 * 12000);
		assert_false(limits_recipient(&limits, ann, 1));
		fake_clock_advance(12000);
		assert_true(limits_recipient(&limits, ann, 1));
		assert_false(limits_recipient(&limits, ann, 1));
		fake_clock_advance(HOUR);
	}
}

static void
test_a_domain_sends_on_so_much(void **state)
{
	struct str ours = STR("example.test");
	(void)state;
	for (int i = 0; i < 3000; i++) {
		assert_true(limits_may_forward(&limits, ours));
		limits_forward(&limits, ours);
	}
	assert_false(limits_may_forward(&limits, ours));
	assert_true(limits_may_forward(&limits, STR("also.test")));
	fake_clock_advance(1200);
	assert_true(limits_may_forward(&limits, ours));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connections_of_one_address),
		TEST(test_connections_of_one_network),
		TEST(test_connections_in_all),
		TEST(test_strangers_leave_room_for_users),
		TEST(test_little_room_is_shared),
		TEST(test_a_gateway_has_no_limit_of_its_own),
		TEST(test_failures_are_answered_later_and_later),
		TEST(test_an_address_is_refused_for_an_hour),
		TEST(test_slow_failures_are_forgotten),
		TEST(test_a_gateway_locks_nobody_out_but_an_account),
		TEST(test_an_account_is_never_refused_from_elsewhere),
		TEST(test_tables_are_bounded),
		TEST(test_mails_that_lead_to_nothing),
		TEST(test_recipients_of_an_account),
		TEST(test_addresses_of_an_alias_are_counted),
		TEST(test_a_domain_sends_on_so_much),
	};
	log_open(LOG_ERROR, false, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
