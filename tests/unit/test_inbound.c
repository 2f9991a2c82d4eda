#include "tests/fakes/clock.h"
#include "tests/fakes/intake.h"
#include "tests/fakes/loop.h"
#include "tests/fakes/sign.h"
#include "tests/unit/gate.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	CALLERS = 6
};

static struct caller callers[CALLERS];
static int idle_calls;

static int
set_up(void **state)
{
	idle_calls = 0;
	return gate_open(state);
}

static int
tear_down(void **state)
{
	for (int i = 0; i < CALLERS; i++)
		caller_close(&callers[i]);
	return gate_close(state);
}

static void
on_idle(struct inbound *inbound)
{
	assert_ptr_equal(inbound, gate.inbound);
	idle_calls++;
}

/* ---- connections ---- */

static void
test_connections_have_limits(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		caller_open(&callers[i], PORT_SMTP, "127.0.0.2");
		caller_say(&callers[i], "NOOP\r\n", "250 ");
	}
	caller_open(&callers[4], PORT_SMTP, "127.0.0.2");
	assert_non_null(strstr(buf_cstr(&callers[4].heard), "421 4.7.0"));
	assert_null(callers[4].stream);
	caller_open(&callers[5], PORT_SMTP, "127.0.0.3");
	caller_say(&callers[5], "NOOP\r\n", "250 ");
	assert_int_equal(inbound_sessions(gate.inbound), 5);
	caller_close(&callers[0]);
	caller_close(&callers[4]);
	caller_open(&callers[0], PORT_SMTP, "127.0.0.2");
	caller_say(&callers[0], "NOOP\r\n", "250 ");
}

/* Whoever leaves behind the final dot leaves work for us, and would else begin
   the next one at once. */
static void
test_messages_left_behind_count_as_connections(void **state)
{
	(void)state;
	fake_intake.hold = true;
	for (int i = 0; i < 4; i++) {
		caller_open(&callers[0], PORT_SMTP, "127.0.0.2");
		caller_say(&callers[0],
		    "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\n"
		    "DATA\r\n",
		    "354 ");
		caller_say(&callers[0], "From: a@b.test\r\n\r\n.\r\n", "");
		caller_close(&callers[0]);
	}
	assert_int_equal(fake_intake.added, 4);
	assert_int_equal(inbound_sessions(gate.inbound), 0);
	caller_open(&callers[0], PORT_SMTP, "127.0.0.2");
	assert_non_null(strstr(buf_cstr(&callers[0].heard), "421 4.7.0"));
	fake_intake_let_go();
	fake_loop_settle(gate.loop);
	caller_open(&callers[1], PORT_SMTP, "127.0.0.2");
	caller_say(&callers[1], "NOOP\r\n", "250 ");
}

static void
twenty_mails(const char *last)
{
	char lines[20 * 32] = "HELO a\r\n";
	for (int i = 0; i < 20; i++)
		strcat(lines, "MAIL FROM:<>\r\nRSET\r\n");
	caller_open(&callers[0], PORT_SMTP, "127.0.0.2");
	caller_say(&callers[0], lines, last);
	caller_close(&callers[0]);
}

/* To come again is no way around the limit of a session. */
static void
test_mails_without_a_message_are_counted_over_sessions(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		twenty_mails("250 2.0.0 ");
	for (int i = 0; i < 30; i++) /* this costs no more */
		twenty_mails("421 4.7.0 ");
	caller_open(&callers[1], PORT_SMTP, "127.0.0.3");
	caller_say(&callers[1], "HELO a\r\nMAIL FROM:<>\r\n", "250 2.1.0 ");
	fake_clock_advance(20000);
	twenty_mails("250 2.0.0 ");
	twenty_mails("421 4.7.0 ");
}

static void
test_port_465_without_a_certificate_closes(void **state)
{
	struct tls_context *tls = gate.tls;
	(void)state;
	gate.tls = NULL;
	caller_open(&callers[0], PORT_SUBMISSIONS, "127.0.0.1");
	assert_null(callers[0].stream);
	caller_open(&callers[1], PORT_SMTP, "127.0.0.1");
	caller_say(&callers[1], "EHLO client.test\r\n", "250 ");
	assert_null(strstr(buf_cstr(&callers[1].heard), "STARTTLS"));
	gate.tls = tls;
	assert_int_equal(inbound_sessions(gate.inbound), 1);
}

/* ---- the end ---- */

static void
test_stopping_without_sessions(void **state)
{
	(void)state;
	inbound_stop(gate.inbound, on_idle);
	assert_int_equal(idle_calls, 0);
	fake_loop_advance(gate.loop, 1000);
	assert_int_equal(idle_calls, 1);
}

