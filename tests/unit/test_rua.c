#include "lib/report/rua.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static void
addresses_of_mail(void **state)
{
	static const struct {
		const char *uri, *wanted; /* NULL: none */
		uint64_t limit;
	} cases[] = {
		{ "mailto:d@a.test", "d@a.test", 0 },
		{ "MAILTO:D@A.Test", "D@a.test", 0 },
		{ "mailto:d@a.test!10m", "d@a.test", 10 << 20 },
		{ "mailto:d@a.test!50K", "d@a.test", 50 << 10 },
		{ "mailto:d@a.test!7", "d@a.test", 7 },
		{ "mailto:a%21b%2b@a.test", "a!b+@a.test", 0 },
		{ "mailto:d@a.test?subject=x", "d@a.test", 0 },
		{ "mailto:d@a.test!", NULL, 0 },
		{ "mailto:d@a.test!0", NULL, 0 },
		{ "mailto:d@a.test!10x", NULL, 0 },
		{ "mailto:d@a.test!99999999999t", NULL, 0 },
		{ "mailto:d", NULL, 0 },
		{ "mailto:d@a.test%", NULL, 0 },
		{ "mailto:d@a.test%0d%0aRCPT", NULL, 0 },
		{ "mailto:d@[192.0.2.1]", NULL, 0 },
		{ "mailto:<d@a.test>", NULL, 0 },
		{ "mailto:d@a.test,e@a.test", NULL, 0 },
		{ "mailto:", NULL, 0 },
		{ "d@a.test", NULL, 0 },
		{ "", NULL, 0 },
		{ "ftp://a.test/", NULL, 0 },
		{ "http://a.test/", NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rua rua;
		const char *why = NULL;
		bool good = rua_parse(str_of(cases[i].uri), &arena, &rua, &why);
		if (good != (cases[i].wanted != NULL))
			print_error("%s: %s\n", cases[i].uri, why);
		assert_int_equal(good, cases[i].wanted != NULL);
		if (!good)
			continue;
		assert_int_equal(rua.kind, RUA_MAIL);
		assert_string_equal(
		    address_text(rua.address, &arena).p, cases[i].wanted);
		assert_true(rua.limit == cases[i].limit);
	}
}

static void
addresses_of_hosts(void **state)
{
	static const struct {
		const char *uri, *host, *path;
		uint16_t port;
	} cases[] = {
		{ "https://A.Test/v1?x=Y", "a.test", "/v1?x=Y", 443 },
		{ "https://a.test", "a.test", "/", 443 },
		{ "https://a.test:8443/r", "a.test", "/r", 8443 },
		{ "https://a.test:0/", NULL, NULL, 0 },
		{ "https://a.test:65536/", NULL, NULL, 0 },
		{ "https://a.test:/", NULL, NULL, 0 },
		{ "https://localhost/", NULL, NULL, 0 },
		{ "https://[::1]/", NULL, NULL, 0 },
		{ "https://user@a.test/", NULL, NULL, 0 },
		{ "https://a.test/#x", NULL, NULL, 0 },
		{ "https://a.test/ x", NULL, NULL, 0 },
		{ "https://a.test/\r\nHost: b", NULL, NULL, 0 },
		{ "https:a.test/", NULL, NULL, 0 },
		{ "https:///x", NULL, NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rua rua;
		const char *why = NULL;
		bool good = rua_parse(str_of(cases[i].uri), &arena, &rua, &why);
		if (good != (cases[i].host != NULL))
			print_error("%s: %s\n", cases[i].uri, why);
		assert_int_equal(good, cases[i].host != NULL);
		if (!good)
			continue;
		assert_int_equal(rua.kind, RUA_HTTPS);
		assert_string_equal(rua.host.p, cases[i].host);
		assert_string_equal(rua.path.p, cases[i].path);
		assert_int_equal(rua.port, cases[i].port);
	}
}

static void
a_list_gives_the_first_that_can_be_used(void **state)
{
	(void)state;
	struct rua_list list;
	rua_parse_list(STR("gopher:x, mailto:a@a.test ,mailto:broken,"
			   "https://b.test/,mailto:c@a.test,"
			   "mailto:d@a.test,mailto:e@a.test"),
	    &arena, &list);
	assert_int_equal(list.count, RUA_MAX);
	assert_true(str_eq(list.all[0].address.local, STR("a")));
	assert_int_equal(list.all[1].kind, RUA_HTTPS);
	assert_true(str_eq(list.all[3].address.local, STR("d")));
	rua_parse_list(STR(""), &arena, &list);
	assert_int_equal(list.count, 0);
}

static void
nobody_is_in_a_list_twice(void **state)
{
	(void)state;
	struct rua_list list;
	rua_parse_list(STR("mailto:a@a.test,mailto:a@A.test!1k,mailto:A@a.test,"
			   "https://a.test,https://a.test:443/,mailto:b@a.test,"
			   "https://a.test:444/"),
	    &arena, &list);
	assert_int_equal(list.count, 4);
	assert_int_equal(list.all[0].limit, 0);
	assert_true(str_eq(list.all[1].address.local, STR("A")));
	assert_int_equal(list.all[2].kind, RUA_HTTPS);
	assert_true(str_eq(list.all[3].address.local, STR("b")));
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(addresses_of_mail, tear_down),
		cmocka_unit_test_teardown(addresses_of_hosts, tear_down),
		cmocka_unit_test_teardown(
		    a_list_gives_the_first_that_can_be_used, tear_down),
		cmocka_unit_test_teardown(nobody_is_in_a_list_twice, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
