#include "smtpd/inbound/guard.h"

#include "lib/base/log.h"
#include "tests/fakes/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	MINUTE = 60000,
	HOUR = 60 * MINUTE
};

static struct guard *guard;

static int
set_up(void **state)
{
	(void)state;
	guard = guard_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
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

static bool
is_gateway(const char *address)
{
	return guard_is_gateway(guard, ip_of(address));
}

/* The n-th of hosts and domains that have nothing to do with each other. */
static void
note(const char *address, int host, int domain)
{
	char helo[32], sender[32];
	snprintf(helo, sizeof helo, "mx.host%d.test", host);
	snprintf(sender, sizeof sender, "ann@domain%d.test", domain);
	guard_note(guard, ip_of(address), str_of(helo), str_of(sender));
}

static void
note_many(const char *address, int from, int to)
{
	for (int i = from; i < to; i++)
		note(address, i, i);
}

static void
ten_unrelated_clients_make_a_gateway(void **state)
{
	struct buf text = { 0 };
	(void)state;
	note_many("172.17.0.1", 0, 9);
	assert_false(is_gateway("172.17.0.1"));
	assert_false(guard_trouble(guard, &text));
	note("172.17.0.1", 9, 9);
	assert_true(is_gateway("172.17.0.1"));
	assert_false(is_gateway("172.17.0.2"));
	assert_true(guard_trouble(guard, &text));
	assert_non_null(strstr(buf_cstr(&text), "172.17.0.1"));
	assert_non_null(strstr(buf_cstr(&text), "network_mode: host"));
	buf_free(&text);
}

static void
only_inside_addresses_can_be_gateways(void **state)
{
	static const struct {
		const char *address;
		bool can;
	} rows[] = {
		{ "10.1.2.3", true },
		{ "172.16.0.1", true },
		{ "172.32.0.1", false },
		{ "192.168.255.1", true },
		{ "100.64.0.1", true },
		{ "100.128.0.1", false },
		{ "169.254.1.1", true },
		{ "127.0.0.1", true },
		{ "::1", true },
		{ "fd00::1", true },
		{ "fe80::1", true },
		{ "8.8.8.8", false },
		{ "192.0.2.1", false },
		{ "203.0.113.1", false },
		{ "2001:db8::1", false },
		{ "2606:4700::1", false },
		{ "0.0.0.0", false },
		{ "224.0.0.1", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		note_many(rows[i].address, 0, 20);
		if (is_gateway(rows[i].address) != rows[i].can)
			fail_msg("%s", rows[i].address);
	}
}

/* A host of the same network may relay for many, or belong to many hosts. */
static void
relatives_are_one_client(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		note("10.0.0.1", 0, i);
		note("10.0.0.2", i, 0);
	}
	assert_false(is_gateway("10.0.0.1"));
	assert_false(is_gateway("10.0.0.2"));
}

static void
names_are_compared_without_case(void **state)
{
	char helo[] = "mail.test", sender[] = "a@sender.test";
	(void)state;
	for (int i = 0; i < 20; i++) {
		helo[i % 4] ^= ' ';
		sender[2 + i % 6] ^= ' ';
		guard_note(
		    guard, ip_of("10.0.0.1"), str_of(helo), str_of(sender));
	}
	assert_false(is_gateway("10.0.0.1"));
}

static void
bounces_prove_nothing(void **state)
{
	char helo[32];
	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(helo, sizeof helo, "mx%d.test", i);
		guard_note(guard, ip_of("10.0.0.1"), str_of(helo), STR(""));
	}
	assert_false(is_gateway("10.0.0.1"));
}

static void
clients_far_apart_prove_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		note("10.0.0.1", i, i);
		fake_clock_advance(7 * MINUTE);
	}
	assert_false(is_gateway("10.0.0.1"));
}

static void
it_ends_an_hour_after_the_evidence(void **state)
{
	(void)state;
	note_many("10.0.0.1", 0, 10);
	fake_clock_advance(HOUR - 1);
	assert_true(is_gateway("10.0.0.1"));
	fake_clock_advance(1);
	assert_false(is_gateway("10.0.0.1"));
	note("10.0.0.1", 1, 1);
	assert_false(is_gateway("10.0.0.1"));
	note_many("10.0.0.1", 0, 10);
	fake_clock_advance(HOUR / 2);
	note("10.0.0.1", 3, 3);
	fake_clock_advance(HOUR - 1);
	assert_true(is_gateway("10.0.0.1"));
}

static void
many_addresses_take_a_bounded_room(void **state)
{
	char address[32];
	(void)state;
	note_many("10.0.0.1", 0, 10);
	for (int i = 0; i < 1000; i++) {
		snprintf(
		    address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
		fake_clock_advance(1);
		note(address, 0, 0);
		if (i % 30 == 0)
			note("10.0.0.1", 0, 0); /* who goes on is kept */
	}
	assert_true(is_gateway("10.0.0.1"));
	for (int i = 0; i < 64; i++) {
		snprintf(address, sizeof address, "10.2.0.%d", i);
		fake_clock_advance(1);
		note(address, 0, 0);
	}
	assert_false(is_gateway("10.0.0.1"));
}

#define GUARD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GUARD_TEST(ten_unrelated_clients_make_a_gateway),
		GUARD_TEST(only_inside_addresses_can_be_gateways),
		GUARD_TEST(relatives_are_one_client),
		GUARD_TEST(names_are_compared_without_case),
		GUARD_TEST(bounces_prove_nothing),
		GUARD_TEST(clients_far_apart_prove_nothing),
		GUARD_TEST(it_ends_an_hour_after_the_evidence),
		GUARD_TEST(many_addresses_take_a_bounded_room),
	};
	log_open(LOG_ERROR, false, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
