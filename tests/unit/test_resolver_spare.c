#include "lib/net/resolver.h"

#include "tests/fakes/clock.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/name_servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	OWN = 5335,
	OTHER = 53,
	AGAIN_MS = 5000,
	PROBE_MS = 30000,
};

static struct loop *loop;
static struct resolver *resolver;

/* ---- asking ---- */

struct asker {
	struct dns_query query;
	enum dns_status status;
	bool authentic;
	unsigned server; /* the port of who answered */
};

static void
on_done(struct dns_query *query)
{
	struct asker *a = container_of(query, struct asker, query);
	a->status = query->answer->status;
	a->authentic = query->answer->authentic;
	if (a->status == DNS_FOUND) {
		const uint8_t *ip = query->answer->records[0].ip.bytes;
		a->server = (unsigned)ip[2] << 8 | ip[3];
	}
}

static struct asker
ask(const char *name)
{
	struct asker a = { 0 };
	dns_ask(resolver, &a.query, str_of(name), DNS_A, on_done);
	fake_loop_settle(loop);
	a.query = (struct dns_query){ 0 };
	return a;
}

static void
advance(int64_t ms)
{
	fake_clock_advance(ms);
	fake_loop_advance(loop, ms);
}

static void
fall_back(void)
{
	fake_server_set(OWN, FAKE_SERVFAIL);
	advance(PROBE_MS);
	assert_false(resolver_is_spare(resolver)); /* once is no proof */
	advance(AGAIN_MS);
	assert_true(resolver_is_spare(resolver));
}

static int
set_up(void **state)
{
	(void)state;
	fake_server_set(OWN, FAKE_UP);
	fake_server_set(OTHER, FAKE_UP);
	loop = loop_new();
	resolver = resolver_new(loop, "127.0.0.1:5335", true);
	resolver_add_spare(resolver, "192.0.2.53");
	advance(0);
	fake_server_asked(OWN);
	fake_server_asked(OTHER);
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

/* ---- cases ---- */

static void
test_our_own_is_asked_as_long_as_it_resolves(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		advance(PROBE_MS);
	assert_int_equal(fake_server_asked(OWN), 10);
	struct asker a = ask("a.example");
	assert_int_equal(a.server, OWN);
	assert_true(a.authentic);
	assert_false(resolver_is_spare(resolver));
	assert_int_equal(fake_server_asked(OTHER), 0);
}

static void
test_without_it_the_others_are_asked_and_never_believed(void **state)
{
	(void)state;
	fall_back();
	struct asker a = ask("a.example");
	assert_int_equal(a.status, DNS_FOUND);
	assert_int_equal(a.server, OTHER);
	assert_false(a.authentic);
}

static void
test_silence_counts_as_well(void **state)
{
	(void)state;
	fake_server_set(OWN, FAKE_SILENT);
	advance(PROBE_MS);
	advance(AGAIN_MS);
	assert_int_equal(ask("a.example").server, OTHER);
}

static void
test_failures_that_are_not_in_a_row_change_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		fake_server_set(OWN, FAKE_SERVFAIL);
		advance(PROBE_MS);
		fake_server_set(OWN, FAKE_UP);
		advance(AGAIN_MS);
	}
	assert_false(resolver_is_spare(resolver));
}

/* What the others said isn't kept then: it isn't authentic. */
static void
test_one_answer_leads_back(void **state)
{
	(void)state;
	fall_back();
	assert_false(ask("a.example").authentic);
	fake_server_set(OWN, FAKE_UP);
	assert_int_equal(ask("b.example").server, OTHER);
	advance(PROBE_MS);
	assert_false(resolver_is_spare(resolver));
	struct asker a = ask("a.example");
	assert_int_equal(a.server, OWN);
	assert_true(a.authentic);
}

static void
test_an_end_in_the_middle_of_a_probe(void **state)
{
	(void)state;
	fake_server_set(OWN, FAKE_HOLDS);
	advance(PROBE_MS);
	assert_int_equal(fake_server_asked(OWN), 1); /* and tear_down() ends */
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_our_own_is_asked_as_long_as_it_resolves),
		CASE(test_without_it_the_others_are_asked_and_never_believed),
		CASE(test_silence_counts_as_well),
		CASE(test_failures_that_are_not_in_a_row_change_nothing),
		CASE(test_one_answer_leads_back),
		CASE(test_an_end_in_the_middle_of_a_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
