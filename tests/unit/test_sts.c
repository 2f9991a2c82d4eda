#include "lib/trust/sts.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* ---- the record ---- */

#define NAME32 "a2345678901234567890123456789012"

static const struct {
	const char *texts[3];
	const char *id; /* NULL: none */
} records[] = {
	{ { "v=STSv1; id=20160831085700Z;" }, "20160831085700Z" },
	{ { "v=STSv1;id=1" }, "1" },
	{ { "v=STSv1; id=1; " }, "1" },
	{ { "v=STSv1 ;\tid=a1\t ; more=x" }, "a1" },
	{ { "v=STSv1; id=" NAME32 }, NAME32 },
	/* in any order, and of one that comes twice the first */
	{ { "v=STSv1; x=y; id=first; id=second" }, "first" },
	{ { "v=STSv1; id=first; id=not-an-id" }, "first" },
	/* what isn't known */
	{ { "v=STSv1; id=1; e=https://a.test/?(\"x'" }, "1" },
	{ { "v=STSv1; id=1; a.b-c_d=x; 9=y; " NAME32 "=z" }, "1" },
	{ { "v=STSv1; id=1; ID=2" }, "1" },
	/* only what begins as it must is one, and two are none */
	{ { "v=spf1 -all", "v=STSv1; id=1;", "v=STSv10; id=2" }, "1" },
	{ { "v=STSv1", "v=STSv1; id=1", " v=STSv1; id=2" }, "1" },
	{ { "v=stsv1; id=2", "v=STSv1; id=1", "id=3; v=STSv1" }, "1" },
	{ { "v=STSv1; id=1", "v=STSv1; id=1" }, NULL },
	{ { "v=STSv1; id=1", "v=STSv1;" }, NULL },
	{ { "V=stsv1; id=1" }, NULL },
	{ { " v=STSv1; id=1" }, NULL },
	{ { "id=1; v=STSv1" }, NULL },
	{ { "v=STSv1" }, NULL },
	{ { "v=STSv1 id=1" }, NULL },
	{ { "" }, NULL },
	{ { NULL }, NULL },
	/* malformed */
	{ { "v=STSv1;" }, NULL },
	{ { "v=STSv1; id=" }, NULL },
	{ { "v=STSv1; ID=1" }, NULL },
	{ { "v=STSv1; id=a-b" }, NULL },
	{ { "v=STSv1; id=a-b; id=ab" }, NULL },
	{ { "v=STSv1; id=a b" }, NULL },
	{ { "v=STSv1; id=1 " }, NULL },
	{ { "v=STSv1; id =1" }, NULL },
	{ { "v=STSv1; id= 1" }, NULL },
	{ { "v=STSv1; id=\"1\"" }, NULL },
	{ { "v=STSv1; id=" NAME32 "3" }, NULL },
	{ { "v=STSv1; ; id=1" }, NULL },
	{ { "v=STSv1; id=1;;" }, NULL },
	{ { "v=STSv1; id=1; x" }, NULL },
	{ { "v=STSv1; id=1; x=" }, NULL },
	{ { "v=STSv1; id=1; x=y z" }, NULL },
	{ { "v=STSv1; id=1; x=y=z" }, NULL },
	{ { "v=STSv1; id=1; x=\xc3\xbc" }, NULL },
	{ { "v=STSv1; id=1; _x=y" }, NULL },
	{ { "v=STSv1; id=1; " NAME32 "3=y" }, NULL },
};

static void
one_record_announces_a_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		struct dns_record list[3];
		struct dns_answer answer = { .records = list };
		struct str id;
		const char *why;
		while (answer.count < 3 && records[i].texts[answer.count]) {
			list[answer.count].type = DNS_TXT;
			list[answer.count].text =
			    str_of(records[i].texts[answer.count]);
			answer.count++;
		}
		bool found = sts_record_select(&answer, &arena, &id, &why);
		assert_int_equal(found, records[i].id != NULL);
		if (found)
			assert_str(id, str_of(records[i].id));
	}
}

/* ---- the policy ---- */

static struct sts_policy policy;

static bool
parse(const char *text)
{
	const char *why = NULL;
	bool good = sts_policy_parse(str_of(text), &arena, &policy, &why);
	assert_int_equal(good, why == NULL);
	return good;
}

/* RFC 8461 3.2, its example */
static void
a_policy_is_read(void **state)
{
	(void)state;
	assert_true(parse("version: STSv1\r\nmode: enforce\r\n"
			  "mx: mail.example.com\r\nmx: *.Example.NET\r\n"
			  "mx: backupmx.example.com\r\nmax_age: 604800\r\n"));
	assert_int_equal(policy.mode, STS_ENFORCE);
	assert_int_equal(policy.max_age, 604800);
	assert_int_equal(policy.count, 3);
	assert_str(policy.mx[1], STR("*.example.net"));
}

