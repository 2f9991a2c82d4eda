#include "lib/base/clock.h"
#include "lib/mail/srs.h"
#include "tests/fakes/intake.h"
#include "tests/unit/gate.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANN USER("ann@example.test", HORSE)
#define BOB USER("bob@other.test", STAPLE)

static struct caller c;

static int
set_up(void **state)
{
	gate_open(state);
	gate_people(ANN BOB,
	    "info@example.test: ann@example.test\n"
	    "all@example.test: ann@example.test, bob@other.test\n");
	return 0;
}

static int
tear_down(void **state)
{
	caller_close(&c);
	return gate_close(state);
}

struct row {
	const char *address, *reply;
};

static void
ask(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		caller_sayf(
		    &c, rows[i].reply, "RCPT TO:<%s>\r\n", rows[i].address);
}

static const struct row from_strangers[] = {
	{ "ann@example.test", "250 2.1.5" },
	{ "Ann+x@Example.Test", "250 2.1.5" },
	{ "postmaster", "250 2.1.5" },
	{ "abuse@other.test", "250 2.1.5" },
	{ "nobody@example.test", "550 5.1.1" },
	{ "ann@elsewhere.test", "550 5.7.1" },
	{ "ann@[192.0.2.1]", "550 5.7.1" },
	{ "ann%elsewhere.test@example.test", "550 5.1.1" },
	{ "@example.test:ann@elsewhere.test", "550 5.7.1" },
};

static void
test_strangers_reach_ours_alone(void **state)
{
	(void)state;
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<eve@sender.test>\r\n", "250 ");
	ask(from_strangers, sizeof from_strangers / sizeof *from_strangers);
}

/* DESIGN.md 1: no address is trusted, this host's own neither. */
static void
test_nobody_relays(void **state)
{
	static const char *const senders[] = { "ann@example.test", "",
		"root@mail.example.test" };
	(void)state;
	caller_ready(&c, PORT_SMTP);
	for (int i = 0; i < 3; i++) {
		caller_sayf(&c, "250 ", "MAIL FROM:<%s>\r\n", senders[i]);
		caller_say(&c, "RCPT TO:<x@elsewhere.test>\r\n", "550 5.7.1");
		caller_say(&c, "RSET\r\n", "250 ");
	}
}

static void
test_without_an_account_roles_wait(void **state)
{
	(void)state;
	gate_people("", "");
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<postmaster>\r\n", "450 4.2.1");
	caller_say(&c, "RCPT TO:<reports@other.test>\r\n", "450 4.2.1");
	caller_say(&c, "RCPT TO:<ann@example.test>\r\n", "550 5.1.1");
}

static void
test_who_is_reached_twice_gets_it_once(void **state)
{
	(void)state;
	caller_ready(&c, PORT_SMTP);
	caller_say(&c,
	    "MAIL FROM:<>\r\nRCPT TO:<Info@example.test>\r\n"
	    "RCPT TO:<all@example.test>\r\n"
	    "RCPT TO:<reports@example.test>\r\nDATA\r\n",
	    "354 ");
	caller_say(&c, "From: a@b.test\r\n\r\n.\r\n", "250 ");
	const struct envelope *e = fake_intake.envelope;
	assert_int_equal(e->count, 3);
	assert_true(str_eq(e->recipients[0].address, STR("ann@example.test")));
	assert_true(
	    str_eq(e->recipients[0].original, STR("Info@example.test")));
	assert_true(str_eq(e->recipients[1].address, STR("bob@other.test")));
	assert_true(str_eq(e->recipients[1].original, STR("all@example.test")));
	assert_true(str_eq(e->recipients[2].address, STR("ann@example.test")));
	assert_true(str_eq(e->recipients[2].folder, STR("Reports")));
	for (size_t i = 0; i < e->count; i++)
		assert_int_equal(e->recipients[i].kind, RECIPIENT_LOCAL);
}

static void
test_recipients_have_a_limit(void **state)
{
	(void)state;
	gate_people(ANN BOB USER("cy@example.test", HORSE) USER(
			"di@example.test", HORSE) USER("ed@example.test", HORSE)
			USER("flo@example.test", HORSE),
	    "five@example.test: ann@example.test, bob@other.test, "
	    "cy@example.test, di@example.test, ed@example.test\n"
	    "six@example.test: five@example.test, flo@example.test\n");
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<flo@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<five@example.test>\r\n", "452 4.5.3");
	caller_say(&c, "RCPT TO:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RSET\r\nMAIL FROM:<>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<six@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<ann@example.test>\r\n", "452 4.5.3");
}

static const struct row from_users[] = {
	{ "bob@other.test", "250 2.1.5" },
	{ "x@elsewhere.test", "250 2.1.5" },
	{ "nobody@example.test", "550 5.1.1" },
};

