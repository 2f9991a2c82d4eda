/* A stranger's message judged on its way in: real checks over a resolver that
   answers from a table. */
#include "tests/fakes/counters.h"
#include "tests/fakes/intake.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/resolver.h"
#include "tests/unit/gate.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANN "ann@example.test"
#define FROM(address) "From: " address "\nSubject: hello\n\nbody\n"
#define TXT(name, text) \
	{ \
		name, DNS_TXT, text, 0, false, 0 \
	}
#define ADDRESS(name, ip) \
	{ \
		name, DNS_A, ip, 0, false, 0 \
	}
#define TROUBLE(name) \
	{ \
		name, 0, NULL, DNS_TEMPFAIL, false, 0 \
	}

static const struct fake_record world[] = {
	TXT("none.test", "v=spf1 -all"),
	TXT("good.test", "v=spf1 ip4:127.0.0.1 -all"),
	TXT("reject.test", "v=spf1 -all"),
	TXT("_dmarc.reject.test", "v=DMARC1; p=reject"),
	TXT("junk.test", "v=spf1 -all"),
	TXT("_dmarc.junk.test", "v=DMARC1; p=quarantine"),
	TROUBLE("trouble.test"),
	TROUBLE("_dmarc.trouble.test"),
	{ 0 },
};

static const struct fake_record listed[] = {
	ADDRESS("2.0.0.127.list.test", "127.0.0.2"),
	ADDRESS("9.0.0.127.list.test", "127.0.0.3"),
	TXT("none.test", "v=spf1 -all"),
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

static void
send_mail(const char *sender, const char *text, const char *reply)
{
	caller_send(&c, sender, ANN, text, reply);
}

static const char *
folder(size_t at)
{
	assert_true(fake_intake.envelope->count > at);
	return fake_intake.envelope->recipients[at].folder.n ? "Junk" : "";
}

/* ---- the verdicts, as the client hears them ---- */

static void
test_who_may_not_send_is_refused(void **state)
{
	(void)state;
	send_mail("eve@none.test", FROM("eve@none.test"), "550 5.7.23");
	send_mail("eve@reject.test", FROM("eve@reject.test"), "550 5.7.26");
	assert_non_null(strstr(buf_cstr(&c.heard), "reject.test"));
	assert_int_equal(fake_intake.added, 0);
	send_mail("ann@good.test", FROM("ann@good.test"), "250 ");
	assert_non_null(strstr(gate_field("Received-SPF"), "pass"));
	assert_int_equal(fake_intake.memory, 0);
}

static void
test_quarantine_is_junk(void **state)
{
	(void)state;
	send_mail("eve@junk.test", FROM("eve@junk.test"), "250 ");
	assert_string_equal(folder(0), "Junk");
	send_mail("ann@good.test", FROM("ann@good.test"), "250 ");
	assert_string_equal(folder(0), "");
}

static void
test_reports_stay_in_their_folder(void **state)
{
	(void)state;
	caller_say(&c, "MAIL FROM:<eve@junk.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<" ANN ">\r\n", "250 ");
	caller_say(&c, "RCPT TO:<reports@example.test>\r\nDATA\r\n", "354 ");
	caller_say(&c, "From: eve@junk.test\r\n\r\n.\r\n", "250 ");
	const struct envelope *e = fake_intake.envelope;
	assert_int_equal(e->count, 2);
	assert_true(str_eq(e->recipients[0].folder, STR("Junk")));
	assert_true(str_eq(e->recipients[1].folder, STR("Reports")));
}

static const char *const unclear[] = {
	"Subject: x\n\n",
	"From: a@b.test\nFrom: a@b.test\n\n",
	"From: a@b.test, c@d.test\n\n",
	"From: friends: a@b.test;\n\n",
	"From: nobody\n\n",
	"no field\nFrom: a@b.test\n\n",
	"",
};

static void
test_an_unclear_author_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unclear / sizeof *unclear; i++)
		send_mail("a@b.test", unclear[i], "550 5.6.0");
	assert_int_equal(fake_intake.added, 0);
}

