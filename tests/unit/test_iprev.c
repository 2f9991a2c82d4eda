#include "lib/trust/iprev.h"

#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static struct resolver *resolver;
static struct budget budget;
static unsigned answers;

static void
on_done(struct iprev_check *check)
{
	(void)check;
	answers++;
}

static void
on_done_cancel(struct iprev_check *check)
{
	answers++;
	iprev_cancel(check);
}

#define PTR(name, value) \
	{ \
		name ".in-addr.arpa", DNS_PTR, value, DNS_FOUND, false, 60 \
	}
#define A(name, value) \
	{ \
		name, DNS_A, value, DNS_FOUND, false, 60 \
	}
#define FAILS(name, type) \
	{ \
		name, type, NULL, DNS_TEMPFAIL, false, 0 \
	}
#define NIBBLES "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"

static const struct fake_record world[] = {
	A("good.test", "192.0.2.1"),
	PTR("1.2.0.192", "good.test"),
	PTR("2.2.0.192", "good.test"), /* of another address */
	PTR("3.2.0.192", "nowhere.test"),
	FAILS("4.2.0.192.in-addr.arpa", DNS_PTR),
	PTR("5.2.0.192", "broken.test"),
	FAILS("broken.test", 0),
	PTR("6.2.0.192", "broken.test"),
	PTR("6.2.0.192", "six.test"),
	A("six.test", "192.0.2.66"),
	A("six.test", "192.0.2.6"),
	PTR("7.2.0.192", "x1.test"),
	PTR("7.2.0.192", "x2.test"),
	PTR("7.2.0.192", "x3.test"),
	PTR("7.2.0.192", "seven.test"),
	A("seven.test", "192.0.2.7"),
	PTR("8.2.0.192", "bad name\\010.test"),
	PTR("9.2.0.192", "bad name.test"),
	PTR("9.2.0.192", "nine.test"),
	A("nine.test", "192.0.2.9"),
	{ "10.2.0.192.in-addr.arpa", DNS_PTR, NULL, DNS_NODATA, false, 0 },
	{ "1.0.0.0." NIBBLES ".ip6.arpa", DNS_PTR, "v6.test", DNS_FOUND, false,
	    60 },
	A("v6.test", "192.0.2.1"),
	{ "v6.test", DNS_AAAA, "2001:db8::1", DNS_FOUND, false, 60 },
	{ 0 },
};

static void
start(struct iprev_check *check, const char *address)
{
	struct ip ip;
	assert_true(ip_parse(str_of(address), &ip));
	answers = 0;
	budget = (struct budget){ 60 };
	fake_resolver_use(world);
	iprev_start(check, loop, resolver, &budget, ip, on_done);
	assert_int_equal(answers, 0); /* never from within */
}

