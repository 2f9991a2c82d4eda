/* What the dialogs can't tell: deadlines, bounds, the order of callbacks, and
   what the owner may do at which time. */
#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"
#include "tests/unit/player.h"
#include "tests/unit/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const struct reply ok = REPLY_IS(250, "2.0.0", "OK");

/* ---- deadlines ---- */

static void
expect_deadline(struct host *h, int64_t ms)
{
	fake_loop_advance(h->loop, ms - 1);
	assert_str(host_hear(h), STR(""));
	assert_int_equal(h->gone, 0);
	fake_loop_advance(h->loop, 1);
	assert_str(host_hear(h), STR("421 4.4.2 Idle for too long\r\n"));
	assert_int_equal(h->gone, 1);
}

static void
test_deadline_of_a_command(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	fake_loop_advance(h->loop, COMMAND_MS - 1);
	host_expect(h, "NOOP\r\n", "250 2.0.0 OK\r\n");
	fake_loop_advance(h->loop, COMMAND_MS - 1);
	host_expect(h, "NOOP\r\n", "250 2.0.0 OK\r\n");
	expect_deadline(h, COMMAND_MS);
	host_close(h);
}

static void
test_deadline_before_any_command(void **state)
{
	(void)state;
	struct host *h = host_open(SOCK_STREAM);
	host_hear(h);
	expect_deadline(h, COMMAND_MS);
	host_close(h);
}

/* A byte now and then doesn't hold us, neither in a line nor in one that is
   skipped. */
static void
test_deadline_is_not_moved_by_half_a_line(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_say(h, STR("NO\n")); /* refused, but its end is still to come */
	host_hear(h);
	fake_loop_advance(h->loop, COMMAND_MS - 2);
	host_expect(h, "N", "");
	fake_loop_advance(h->loop, 1);
	host_expect(h, "O", "");
	expect_deadline(h, 1);
	host_close(h);
}

/* Half a minute, whatever a command may take. */
static void
test_deadline_of_a_handshake(void **state)
{
	(void)state;
	player_setup();
	struct host *h = host_open_tls(SOCK_STREAM, player_server_tls);
	fake_loop_advance(h->loop, 29999);
	assert_int_equal(h->gone, 0);
	fake_loop_advance(h->loop, 1);
	assert_int_equal(h->gone, 1);
	assert_str(host_hear(h), STR(""));
	host_close(h);
	player_teardown();
}

static void
test_deadline_of_a_message(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	expect_deadline(h, DATA_MS);
	assert_str(buf_str(&h->calls), STR("mail rcpt data gone "));
	host_close(h);
}

static void
test_deadline_of_a_message_is_moved_by_steps(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	char line[4097];
	memset(line, 'x', sizeof line);
	host_in_data(h);
	for (int i = 0; i < 3; i++) {
		fake_loop_advance(h->loop, DATA_MS - 1);
		host_say(h, (struct str){ line, 4096 });
	}
	fake_loop_advance(h->loop, DATA_MS - 1);
	host_say(h, STR("xxx"));
	expect_deadline(h, 1);
	host_close(h);
}

/* Sends so many octets each minute, for an hour; the minutes that it could. */
static int
send_slowly(struct host *h, size_t octets)
{
	static char piece[70000];
	memset(piece, 'x', sizeof piece);
	for (int minute = 0; minute < 60; minute++) {
		fake_loop_advance(h->loop, 60000);
		if (h->gone)
			return minute;
		host_say(h, (struct str){ piece, octets });
	}
	return 60;
}

static void
test_a_message_has_a_least_pace(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	assert_int_equal(send_slowly(h, 8192), 14); /* 15 minutes are over */
	assert_str(host_hear(h), STR("421 4.4.2 Too slow\r\n"));
	host_close(h);
}

static void
test_the_least_pace_is_enough(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->options.max_size = 10 << 20;
	host_in_data(h);
	assert_int_equal(send_slowly(h, 70000), 60);
	host_expect(h, "\r\n.\r\n", "250 2.0.0 OK\r\n");
	fake_loop_advance(h->loop, COMMAND_MS - 1);
	assert_int_equal(h->gone, 0); /* no pace behind its end */
	host_close(h);
}

static void
test_a_pause_does_not_count_as_slow(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	smtp_server_pause(&h->server, true);
	fake_loop_advance(h->loop, 3600000);
	assert_int_equal(h->gone, 0);
	smtp_server_pause(&h->server, false);
	host_close(h);
}

/* While the service takes its time, the peer is not to blame. */
static void
test_no_deadline_while_an_answer_is_due(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->wait = true;
	host_expect(h, "MAIL FROM:<>\r\n", "");
	fake_loop_advance(h->loop, 10 * COMMAND_MS);
	assert_int_equal(h->gone, 0);
	smtp_server_reply(&h->server, ok);
	assert_str(host_hear(h), STR("250 2.0.0 OK\r\n"));
	expect_deadline(h, COMMAND_MS);
	host_close(h);
}

