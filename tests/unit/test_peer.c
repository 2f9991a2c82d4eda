#include "smtpd/inbound/peer.h"

#include "lib/base/log.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LISTED "203.0.114.9"
#define CLEAN "203.0.114.8"

enum {
	HOUR = 3600 * 1000
};

static struct settings settings = { 0 };
static struct loop *loop;
static struct resolver *resolver;
static struct dnsbl *dnsbl;
static struct peer_check check;
static int ended;

#define GOOD(zone) \
	{ \
		"2.0.0.127." zone, DNS_A, "127.0.0.2", 0, false, 0 \
	}
#define HIT(zone, answer) \
	{ \
		"9.114.0.203." zone, DNS_A, answer, 0, false, 0 \
	}
#define FAIL(name) \
	{ \
		name, 0, NULL, DNS_TEMPFAIL, false, 0 \
	}

static const struct fake_record good_lists[] = {
	GOOD("a.test"),
	GOOD("b.test"),
	HIT("a.test", "127.0.0.4"),
	HIT("b.test", "127.0.0.10"),
	{ "9.114.0.203.in-addr.arpa", DNS_PTR, "host.test", 0, false, 0 },
	{ "host.test", DNS_A, LISTED, 0, false, 0 },
	{ 0 },
};

static int
set_up(void **state)
{
	(void)state;
	settings.dnsbl = (struct dnsbl_list){
		2,
		{ { STR("a.test"), 60 }, { STR("b.test"), 70 } },
	};
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	dnsbl = dnsbl_new(loop, resolver, &settings);
	ended = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	peer_cancel(&check);
	dnsbl_free(dnsbl);
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

static struct ip
ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(str_of(text), &ip));
	return ip;
}

static void
on_done(struct peer_check *c)
{
	assert_ptr_equal(c, &check);
	ended++;
}

static void
start(const char *address)
{
	peer_cancel(&check);
	peer_start(&check, dnsbl, loop, resolver, ip_of(address));
}

static void
look_up(const char *address)
{
	start(address);
	fake_loop_settle(loop);
	assert_true(check.ended);
}

static const char *
trouble(void)
{
	size_t at = 0;
	const char *text = dnsbl_trouble(dnsbl, &at);
	return text ? text : "";
}

static void
assert_trouble(const char *zone, const char *why)
{
	if (!strstr(trouble(), zone) || !strstr(trouble(), why))
		fail_msg("no \"%s\" in: %s", why, trouble());
}

/* ---- hits ---- */

static void
test_weights_add_up(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	look_up(LISTED);
	assert_int_equal(check.weight, 130);
	assert_true(str_eq(check.list, STR("b.test")));
	look_up(CLEAN);
	assert_int_equal(check.weight, 0);
	assert_true(str_empty(check.list));
	assert_string_equal(trouble(), "");
}

static void
test_the_reverse_name_is_checked_beside(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	look_up(LISTED);
	assert_true(check.has_iprev);
	assert_int_equal(check.iprev.status, IPREV_PASS);
	look_up(CLEAN);
	assert_int_not_equal(check.iprev.status, IPREV_PASS);
}

/* RFC 5782 2.4 */
static void
test_ipv6_is_asked_in_nibbles(void **state)
{
	static const struct fake_record rows[] = {
		GOOD("a.test"),
		GOOD("b.test"),
		{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.4.6."
		  "0.6.2.a.test",
		    DNS_A, "127.0.0.2", 0, false, 0 },
		{ 0 },
	};
	(void)state;
	fake_resolver_use(rows);
	look_up("2606:4700::1");
	assert_int_equal(check.weight, 60);
}

static void
test_without_lists_nothing_is_asked_of_them(void **state)
{
	(void)state;
	dnsbl_free(dnsbl);
	settings.dnsbl.count = 0;
	dnsbl = dnsbl_new(loop, resolver, &settings);
	fake_resolver_use(NULL);
	look_up(LISTED);
	assert_in_range(fake_resolver_asked(), 0, BUDGET_IPREV);
	assert_int_equal(check.weight, 0);
}

/* The spare resolver is one of many people. */
static void
test_lists_are_not_asked_through_the_spare_resolver(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	fake_resolver_be_spare(true);
	look_up(LISTED);
	fake_resolver_be_spare(false);
	assert_int_equal(check.weight, 0);
	assert_in_range(fake_resolver_asked(), 0, BUDGET_IPREV);
	look_up(LISTED);
	assert_int_equal(check.weight, 130);
}

/* ---- lists that can't be believed ---- */

#define WHY_NONE "doesn't list the address for tests"
#define WHY_ALL "lists every address"
#define WHY_BLOCKED "refuses our questions"
#define WHY_NONSENSE "outside of 127.0.0.0/8"
#define WHY_SILENT "doesn't answer"

#define ALL(zone, answer) \
	{ "2.0.0.127." zone, DNS_A, answer, 0, false, 0 }, \
	    { "1.0.0.127." zone, DNS_A, answer, 0, false, 0 }, \
	{ \
		"9.114.0.203." zone, DNS_A, answer, 0, false, 0 \
	}

static const struct broken {
	struct fake_record rows[6];
	const char *why;
} broken[] = {
	{ { HIT("a.test", "127.0.0.2"), GOOD("b.test") }, WHY_NONE },
	{ { ALL("a.test", "127.0.0.2"), GOOD("b.test") }, WHY_ALL },
	{ { ALL("a.test", "127.255.255.254"), GOOD("b.test") }, WHY_BLOCKED },
	{ { ALL("a.test", "198.51.100.7"), GOOD("b.test") }, WHY_NONSENSE },
	{ { GOOD("a.test"), HIT("a.test", "127.255.255.252"), GOOD("b.test") },
	    WHY_BLOCKED },
	{ { GOOD("a.test"), HIT("a.test", "198.51.100.7"), GOOD("b.test") },
	    WHY_NONSENSE },
	{ { FAIL("2.0.0.127.a.test"), HIT("a.test", "127.0.0.2"),
	      GOOD("b.test") },
	    WHY_SILENT },
};