static void
test_users_reach_everybody(void **state)
{
	(void)state;
	caller_ready(&c, PORT_SUBMISSIONS);
	caller_say(&c, "MAIL FROM:<ann@example.test>\r\n", "250 ");
	ask(from_users, sizeof from_users / sizeof *from_users);
	caller_say(&c, "DATA\r\n", "354 ");
	caller_say(&c, "From: ann@example.test\r\n\r\n.\r\n", "250 ");
	const struct envelope *e = fake_intake.envelope;
	assert_int_equal(e->count, 2);
	assert_int_equal(e->recipients[0].kind, RECIPIENT_LOCAL);
	assert_int_equal(e->recipients[1].kind, RECIPIENT_REMOTE);
	assert_true(str_eq(e->recipients[1].address, STR("x@elsewhere.test")));
}

static void
test_users_have_a_rate(void **state)
{
	(void)state;
	gate.folder.settings.user_rate = (struct rate){ 3, 3600000 };
	caller_ready(&c, PORT_SUBMISSIONS);
	caller_say(&c, "MAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<bob@other.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<nobody@other.test>\r\n", "550 ");
	caller_say(&c, "RCPT TO:<x@elsewhere.test>\r\n", "250 ");
	caller_say(&c, "RSET\r\nMAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<bob@other.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<bob@other.test>\r\n", "421 4.7.0");
	assert_null(c.stream);
}

/* ---- elsewhere ---- */

static const char elsewhere[] =
    "away@example.test: cy@remote.test\n"
    "both@example.test: ann@example.test, away@example.test\n"
    "@other.test: rest@remote.test\n";

static void
assert_recipient(size_t i, enum recipient_kind kind, const char *address,
    const char *original)
{
	const struct envelope *e = fake_intake.envelope;
	assert_true(i < e->count);
	assert_int_equal(e->recipients[i].kind, kind);
	assert_true(str_eq(e->recipients[i].address, str_of(address)));
	assert_true(str_eq(e->recipients[i].original, str_of(original)));
}

static void
send_text(void)
{
	caller_say(&c, "DATA\r\n", "354 ");
	caller_say(&c, "From: ann@example.test\r\n\r\n.\r\n", "250 ");
}

static void
test_aliases_lead_elsewhere(void **state)
{
	(void)state;
	gate_people(ANN BOB, elsewhere);
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<eve@sender.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<both@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<away@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<x@other.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<cy@remote.test>\r\n", "550 5.7.1");
	send_text();
	assert_int_equal(fake_intake.envelope->count, 3);
	assert_recipient(
	    0, RECIPIENT_LOCAL, "ann@example.test", "both@example.test");
	assert_recipient(
	    1, RECIPIENT_FORWARD, "cy@remote.test", "both@example.test");
	assert_recipient(
	    2, RECIPIENT_FORWARD, "rest@remote.test", "x@other.test");
}

static void
test_who_is_also_written_to_gets_it_once(void **state)
{
	(void)state;
	gate_people(ANN BOB, elsewhere);
	caller_ready(&c, PORT_SUBMISSIONS);
	caller_say(&c, "MAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<cy@remote.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<away@example.test>\r\n", "250 ");
	send_text();
	assert_int_equal(fake_intake.envelope->count, 1);
	assert_recipient(
	    0, RECIPIENT_REMOTE, "cy@remote.test", "cy@remote.test");
}

