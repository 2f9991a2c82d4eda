#include "lib/base/ip.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct ip
ip(const char *text)
{
	struct ip ip = { 0 };
	assert_true(ip_parse(str_of(text), &ip));
	return ip;
}

static void
text_is_read_and_printed_as_rfc_5952_says(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[IP_TEXT];
		ip_print(ip(cases[i][0]), text);
		assert_string_equal(text, cases[i][1]);
	}
	char text[IP_TEXT] = "x";
	ip_print((struct ip){ 0 }, text);
	assert_string_equal(text, "");
}

static void
what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const struct str cases[] = {
		{ "", 0 },
		{ "192.0.2", 7 },
		{ "192.0.2.256", 11 },
		{ "192.0.2.01", 10 },
		{ "192.0.2.1\0", 10 },
		{ "192.0.2.1 ", 10 },
		{ "[::1]", 5 },
		{ "fe80::1%eth0", 12 },
		{ "2001:db8::1::2", 14 },
		{ "1:2:3:4:5:6:7:8:9", 17 },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", 49 },
		{ "mail.example.com", 16 },
	};
	struct ip out;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_false(ip_parse(cases[i], &out));
}

static void
prefixes_are_matched_by_bits(void **state)
{
	(void)state;
	static const struct {
		const char *ip, *net;
		unsigned bits;
		bool within;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.0", 24, true },
		{ "192.0.3.1", "192.0.2.0", 24, false },
		{ "192.0.3.1", "192.0.2.0", 23, true },
		{ "192.0.2.1", "192.0.2.1", 32, true },
		{ "192.0.2.0", "192.0.2.1", 32, false },
		{ "8.8.8.8", "0.0.0.0", 0, true },
		{ "192.0.2.1", "192.0.2.1", 33, false },
		{ "2001:db8::1", "2001:db8::", 32, true },
		{ "2001:db9::1", "2001:db8::", 32, false },
		{ "2001:db9::1", "2001:db8::", 31, true },
		{ "2001:db8::1", "2001:db8::1", 128, true },
		{ "2001:db8::3", "2001:db8::1", 127, false },
		{ "2001:db8::1", "2001:db8::1", 129, false },
		{ "::1", "0.0.0.0", 0, false },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(ip_in_prefix(ip(cases[i].ip), ip(cases[i].net),
				     cases[i].bits),
		    cases[i].within);
}

static void
networks_are_masked(void **state)
{
	(void)state;
	char text[IP_TEXT];
	ip_print(ip_network(ip("203.0.113.77"), 28, 64), text);
	assert_string_equal(text, "203.0.113.64");
	ip_print(ip_network(ip("2001:db8:1:2:3:4:5:6"), 32, 64), text);
	assert_string_equal(text, "2001:db8:1:2::");
	assert_true(
	    ip_eq(ip_network(ip("192.0.2.1"), 32, 128), ip("192.0.2.1")));
	assert_false(ip_eq(ip("0.0.0.0"), ip("::")));
}

static void
special_addresses_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *ip;
		bool special;
	} cases[] = {
		{ "0.1.2.3", true },
		{ "9.255.255.255", false },
		{ "10.0.0.1", true },
		{ "11.0.0.0", false },
		{ "100.63.255.255", false },
		{ "100.64.0.1", true },
		{ "100.128.0.0", false },
		{ "127.0.0.53", true },
		{ "169.254.1.1", true },
		{ "172.15.255.255", false },
		{ "172.16.0.1", true },
		{ "172.31.255.255", true },
		{ "172.32.0.0", false },
		{ "192.0.0.1", true },
		{ "192.0.1.1", false },
		{ "192.0.2.1", true },
		{ "192.88.99.1", true },
		{ "192.168.1.1", true },
		{ "198.17.255.255", false },
		{ "198.19.255.255", true },
		{ "198.51.100.1", true },
		{ "203.0.113.1", true },
		{ "223.255.255.255", false },
		{ "224.0.0.1", true },
		{ "255.255.255.255", true },
		{ "8.8.8.8", false },
		{ "::", true },
		{ "::1", true },
		{ "::8.8.8.8", true },
		{ "::ffff:10.0.0.1", true },
		{ "::ffff:8.8.8.8", false },
		{ "64:ff9b::8.8.8.8", false },
		{ "64:ff9b::10.0.0.1", true },
		{ "64:ff9b:1::8.8.8.8", true },
		{ "100::1", true },
		{ "2001::1", true },
		{ "2001:1ff::1", true },
		{ "2001:200::1", false },
		{ "2001:db8::1", true },
		{ "2001:4860:4860::8888", false },
		{ "2002:808:808::1", false },
		{ "2002:a00:1::1", true },
		{ "2002:c0a8:101::1", true },
		{ "3fff::1", true },
		{ "3ffe::1", false },
		{ "fc00::1", true },
		{ "fd12::1", true },
		{ "fe80::1", true },
		{ "ff02::1", true },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (ip_is_special(ip(cases[i].ip)) != cases[i].special)
			fail_msg("%s", cases[i].ip);
	assert_true(ip_is_special((struct ip){ 0 }));
}