static void
small_differences_are_taken(void **state)
{
	(void)state;
	assert_true(parse("version:STSv1\nmode:testing\n\nfuture: x: y\n"
			  "mx:a.example\nmax_age:  86400 "));
	assert_int_equal(policy.mode, STS_TESTING);
	assert_int_equal(policy.max_age, 86400);
	/* both line ends, blanks behind, nothing behind the last line */
	assert_true(parse("version:\tSTSv1 \t\r\nmode: enforce\n\r\n"
			  "mx: A.example.\r\nx.y-z_0: \xc3\xbc\nmax_age: 007"));
	assert_int_equal(policy.max_age, 7);
	assert_str(policy.mx[0], STR("a.example"));
	/* in any order; without hosts, where none is needed */
	assert_true(parse("max_age: 1\nmx: a.example\nmode: enforce\n"
			  "mx: b.example\nversion: STSv1\n"));
	assert_int_equal(policy.count, 2);
	assert_true(parse("version: STSv1\nmode: none\nmax_age: 0\n"));
	assert_int_equal(policy.mode, STS_NONE);
	/* the first of a key that is there twice */
	assert_true(parse("version: STSv1\nmode: testing\nmode: enforce\n"
			  "mx: a.example\nmax_age: 1\nmax_age: 2\n"));
	assert_int_equal(policy.mode, STS_TESTING);
	assert_int_equal(policy.max_age, 1);
}

static void
a_life_has_a_limit(void **state)
{
	(void)state;
	assert_true(parse("version: STSv1\nmode: none\nmax_age: 9999999999\n"));
	assert_int_equal(policy.max_age, STS_MAX_AGE);
}

static void
what_is_malformed_is_no_policy(void **state)
{
	static const char *const bad[] = {
		"",
		"<html>not found</html>",
		"version: STSv2\nmode: none\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: x\n",
		("version: STSv1\nmode: enforce\nmx: a.example\n"
		 "max_age: 99999999999\n"),
		"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: \nmax_age: 1\n",
		"mode: enforce\nmx: a.example\nmax_age: 1\n",
		/* lines that are no fields */
		"version: STSv1\nmode: none\nmax_age: 1\nnothing\n",
		"version: STSv1\nmode: none\nmax_age: 1\n<p>: x\n",
		"version: STSv1\nmode: none\nmax_age: 1\n_x: y\n",
		"version: STSv1\nmode: none\nmax_age: 1\n: y\n",
		("version: STSv1\nmode: none\nmax_age: 1\n" NAME32 "3: y\n"),
		"version: STSv1\n mode: none\nmax_age: 1\n",
		"version: STSv1\nmode : none\nmax_age: 1\n",
		"version: STSv1\nMode: none\nmax_age: 1\n",
		"version: STSv1\rmode: none\rmax_age: 1\r",
		"version: STSv1\nmode: none\r\r\nmax_age: 1\n",
		"\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1\n",
		"version: STSv1\nmode: none\nmax_age: 1 day\n",
		"version: STSv1\nmode: none\nmax_age: +1\n",
		"version: STSv1\nmode: none\nmax_age:\n",
		/* a host is a name: not its address, not beyond ASCII */
		"version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: m\xc3\xbcx.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: .a.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example b\nmax_age: 1\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(parse(bad[i]));
}

static void
too_many_hosts_are_no_policy(void **state)
{
	struct buf text = { 0 };
	(void)state;
	buf_adds(&text, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (int i = 0; i < STS_MAX_MX; i++)
		buf_adds(&text, "mx: a.example\n");
	assert_true(parse(buf_cstr(&text)));
	buf_adds(&text, "mx: a.example\n");
	assert_false(parse(buf_cstr(&text)));
	buf_free(&text);
}

static void
hosts_match(void **state)
{
	(void)state;
	assert_true(parse("version: STSv1\nmode: enforce\nmax_age: 1\n"
			  "mx: mail.example.com\nmx: *.example.net\n"));
	assert_true(sts_policy_matches(&policy, STR("MAIL.example.com.")));
	assert_true(sts_policy_matches(&policy, STR("a.example.net")));
	assert_false(sts_policy_matches(&policy, STR("example.net")));
	assert_false(sts_policy_matches(&policy, STR("a.b.example.net")));
	assert_false(sts_policy_matches(&policy, STR("aexample.net")));
	assert_false(sts_policy_matches(&policy, STR("x.mail.example.com")));
	assert_false(sts_policy_matches(&policy, STR("")));
	assert_false(sts_policy_matches(&policy, STR(".example.net")));
	assert_false(sts_policy_matches(&policy, STR("*.example.net")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    one_record_announces_a_policy, teardown),
		cmocka_unit_test_teardown(a_policy_is_read, teardown),
		cmocka_unit_test_teardown(
		    small_differences_are_taken, teardown),
		cmocka_unit_test_teardown(a_life_has_a_limit, teardown),
		cmocka_unit_test_teardown(
		    what_is_malformed_is_no_policy, teardown),
		cmocka_unit_test_teardown(
		    too_many_hosts_are_no_policy, teardown),
		cmocka_unit_test_teardown(hosts_match, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