/* RFC 8601 2.7.3, and what it costs */
static void
judges_an_address(void **state)
{
	(void)state;
	static const struct {
		const char *ip, *status, *name;
		unsigned asked;
	} cases[] = {
		{ "192.0.2.1", "pass", "good.test", 2 },
		{ "2001:db8::1", "pass", "v6.test", 2 },
		{ "192.0.2.2", "fail", "good.test", 2 },
		{ "192.0.2.3", "fail", "nowhere.test", 2 },
		{ "192.0.2.4", "temperror", "", 1 },
		{ "192.0.2.5", "temperror", "broken.test", 2 },
		{ "192.0.2.6", "pass", "six.test", 3 },
		{ "192.0.2.8", "fail", "", 1 },
		{ "192.0.2.9", "pass", "nine.test", 2 },
		{ "192.0.2.10", "permerror", "", 1 },
		{ "192.0.2.99", "permerror", "", 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct iprev_check check = { 0 };
		start(&check, cases[i].ip);
		fake_loop_settle(loop);
		assert_int_equal(answers, 1);
		assert_string_equal(
		    iprev_status_name(check.status), cases[i].status);
		assert_str(check.name, str_of(cases[i].name));
		assert_int_equal(fake_resolver_asked(), cases[i].asked);
		assert_int_equal(budget.left, 60 - cases[i].asked);
		iprev_cancel(&check);
	}
}

static void
looks_at_three_names_at_most(void **state)
{
	(void)state;
	struct iprev_check check = { 0 };
	start(&check, "192.0.2.7");
	fake_loop_settle(loop);
	assert_int_equal(check.status, IPREV_FAIL);
	assert_str(check.name, STR("x1.test"));
	assert_int_equal(fake_resolver_asked(), BUDGET_IPREV);
	iprev_cancel(&check);
}

static void
asks_about_the_wanted_name_first(void **state)
{
	(void)state;
	static const struct {
		const char *wanted, *name;
		enum iprev_status status;
		unsigned asked;
	} cases[] = {
		{ "Seven.test", "seven.test", IPREV_PASS, 2 },
		{ "x2.test", "x2.test", IPREV_FAIL, 4 },
		{ "good.test", "x1.test", IPREV_FAIL, 4 }, /* no PTR says so */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct iprev_check check = { .wanted =
						 str_of(cases[i].wanted) };
		start(&check, "192.0.2.7");
		fake_loop_settle(loop);
		assert_int_equal(check.status, cases[i].status);
		assert_str(check.name, str_of(cases[i].name));
		assert_int_equal(fake_resolver_asked(), cases[i].asked);
		iprev_cancel(&check);
	}
}

static void
asks_no_more_than_the_budget_allows(void **state)
{
	(void)state;
	static const enum iprev_status statuses[] = { IPREV_TEMPERROR,
		IPREV_FAIL, IPREV_PASS };
	struct ip ip;
	ip_parse(STR("192.0.2.1"), &ip);
	for (unsigned left = 0; left < 3; left++) {
		struct iprev_check check = { 0 };
		answers = 0;
		budget = (struct budget){ left };
		fake_resolver_use(world);
		iprev_start(&check, loop, resolver, &budget, ip, on_done);
		assert_int_equal(answers, 0);
		fake_loop_settle(loop);
		assert_int_equal(answers, 1);
		assert_int_equal(check.status, statuses[left]);
		assert_int_equal(fake_resolver_asked(), left);
		iprev_cancel(&check);
	}
}

static void
waits_no_longer_than_the_deadline(void **state)
{
	(void)state;
	struct iprev_check check = { 0 };
	start(&check, "192.0.2.1");
	fake_resolver_hold(true);
	fake_loop_advance(loop, 19999); /* PTR has been answered before */
	fake_loop_advance(loop, 1);
	assert_int_equal(answers, 1);
	assert_int_equal(check.status, IPREV_TEMPERROR);
	iprev_cancel(&check);
	fake_resolver_hold(false);
}

static void
can_be_cancelled_at_any_time(void **state)
{
	(void)state;
	struct iprev_check check = { 0 };
	struct ip ip;
	iprev_cancel(&check);
	start(&check, "192.0.2.1");
	iprev_cancel(&check);
	iprev_cancel(&check);
	fake_loop_settle(loop);
	assert_int_equal(answers, 0);

	ip_parse(STR("192.0.2.1"), &ip);
	budget = (struct budget){ 0 };
	iprev_start(&check, loop, resolver, &budget, ip, on_done);
	iprev_cancel(&check);
	fake_loop_settle(loop);
	assert_int_equal(answers, 0);

	budget = (struct budget){ 4 };
	iprev_start(&check, loop, resolver, &budget, ip, on_done_cancel);
	fake_loop_settle(loop);
	assert_int_equal(answers, 1);
	assert_null(check.run);
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(loop, "", false);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_an_address),
		cmocka_unit_test(looks_at_three_names_at_most),
		cmocka_unit_test(asks_about_the_wanted_name_first),
		cmocka_unit_test(asks_no_more_than_the_budget_allows),
		cmocka_unit_test(waits_no_longer_than_the_deadline),
		cmocka_unit_test(can_be_cancelled_at_any_time),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