static void
test_trouble_is_temporary(void **state)
{
	(void)state;
	send_mail("ann@trouble.test", FROM("ann@trouble.test"), "451 4.");
	fake_resolver_use(NULL);
	send_mail("ann@trouble.test", FROM("ann@trouble.test"), "250 ");
}

static void
test_postmaster_is_never_refused(void **state)
{
	static const char *const roles[] = { "postmaster",
		"Postmaster@example.test", "abuse@other.test",
		"reports@example.test" };
	(void)state;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		caller_send(&c, "eve@reject.test", roles[i],
		    FROM("eve@reject.test"), "250 ");
	caller_say(&c,
	    "MAIL FROM:<eve@reject.test>\r\nRCPT TO:<postmaster>\r\n"
	    "RCPT TO:<" ANN ">\r\nDATA\r\n",
	    "354 ");
	caller_say(&c, "From: eve@reject.test\r\n\r\n.\r\n", "550 5.7.26");
}

/* Each is counted once: what is accepted when it is kept, not before. */
static void
test_verdicts_are_counted(void **state)
{
	(void)state;
	send_mail("eve@reject.test", FROM("eve@reject.test"), "550 5.7.26");
	assert_int_equal(fake_counters.told, 1);
	assert_int_equal(fake_counters.last, DISPOSITION_REJECT);
	send_mail("eve@junk.test", FROM("eve@junk.test"), "250 ");
	assert_int_equal(fake_counters.told, 2);
	assert_int_equal(fake_counters.last, DISPOSITION_JUNK);
	fake_intake.result = QUEUE_FULL;
	send_mail("ann@good.test", FROM("ann@good.test"), "452 4.3.1");
	assert_int_equal(fake_counters.told, 2);
}

static void
test_large_messages_are_judged_too(void **state)
{
	(void)state;
	struct buf text = { 0 };
	buf_adds(&text, "From: eve@reject.test\n\n");
	while (text.n < 300000)
		buf_adds(&text, "a line that goes on and on and on\n");
	send_mail("eve@reject.test", buf_cstr(&text), "550 5.7.26");
	assert_int_equal(fake_intake.bodies, 0);
	assert_int_equal(fake_intake.memory, 0);
	buf_free(&text);
}

static void
test_a_user_is_not_judged(void **state)
{
	struct caller user = { 0 };
	(void)state;
	fake_resolver_use(world);
	caller_ready(&user, PORT_SUBMISSIONS);
	caller_send(&user, ANN, ANN,
	    "Authentication-Results: mail.example.test; dmarc=pass\n"
	    "From: ann@example.test\n\nbody\n",
	    "250 ");
	assert_int_equal(fake_resolver_asked(), 0);
	assert_null(gate_field("Authentication-Results"));
	caller_close(&user);
}

/* ---- time ---- */

static void
begin(const char *sender)
{
	caller_sayf(&c, "354 ",
	    "MAIL FROM:<%s>\r\nRCPT TO:<" ANN ">\r\nDATA\r\n", sender);
}

static void
test_the_answer_waits_for_the_checks(void **state)
{
	(void)state;
	fake_resolver_hold(true);
	begin("ann@good.test");
	caller_say(&c, "From: ann@good.test\r\n\r\n.\r\n", "");
	assert_int_equal(fake_intake.added, 0);
	fake_resolver_hold(false);
	caller_say(&c, "", "250 ");
}

static void
test_who_vanishes_is_judged_all_the_same(void **state)
{
	(void)state;
	for (int good = 0; good < 2; good++) {
		const char *sender = good ? "ann@good.test" : "eve@none.test";
		fake_resolver_hold(true);
		begin(sender);
		caller_sayf(&c, "", "From: %s\r\n\r\n.\r\n", sender);
		caller_close(&c);
		assert_int_equal(inbound_sessions(gate.inbound), 0);
		fake_resolver_hold(false);
		fake_loop_settle(gate.loop);
		assert_int_equal(fake_intake.added, good);
		caller_ready(&c, PORT_SMTP);
	}
}

