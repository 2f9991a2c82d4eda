/* What is judged, and would be sent on to another server. */
#include "tests/fakes/counters.h"
#include "tests/fakes/intake.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/gate.h"

#include <setjmp.h>

#include <cmocka.h>

#define FROM(address) "From: " address "\nSubject: hello\n\nbody\n"
#define TXT(name, text) \
	{ \
		name, DNS_TXT, text, 0, false, 0 \
	}

static const struct fake_record world[] = {
	TXT("good.test", "v=spf1 ip4:127.0.0.1 -all"),
	TXT("soft.test", "v=spf1 ~all"),
	TXT("junk.test", "v=spf1 -all"),
	TXT("_dmarc.junk.test", "v=DMARC1; p=quarantine"),
	{ 0 },
};

static struct caller c;

static int
set_up(void **state)
{
	gate_open(state);
	fake_resolver_use(world);
	caller_ready(&c, PORT_SMTP);
	return 0;
}

static int
tear_down(void **state)
{
	caller_close(&c);
	return gate_close(state);
}

static struct str
first_folder(void)
{
	return fake_intake.envelope->recipients[0].folder;
}

static void
test_junk_is_not_sent_on(void **state)
{
	(void)state;
	gate_people(USER("ann@example.test", HORSE),
	    "away@example.test: cy@remote.test\n"
	    "both@example.test: away@example.test, ann@example.test\n");
	caller_send(&c, "eve@junk.test", "away@example.test",
	    FROM("eve@junk.test"), "550 5.7.1");
	assert_int_equal(fake_intake.added, 0);
	assert_int_equal(fake_counters.last, DISPOSITION_JUNK);
	caller_send(&c, "eve@junk.test", "both@example.test",
	    FROM("eve@junk.test"), "250 ");
	assert_int_equal(fake_intake.envelope->count, 1);
	assert_true(str_eq(first_folder(), STR("Junk")));
	caller_send(&c, "ann@good.test", "both@example.test",
	    FROM("ann@good.test"), "250 ");
	assert_int_equal(fake_intake.envelope->count, 2);
	assert_true(str_empty(first_folder()));
}

/* The desk takes all mail; whom its alias leads to elsewhere doesn't. */
static void
test_what_only_the_desk_takes_stays_with_it(void **state)
{
	(void)state;
	gate_people(USER("ann@example.test", HORSE),
	    "postmaster@example.test: ann@example.test, cy@remote.test\n"
	    "abuse@example.test: cy@remote.test\n");
	caller_send(&c, "eve@junk.test", "postmaster@example.test",
	    FROM("eve@junk.test"), "250 ");
	assert_int_equal(fake_intake.envelope->count, 1);
	assert_true(str_empty(first_folder()));
	caller_send(&c, "eve@junk.test", "abuse@example.test",
	    FROM("eve@junk.test"), "550 5.7.1");
	caller_send(&c, "ann@good.test", "postmaster@example.test",
	    FROM("ann@good.test"), "250 ");
	assert_int_equal(fake_intake.envelope->count, 2);
}

/* Who alone may be told of a forward that failed. */
static void
test_a_proven_sender_is_noted(void **state)
{
	static const struct {
		const char *sender;
		unsigned flags;
	} senders[] = {
		{ "ann@good.test", ENVELOPE_SENDER_PROVEN },
		{ "eve@soft.test", 0 },
		{ "eve@nothing.test", 0 },
		{ "", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		caller_send(&c, senders[i].sender, "ann@example.test",
		    FROM("ann@good.test"), "250 ");
		assert_int_equal(fake_intake.envelope->flags, senders[i].flags);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_junk_is_not_sent_on),
		TEST(test_what_only_the_desk_takes_stays_with_it),
		TEST(test_a_proven_sender_is_noted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