static void
test_no_deadline_while_paused(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	smtp_server_pause(&h->server, true);
	fake_loop_advance(h->loop, 10 * DATA_MS);
	assert_int_equal(h->gone, 0);
	smtp_server_pause(&h->server, false);
	fake_loop_settle(h->loop);
	expect_deadline(h, DATA_MS);
	host_close(h);
}

/* ---- one segment in, one segment out ---- */

/* The pair keeps the bounds of what is sent at once. */
static void
test_one_send_for_a_batch(void **state)
{
	(void)state;
	char got[1000];
	struct host *h = host_greeted(SOCK_SEQPACKET);
	host_say(h,
	    STR("MAIL FROM:<ann@sender.example>\r\n"
		"RCPT TO:<you@example.test>\r\n"
		"RCPT TO:<me@example.test>\r\n"
		"DATA\r\n"));
	ssize_t n = recv(h->fd, got, sizeof got, 0);
	assert_true(n > 0);
	assert_str(((struct str){ got, (size_t)n }),
	    STR("250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n"
		"354 Go ahead\r\n"));
	host_expect(
	    h, "x\r\n.\r\nQUIT\r\n", "250 2.0.0 OK\r\n221 2.0.0 Bye\r\n");
	host_close(h);
}

/* ---- bounds ---- */

/* A peer that talks and doesn't listen is not read any further. */
static void
test_output_is_bounded(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	size_t said = 0, heard = 0;
	for (ssize_t n = 0; n >= 0 && said < 100000000; said += (size_t)n) {
		n = send(h->fd, "HELP\r\nHELP\r\n", 12, MSG_NOSIGNAL);
		fake_loop_settle(h->loop);
		if (n < 0)
			break;
	}
	assert_true(said < 2000000); /* the sockets' buffers, and ours */
	assert_true(stream_pending(h->server.stream) < 70000);
	for (size_t n = 1; n > 0; heard += n)
		n = host_hear(h).n;
	assert_int_equal(
	    heard, said / 6 * strlen("214 2.0.0 See RFC 5321\r\n"));
	host_close(h);
}

static void
test_input_is_bounded_while_an_answer_is_due(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->wait = true;
	host_expect(h, "MAIL FROM:<>\r\n", "");
	for (int i = 0; i < 1000000; i++) {
		if (send(h->fd, "NOOP\r\n", 6, MSG_NOSIGNAL) < 0)
			break;
		fake_loop_settle(h->loop);
	}
	assert_true(stream_input(h->server.stream).n <= 65536 + 16384);
	assert_str(host_hear(h), STR(""));
	smtp_server_reply(&h->server, ok);
	assert_true(host_hear(h).n > 65536);
	host_close(h);
}

/* ---- the owner ---- */

static void
test_addresses_live_until_reset(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	assert_int_equal(h->server.recipients, 1);
	host_expect(h, "x\r\n.\r\n", "250 2.0.0 OK\r\n");
	assert_str(
	    buf_str(&h->addresses), STR("ann@sender.example you@example.test"));
	assert_str(buf_str(&h->message), STR("x\r\n"));
	assert_str(buf_str(&h->calls), STR("mail rcpt data end reset "));
	assert_int_equal(h->server.recipients, 0);
	host_close(h);
}

/* The answer to one command never runs the next from within. */
static void
test_a_later_answer_calls_nothing_within(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	h->wait = true;
	host_expect(h, ".\r\nMAIL FROM:<>\r\n", "");
	h->within = true;
	smtp_server_reply(&h->server, ok);
	smtp_server_reply(&h->server, ok); /* one too many */
	h->within = false;
	assert_str(buf_str(&h->calls), STR("mail rcpt data end "));
	assert_str(host_hear(h), STR("250 2.0.0 OK\r\n"));
	assert_str(buf_str(&h->calls), STR("mail rcpt data end reset mail "));
	host_close(h);
}

static void
test_answer_after_the_peer_has_gone(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	h->wait = true;
	host_expect(h, ".\r\n", "");
	shutdown(h->fd, SHUT_RDWR);
	fake_loop_advance(h->loop, 0);
	assert_str(buf_str(&h->calls), STR("mail rcpt data end gone "));
	host_close(h);
}

/* Between the end of the session and gone() the owner may still answer. */
static void
test_answer_behind_close(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->wait = true;
	host_expect(h, "MAIL FROM:<>\r\n", "");
	smtp_server_close(&h->server, REPLY(421, "4.3.2", "Stopping"));
	smtp_server_reply(&h->server, ok);
	smtp_server_challenge(&h->server, STR(""));
	smtp_server_pause(&h->server, true);
	smtp_server_close(&h->server, REPLY(421, "4.3.2", "Stopping"));
	assert_int_equal(h->gone, 0);
	assert_str(host_hear(h), STR("421 4.3.2 Stopping\r\n"));
	assert_int_equal(h->gone, 1);
	host_close(h);
}