static void
loopback_is_known(void **state)
{
	(void)state;
	assert_true(ip_is_loopback(ip("127.255.0.1")));
	assert_true(ip_is_loopback(ip("::1")));
	assert_true(ip_is_loopback(ip("::ffff:127.0.0.1")));
	assert_false(ip_is_loopback(ip("128.0.0.1")));
	assert_false(ip_is_loopback(ip("::2")));
	assert_false(ip_is_loopback((struct ip){ 0 }));
}

static void
socket_addresses_go_both_ways(void **state)
{
	(void)state;
	static const char *const cases[] = { "192.0.2.1", "2001:db8::1" };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sockaddr_storage address;
		uint16_t port;
		assert_true(ip_to_sockaddr(ip(cases[i]), 2525, &address) > 0);
		struct ip back =
		    ip_from_sockaddr((struct sockaddr *)&address, &port);
		assert_true(ip_eq(back, ip(cases[i])));
		assert_int_equal(port, 2525);
	}
}

static void
a_mapped_socket_address_becomes_ipv4(void **state)
{
	(void)state;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	uint16_t port;
	memcpy(&in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	assert_true(ip_eq(
	    ip_from_sockaddr((struct sockaddr *)&in6, &port), ip("192.0.2.1")));
}

static void
other_families_are_no_address(void **state)
{
	(void)state;
	struct sockaddr_storage address = { .ss_family = AF_UNIX };
	uint16_t port = 1;
	struct ip out = ip_from_sockaddr((struct sockaddr *)&address, &port);
	assert_int_equal(out.family, 0);
	assert_int_equal(port, 0);
	assert_int_equal(ip_to_sockaddr(out, 25, &address), 0);
}

static void
endpoints_have_a_port_or_the_default(void **state)
{
	(void)state;
	static const struct {
		const char *text, *ip; /* NULL: refused */
		uint16_t port;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", 53 },
		{ "192.0.2.1:25", "192.0.2.1", 25 },
		{ "192.0.2.1:65535", "192.0.2.1", 65535 },
		{ "2001:db8::1", "2001:db8::1", 53 },
		{ "[2001:db8::1]", "2001:db8::1", 53 },
		{ "[2001:db8::1]:25", "2001:db8::1", 25 },
		{ "192.0.2.1:", NULL, 0 },
		{ "192.0.2.1:0", NULL, 0 },
		{ "192.0.2.1:65536", NULL, 0 },
		{ "192.0.2.1:x", NULL, 0 },
		{ "[2001:db8::1", NULL, 0 },
		{ "[2001:db8::1]25", NULL, 0 },
		{ "[2001:db8::1]:", NULL, 0 },
		{ "[]:25", NULL, 0 },
		{ ":25", NULL, 0 },
		{ "", NULL, 0 },
		{ "mail.example.com:25", NULL, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ip out;
		uint16_t port;
		bool good =
		    ip_parse_endpoint(str_of(cases[i].text), 53, &out, &port);
		assert_int_equal(good, cases[i].ip != NULL);
		if (!good)
			continue;
		assert_true(ip_eq(out, ip(cases[i].ip)));
		assert_int_equal(port, cases[i].port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_and_printed_as_rfc_5952_says),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(prefixes_are_matched_by_bits),
		cmocka_unit_test(networks_are_masked),
		cmocka_unit_test(special_addresses_are_known),
		cmocka_unit_test(loopback_is_known),
		cmocka_unit_test(socket_addresses_go_both_ways),
		cmocka_unit_test(a_mapped_socket_address_becomes_ipv4),
		cmocka_unit_test(other_families_are_no_address),
		cmocka_unit_test(endpoints_have_a_port_or_the_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