static void
test_stopping_tells_who_is_idle(void **state)
{
	(void)state;
	caller_ready(&callers[0], PORT_SMTP);
	caller_ready(&callers[1], PORT_SUBMISSIONS);
	inbound_stop(gate.inbound, on_idle);
	caller_say(&callers[0], "", "421 4.3.2");
	assert_non_null(strstr(buf_cstr(&callers[1].heard), "421 4.3.2"));
	fake_loop_advance(gate.loop, 1000);
	assert_int_equal(idle_calls, 1);
	assert_int_equal(inbound_sessions(gate.inbound), 0);
}

static void
test_stopping_lets_transactions_end(void **state)
{
	struct caller *c = &callers[0];
	(void)state;
	caller_ready(c, PORT_SMTP);
	caller_say(c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\n", "250 ");
	inbound_stop(gate.inbound, on_idle);
	fake_loop_advance(gate.loop, 1000);
	caller_say(c, "DATA\r\n", "354 ");
	fake_intake.hold = true;
	caller_say(c, "From: a@b.test\r\n\r\n.\r\n", "");
	fake_loop_advance(gate.loop, 1000);
	assert_int_equal(idle_calls, 0);
	fake_intake_let_go();
	fake_loop_advance(gate.loop, 1000);
	assert_non_null(strstr(buf_cstr(&c->heard), "250 2.0.0"));
	caller_say(c, "", "");
	assert_null(c->stream);
	assert_int_equal(idle_calls, 1);
}

static void
test_stopping_begins_nothing_new(void **state)
{
	struct caller *c = &callers[0];
	(void)state;
	caller_ready(c, PORT_SMTP);
	caller_say(c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\n", "250 ");
	inbound_stop(gate.inbound, on_idle);
	caller_say(c, "RSET\r\nMAIL FROM:<>\r\n", "421 4.3.2");
	assert_null(c->stream);
}

/* A message without a listener is waited for, too. */
static void
test_stopping_waits_for_the_queue(void **state)
{
	struct caller *c = &callers[0];
	(void)state;
	caller_ready(c, PORT_SMTP);
	fake_intake.hold = true;
	caller_say(c, "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n",
	    "354 ");
	caller_say(c, "From: a@b.test\r\n\r\n.\r\n", "");
	caller_close(c);
	inbound_stop(gate.inbound, on_idle);
	fake_loop_advance(gate.loop, 1000);
	assert_int_equal(idle_calls, 0);
	fake_intake_let_go();
	fake_loop_advance(gate.loop, 1000);
	assert_int_equal(idle_calls, 1);
}

/* inbound_free() in gate_close() cuts them in every state: leaks and late
   calls would be seen. */
static void
test_the_end_cuts_sessions_in_every_state(void **state)
{
	struct buf large = { 0 };
	(void)state;
	caller_ready(&callers[0], PORT_SMTP);
	caller_ready(&callers[1], PORT_SMTP);
	caller_say(&callers[1],
	    "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n", "354 ");
	caller_say(&callers[1], "From: a@b.test\r\n\r\nhalf", "");
	caller_ready(&callers[2], PORT_SUBMISSIONS);
	fake_sign_set(FAKE_SIGN_SILENT);
	caller_send(&callers[2], "ann@example.test", "x@elsewhere.test",
	    "From: ann@example.test\n\n", "");
	fake_intake.hold = true;
	caller_ready(&callers[3], PORT_SMTP);
	buf_adds(&large, "From: a@b.test\n\n");
	while (large.n < 200000)
		buf_adds(&large, "a line that goes on and on\n");
	caller_send(&callers[3], "", "ann@example.test", buf_cstr(&large), "");
	caller_open(&callers[4], PORT_SMTP, "127.0.0.4");
	caller_say(&callers[4], "EHLO client.test\r\n", "250 ");
	caller_send(
	    &callers[4], "", "ann@example.test", "From: a@b.test\n\n", "");
	buf_free(&large);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connections_have_limits),
		TEST(test_messages_left_behind_count_as_connections),
		TEST(test_mails_without_a_message_are_counted_over_sessions),
		TEST(test_port_465_without_a_certificate_closes),
		TEST(test_stopping_without_sessions),
		TEST(test_stopping_tells_who_is_idle),
		TEST(test_stopping_lets_transactions_end),
		TEST(test_stopping_begins_nothing_new),
		TEST(test_stopping_waits_for_the_queue),
		TEST(test_the_end_cuts_sessions_in_every_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