static void
test_broken_lists_are_ignored(void **state)
{
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		fake_resolver_use(broken[i].rows);
		look_up(LISTED);
		if (check.weight != 0)
			fail_msg("%zu has weight %u", i, check.weight);
		assert_trouble("a.test", broken[i].why);
		tear_down(state);
		set_up(state);
	}
}

static void
test_a_broken_list_spoils_no_other(void **state)
{
	static const struct fake_record rows[] = {
		ALL("a.test", "127.0.0.2"),
		GOOD("b.test"),
		HIT("b.test", "127.0.0.2"),
		{ 0 },
	};
	(void)state;
	fake_resolver_use(rows);
	look_up(LISTED);
	assert_int_equal(check.weight, 70);
	assert_true(str_eq(check.list, STR("b.test")));
}

static void
test_a_broken_list_is_not_asked(void **state)
{
	(void)state;
	fake_resolver_use(broken[1].rows);
	look_up(LISTED);
	unsigned first = fake_resolver_asked();
	look_up(LISTED);
	/* the tests of both lists, and a.test's question, are saved */
	assert_int_equal(fake_resolver_asked(), 2 * first - 5);
}

static void
test_tests_are_repeated_hourly(void **state)
{
	(void)state;
	fake_resolver_use(broken[1].rows);
	look_up(LISTED);
	assert_string_not_equal(trouble(), "");
	fake_resolver_use(good_lists);
	fake_clock_advance(HOUR - 1);
	look_up(LISTED);
	assert_int_equal(check.weight, 70);
	fake_clock_advance(1);
	look_up(LISTED);
	assert_int_equal(check.weight, 130);
	assert_string_equal(trouble(), "");
	fake_resolver_use(broken[0].rows);
	fake_clock_advance(HOUR);
	look_up(CLEAN);
	assert_trouble("a.test", WHY_NONE);
}

static void
test_a_silent_list_is_tried_again_soon(void **state)
{
	(void)state;
	fake_resolver_use(broken[6].rows);
	look_up(LISTED);
	fake_resolver_use(good_lists);
	fake_clock_advance(60000);
	look_up(LISTED);
	assert_int_equal(check.weight, 130);
	assert_string_equal(trouble(), "");
}

static void
test_one_silence_makes_no_good_list_bad(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	look_up(LISTED);
	fake_resolver_use(broken[6].rows);
	fake_clock_advance(HOUR);
	look_up(LISTED);
	assert_int_equal(check.weight, 60);
	assert_string_equal(trouble(), "");
}

/* ---- waiting ---- */

static void
test_who_waits_is_told_once(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	fake_resolver_hold(true);
	start(LISTED);
	fake_loop_settle(loop);
	assert_true(peer_pending(&check));
	peer_wait(&check, on_done);
	fake_loop_settle(loop);
	assert_int_equal(ended, 0);
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(ended, 1);
	assert_false(peer_pending(&check));
	fake_loop_advance(loop, 60000);
	assert_int_equal(ended, 1);
	peer_wait(&check, on_done);
	assert_int_equal(ended, 1); /* later */
	fake_loop_settle(loop);
	assert_int_equal(ended, 2);
}

static void
test_nobody_waits_for_longer_than_five_seconds(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	fake_resolver_hold(true);
	start(LISTED);
	peer_wait(&check, on_done);
	fake_loop_advance(loop, 4999);
	assert_int_equal(ended, 0);
	fake_loop_advance(loop, 1);
	assert_int_equal(ended, 1);
	assert_int_equal(check.weight, 0);
	assert_false(check.has_iprev);
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(ended, 1);
	assert_true(check.ended);
}

static void
test_who_waits_may_go(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	fake_resolver_hold(true);
	start(LISTED);
	peer_wait(&check, on_done);
	peer_unwait(&check);
	fake_loop_advance(loop, 60000);
	start(LISTED);
	peer_wait(&check, on_done);
	peer_cancel(&check);
	peer_cancel(&check);
	fake_resolver_hold(false);
	fake_loop_advance(loop, 60000);
	assert_int_equal(ended, 0);
}

/* The first client goes while the test that it began is under way. */
static void
test_a_test_outlives_who_began_it(void **state)
{
	(void)state;
	fake_resolver_use(good_lists);
	fake_resolver_hold(true);
	start(LISTED);
	peer_cancel(&check);
	start(LISTED);
	fake_resolver_hold(false);
	fake_loop_settle(loop);
	assert_int_equal(check.weight, 130);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_weights_add_up),
		TEST(test_the_reverse_name_is_checked_beside),
		TEST(test_ipv6_is_asked_in_nibbles),
		TEST(test_without_lists_nothing_is_asked_of_them),
		TEST(test_lists_are_not_asked_through_the_spare_resolver),
		TEST(test_broken_lists_are_ignored),
		TEST(test_a_broken_list_spoils_no_other),
		TEST(test_a_broken_list_is_not_asked),
		TEST(test_tests_are_repeated_hourly),
		TEST(test_a_silent_list_is_tried_again_soon),
		TEST(test_one_silence_makes_no_good_list_bad),
		TEST(test_who_waits_is_told_once),
		TEST(test_nobody_waits_for_longer_than_five_seconds),
		TEST(test_who_waits_may_go),
		TEST(test_a_test_outlives_who_began_it),
	};
	log_open(LOG_ERROR, false, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