static void
test_the_end_finds_questions_under_way(void **state)
{
	(void)state;
	fake_resolver_hold(true);
	begin("ann@good.test");
	caller_say(&c, "From: ann@good.test\r\n\r\nhalf", "");
	inbound_free(gate.inbound);
	gate.inbound = NULL;
	fake_resolver_hold(false);
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.added, 0);
}

static void
test_the_end_finds_a_message_behind_its_dot(void **state)
{
	(void)state;
	fake_resolver_hold(true);
	begin("ann@good.test");
	caller_say(&c, "From: ann@good.test\r\n\r\n.\r\n", "");
	inbound_free(gate.inbound);
	gate.inbound = NULL;
	fake_resolver_hold(false);
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.added, 0);
}

static void
test_the_end_finds_a_message_with_the_queue(void **state)
{
	(void)state;
	fake_intake.hold = true;
	begin("ann@good.test");
	caller_say(&c, "From: ann@good.test\r\n\r\n.\r\n", "");
	inbound_free(gate.inbound);
	gate.inbound = NULL;
	fake_intake_let_go();
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.added, 1);
}

static void
test_what_is_reset_is_asked_no_more(void **state)
{
	(void)state;
	fake_resolver_hold(true);
	caller_say(&c, "MAIL FROM:<ann@good.test>\r\nRSET\r\n", "250 ");
	begin("eve@none.test");
	caller_say(&c, "From: eve@none.test\r\n\r\na\nb\r\n.\r\n", "550 5.5.2");
	fake_resolver_hold(false);
	send_mail("ann@good.test", FROM("ann@good.test"), "250 ");
}

/* Each MAIL costs questions. */
static void
test_mails_without_a_message_have_a_limit(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++)
		caller_say(&c, "MAIL FROM:<a@good.test>\r\nRSET\r\n", "250 ");
	send_mail("ann@good.test", FROM("ann@good.test"), "250 ");
	for (int i = 0; i < 20; i++)
		caller_say(&c, "MAIL FROM:<a@good.test>\r\nRSET\r\n", "250 ");
	caller_say(&c, "MAIL FROM:<a@good.test>\r\n", "421 4.7.0");
	assert_null(c.stream);
}

/* ---- the client's address ---- */

static void
use_list(enum dnsbl_action action)
{
	struct settings *s = &gate.folder.settings;
	s->allow_private_destinations = true;
	s->dnsbl = (struct dnsbl_list){ 1, { { STR("list.test"), 100 } } };
	s->dnsbl_action = action;
	caller_close(&c);
	gate_reopen();
	fake_resolver_use(listed);
}

static void
come_from(const char *address)
{
	caller_close(&c);
	caller_open(&c, PORT_SMTP, address);
	caller_say(&c, "EHLO client.test\r\n", "250 ");
}

static void
test_a_listed_client_goes_to_junk(void **state)
{
	(void)state;
	use_list(DNSBL_JUNK);
	come_from("127.0.0.9");
	send_mail("a@b.test", FROM("a@b.test"), "250 ");
	assert_string_equal(folder(0), "Junk");
	come_from("127.0.0.8");
	send_mail("a@b.test", FROM("a@b.test"), "250 ");
	assert_string_equal(folder(0), "");
}

static void
test_a_listed_client_may_be_refused(void **state)
{
	(void)state;
	use_list(DNSBL_REJECT);
	come_from("127.0.0.9");
	send_mail("a@b.test", FROM("a@b.test"), "554 5.7.1");
}

/* Without the setting such an address means nothing to anybody. */
static void
test_private_addresses_are_not_asked_about(void **state)
{
	(void)state;
	use_list(DNSBL_REJECT);
	gate.folder.settings.allow_private_destinations = false;
	come_from("127.0.0.9");
	send_mail("a@b.test", FROM("a@b.test"), "250 ");
	assert_string_equal(folder(0), "");
}