static void
test_idle(void **state)
{
	(void)state;
	struct host *h = host_open(SOCK_STREAM);
	assert_true(smtp_server_idle(&h->server));
	host_hear(h);
	host_expect(h, "HELO client.example\r\n", "250 mx.example.test\r\n");
	assert_true(smtp_server_idle(&h->server));
	h->wait = true;
	host_expect(h, "MAIL FROM:<>\r\n", "");
	assert_false(smtp_server_idle(&h->server));
	smtp_server_reply(&h->server, ok);
	host_hear(h);
	assert_false(smtp_server_idle(&h->server));
	h->wait = false;
	host_expect(h, "RSET\r\n", "250 2.0.0 OK\r\n");
	assert_true(smtp_server_idle(&h->server));
	host_in_data(h);
	assert_false(smtp_server_idle(&h->server));
	host_expect(h, ".\r\n", "250 2.0.0 OK\r\n");
	assert_true(smtp_server_idle(&h->server));
	host_close(h);
}

static void
test_close_before_the_banner(void **state)
{
	(void)state;
	struct host *h = host_open(SOCK_STREAM);
	smtp_server_close(&h->server, REPLY(421, "4.7.0", "Too many"));
	assert_int_equal(h->gone, 0);
	assert_str(host_hear(h), STR("421 4.7.0 Too many\r\n"));
	host_close(h);
}

static void
test_close_in_a_message(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	smtp_server_close(&h->server, REPLY(421, "4.3.2", "Stopping"));
	assert_str(host_hear(h), STR("421 4.3.2 Stopping\r\n"));
	host_close(h);
}

static void
test_implicit_tls_without_certificate(void **state)
{
	(void)state;
	struct host *h = host_open_tls(SOCK_STREAM, NULL);
	assert_int_equal(h->gone, 0);
	assert_str(host_hear(h), STR(""));
	assert_str(buf_str(&h->calls), STR("gone "));
	host_close(h);
}

/* The certificate has gone since EHLO offered it. */
static void
test_starttls_that_is_no_longer_possible(void **state)
{
	(void)state;
	player_setup();
	struct host *h = host_greeted(SOCK_STREAM);
	h->tls = player_server_tls;
	host_say(h, STR("EHLO client.example\r\n"));
	struct str offers = host_hear(h);
	assert_true(str_search(offers, STR("250-STARTTLS")) < offers.n);
	h->tls = NULL;
	host_expect(h, "STARTTLS\r\n", "454 4.7.0 TLS is not possible now\r\n");
	host_expect(h, "NOOP\r\n", "250 2.0.0 OK\r\n");
	host_close(h);
	player_teardown();
}

/* Nothing is left to be read of it, so nobody would end the pause. */
static void
test_pause_ends_with_the_message(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	h->pause = true;
	host_expect(
	    h, "x\r\n.\r\nNOOP\r\n", "250 2.0.0 OK\r\n250 2.0.0 OK\r\n");
	host_close(h);
}

/* A pause holds back what was read already. */
static void
test_pause(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	host_in_data(h);
	smtp_server_pause(&h->server, true);
	host_expect(h, "x\r\n.\r\nNOOP\r\n", "");
	assert_str(buf_str(&h->message), STR(""));
	smtp_server_pause(&h->server, false);
	assert_str(host_hear(h), STR("250 2.0.0 OK\r\n250 2.0.0 OK\r\n"));
	assert_str(buf_str(&h->message), STR("x\r\n"));
	host_close(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline_of_a_command),
		cmocka_unit_test(test_deadline_before_any_command),
		cmocka_unit_test(test_deadline_is_not_moved_by_half_a_line),
		cmocka_unit_test(test_deadline_of_a_handshake),
		cmocka_unit_test(test_deadline_of_a_message),
		cmocka_unit_test(test_deadline_of_a_message_is_moved_by_steps),
		cmocka_unit_test(test_a_message_has_a_least_pace),
		cmocka_unit_test(test_the_least_pace_is_enough),
		cmocka_unit_test(test_a_pause_does_not_count_as_slow),
		cmocka_unit_test(test_no_deadline_while_an_answer_is_due),
		cmocka_unit_test(test_no_deadline_while_paused),
		cmocka_unit_test(test_one_send_for_a_batch),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_input_is_bounded_while_an_answer_is_due),
		cmocka_unit_test(test_addresses_live_until_reset),
		cmocka_unit_test(test_a_later_answer_calls_nothing_within),
		cmocka_unit_test(test_answer_after_the_peer_has_gone),
		cmocka_unit_test(test_answer_behind_close),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_close_before_the_banner),
		cmocka_unit_test(test_close_in_a_message),
		cmocka_unit_test(test_implicit_tls_without_certificate),
		cmocka_unit_test(test_starttls_that_is_no_longer_possible),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_ends_with_the_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