static void
test_forwards_count_as_recipients(void **state)
{
	(void)state;
	gate_people(ANN BOB,
	    "four@example.test: a@remote.test, b@remote.test, c@remote.test, "
	    "d@remote.test\n");
	caller_ready(&c, PORT_SMTP);
	caller_say(
	    &c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<bob@other.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<four@example.test>\r\n", "452 4.5.3");
}

/* What an alias leads to elsewhere is what the account sends. */
static void
test_users_pay_for_each_forward(void **state)
{
	(void)state;
	gate_people(ANN BOB,
	    "four@example.test: a@remote.test, b@remote.test, c@remote.test, "
	    "d@remote.test\n"
	    "two@example.test: ann@example.test, bob@other.test\n");
	gate.folder.settings.user_rate = (struct rate){ 6, 3600000 };
	caller_ready(&c, PORT_SUBMISSIONS);
	caller_say(&c, "MAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<two@example.test>\r\n", "250 ");
	caller_say(&c, "RSET\r\nMAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<four@example.test>\r\n", "250 ");
	caller_say(&c, "RSET\r\nMAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<four@example.test>\r\n", "250 ");
	caller_say(&c, "RSET\r\nMAIL FROM:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<bob@other.test>\r\n", "421 4.7.0");
	assert_null(c.stream);
}

/* Counted is what is accepted, by domain of ours; mailboxes here go on. */
static void
test_strangers_make_us_send_on_so_much(void **state)
{
	(void)state;
	gate_people(ANN BOB, elsewhere);
	gate.folder.settings.forward_rate = (struct rate){ 2, 3600000 };
	caller_ready(&c, PORT_SMTP);
	for (int i = 0; i < 5; i++)
		caller_say(&c,
		    "MAIL FROM:<eve@sender.test>\r\n"
		    "RCPT TO:<away@example.test>\r\nRSET\r\n",
		    "250 ");
	for (int i = 0; i < 2; i++) {
		caller_say(&c, "MAIL FROM:<eve@sender.test>\r\n", "250 ");
		caller_say(&c, "RCPT TO:<Both@Example.test>\r\n", "250 ");
		send_text();
	}
	caller_say(&c, "MAIL FROM:<eve@sender.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<away@example.test>\r\n", "451 4.7.1");
	caller_say(&c, "RCPT TO:<ann@example.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<x@other.test>\r\n", "250 ");
	send_text();
	assert_int_equal(fake_intake.envelope->count, 2);
}

/* ---- back ---- */

static struct arena arena;

/* A return address of ours for this sender, made so many days ago. */
static const char *
return_address(const char *sender, const struct srs *srs, int days)
{
	struct address address, rewritten;
	const char *why;
	int64_t ms = clock_wall_ms() - INT64_C(86400000) * days;
	assert_true(address_parse(str_of(sender), &arena, &address, &why));
	assert_true(srs_forward(
	    srs, address, STR("example.test"), ms, &arena, &rewritten));
	return address_text(rewritten, &arena).p;
}

static void
test_reports_find_their_way_back(void **state)
{
	const char *one = return_address("eve@sender.test", &gate_srs, 20);
	const char *two = return_address(
	    "SRS0=abcd=ab=sender.test=eve@hop.test", &gate_srs, 0);
	(void)state;
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<>\r\n", "250 ");
	caller_sayf(&c, "250 ", "RCPT TO:<%s>\r\n", one);
	caller_sayf(&c, "250 ", "RCPT TO:<%s>\r\n", two);
	send_text();
	assert_int_equal(fake_intake.envelope->count, 2);
	assert_true(str_empty(fake_intake.envelope->sender));
	assert_recipient(0, RECIPIENT_FORWARD, "eve@sender.test", one);
	assert_recipient(
	    1, RECIPIENT_FORWARD, "SRS0=abcd=ab=sender.test=eve@hop.test", two);
	arena_free(&arena);
}

/* A loop between two forwarders makes such addresses. */
static void
test_hops_of_ours_are_all_undone(void **state)
{
	(void)state;
	const char *once = return_address("eve@sender.test", &gate_srs, 0);
	const char *twice = return_address(once, &gate_srs, 0);
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<>\r\n", "250 ");
	caller_sayf(&c, "250 ", "RCPT TO:<%s>\r\n", twice);
	send_text();
	assert_recipient(0, RECIPIENT_FORWARD, "eve@sender.test", twice);
	const char *own = return_address("ann@example.test", &gate_srs, 0);
	caller_say(&c, "MAIL FROM:<>\r\n", "250 ");
	caller_sayf(&c, "250 ", "RCPT TO:<%s>\r\n", own);
	send_text();
	assert_recipient(0, RECIPIENT_LOCAL, "ann@example.test", own);
	arena_free(&arena);
}

static void
test_return_addresses_are_no_relay(void **state)
{
	static const struct srs theirs = { { 6, 7 } };
	(void)state;
	gate_people(ANN BOB, "@example.test: ann@example.test\n");
	const char *good = return_address("eve@sender.test", &gate_srs, 0);
	const char *bad[] = {
		return_address("eve@sender.test", &theirs, 0),
		return_address("eve@sender.test", &gate_srs, 22),
		return_address("eve@sender.test", &gate_srs, -1),
		"SRS0=x@example.test",
		"srs1=aaaaaaaa=victim.test==x@example.test",
	};
	caller_ready(&c, PORT_SMTP);
	caller_say(&c, "MAIL FROM:<>\r\n", "250 ");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		caller_sayf(&c, "550 5.1.1", "RCPT TO:<%s>\r\n", bad[i]);
	caller_sayf(&c, "250 ", "RCPT TO:<%s>\r\n", good);
	caller_say(&c, "RSET\r\nMAIL FROM:<mallory@spam.test>\r\n", "250 ");
	caller_sayf(&c, "550 5.7.1", "RCPT TO:<%s>\r\n", good);
	caller_say(&c, "RCPT TO:<SRS0@example.test>\r\n", "250 ");
	arena_free(&arena);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_strangers_reach_ours_alone),
		TEST(test_nobody_relays),
		TEST(test_without_an_account_roles_wait),
		TEST(test_who_is_reached_twice_gets_it_once),
		TEST(test_recipients_have_a_limit),
		TEST(test_users_reach_everybody),
		TEST(test_users_have_a_rate),
		TEST(test_aliases_lead_elsewhere),
		TEST(test_who_is_also_written_to_gets_it_once),
		TEST(test_forwards_count_as_recipients),
		TEST(test_users_pay_for_each_forward),
		TEST(test_strangers_make_us_send_on_so_much),
		TEST(test_reports_find_their_way_back),
		TEST(test_hops_of_ours_are_all_undone),
		TEST(test_return_addresses_are_no_relay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