static void
test_the_end_finds_who_waits_for_a_list(void **state)
{
	(void)state;
	use_list(DNSBL_JUNK);
	for (int vanish = 0; vanish < 2; vanish++) {
		fake_resolver_hold(true);
		come_from("127.0.0.9");
		begin("a@b.test");
		caller_say(&c, "From: a@b.test\r\n\r\n.\r\n", "");
		if (vanish)
			caller_close(&c);
		gate_reopen();
		fake_resolver_hold(false);
		fake_loop_settle(gate.loop);
	}
	assert_int_equal(fake_intake.added, 0);
}

static void
test_to_vanish_is_no_way_around_a_list(void **state)
{
	(void)state;
	use_list(DNSBL_JUNK);
	fake_resolver_hold(true);
	come_from("127.0.0.9");
	begin("a@b.test");
	caller_say(&c, "From: a@b.test\r\n\r\n.\r\n", "");
	caller_close(&c);
	fake_resolver_hold(false);
	fake_loop_settle(gate.loop);
	assert_int_equal(fake_intake.added, 1);
	assert_string_equal(folder(0), "Junk");
}

/* RFC 5321 4.1.4: EHLO begins anew */
static void
meet_strangers(int from, int to)
{
	for (int i = from; i < to; i++) {
		caller_sayf(&c, "250 ", "EHLO mx%d.test\r\n", i);
		caller_sayf(&c, "250 ", "MAIL FROM:<a@domain%d.test>\r\n", i);
	}
	caller_say(&c, "EHLO client.test\r\n", "250 ");
}

static void
test_behind_a_gateway_addresses_decide_nothing(void **state)
{
	struct buf text = { 0 };
	size_t at = 0;
	(void)state;
	meet_strangers(0, 8);
	send_mail("eve@none.test", FROM("eve@none.test"), "550 5.7.23");
	assert_false(inbound_trouble(gate.inbound, &at, &text));
	meet_strangers(8, 10);
	send_mail("eve@none.test", FROM("eve@none.test"), "250 ");
	assert_null(gate_field("Received-SPF"));
	caller_say(&c, "MAIL FROM:<a@b.test>\r\n", "250 ");
	caller_say(&c, "RCPT TO:<a@elsewhere.test>\r\n", "550 5.7.1");
	at = 0;
	assert_true(inbound_trouble(gate.inbound, &at, &text));
	assert_non_null(strstr(buf_cstr(&text), "127.0.0.1"));
	assert_false(inbound_trouble(gate.inbound, &at, &text));
	buf_free(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_may_not_send_is_refused),
		TEST(test_quarantine_is_junk),
		TEST(test_reports_stay_in_their_folder),
		TEST(test_an_unclear_author_is_refused),
		TEST(test_trouble_is_temporary),
		TEST(test_postmaster_is_never_refused),
		TEST(test_verdicts_are_counted),
		TEST(test_large_messages_are_judged_too),
		TEST(test_a_user_is_not_judged),
		TEST(test_the_answer_waits_for_the_checks),
		TEST(test_who_vanishes_is_judged_all_the_same),
		TEST(test_the_end_finds_questions_under_way),
		TEST(test_the_end_finds_a_message_behind_its_dot),
		TEST(test_the_end_finds_a_message_with_the_queue),
		TEST(test_what_is_reset_is_asked_no_more),
		TEST(test_mails_without_a_message_have_a_limit),
		TEST(test_a_listed_client_goes_to_junk),
		TEST(test_a_listed_client_may_be_refused),
		TEST(test_private_addresses_are_not_asked_about),
		TEST(test_the_end_finds_who_waits_for_a_list),
		TEST(test_to_vanish_is_no_way_around_a_list),
		TEST(test_behind_a_gateway_addresses_decide_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
