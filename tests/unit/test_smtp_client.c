/* What the dialogs can't tell: deadlines, the window, and what the owner may
   do at which time. */
#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"
#include "tests/unit/client_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const char plain[] = "250 mx\r\n";
static const char pipelining[] = "250-mx\r\n250 PIPELINING\r\n";

/* ---- deadlines: RFC 5321 4.5.3.2 ---- */

static void
expect_deadline(struct sender *s, int64_t ms, const char *why)
{
	fake_loop_advance(s->loop, ms - 1);
	assert_false(str_ends(buf_str(&s->calls), STR("ended ")));
	fake_loop_advance(s->loop, 1);
	assert_true(str_ends(buf_str(&s->calls), STR("ended ")));
	assert_int_equal(s->client.reply.code, 451);
	assert_string_equal(s->client.reply.enhanced, "4.4.2");
	assert_string_equal(s->client.reply.text, why);
}

static void
test_deadline_of_the_greeting(void **state)
{
	(void)state;
	struct sender *s = sender_open(SOCK_STREAM);
	fake_loop_advance(s->loop, 4 * MINUTE);
	sender_say(s, "220-half of a ");
	fake_loop_advance(s->loop, MINUTE - 1);
	expect_deadline(s, 1, "Timed out before the greeting");
	assert_int_equal(s->client.failure, CLIENT_GREETING);
	sender_close(s);
}

/* An octet a minute is no reply in time: a line without end, from the reply
   that is named on. */
static void
expect_no_drip(struct sender *s, int64_t minutes, const char *why)
{
	sender_say(s, "2");
	for (int64_t i = 1; i < minutes; i++) {
		fake_loop_advance(s->loop, MINUTE);
		sender_say(s, i == 1 ? "50-" : "x");
	}
	expect_deadline(s, MINUTE, why);
}

static void
test_deadline_of_ehlo(void **state)
{
	(void)state;
	struct sender *s = sender_open(SOCK_STREAM);
	sender_expect(s, "220 mx\r\n", "EHLO client.example.test\r\n");
	expect_no_drip(s, 5, "Timed out before the reply to EHLO");
	sender_close(s);
}

/* Each is played up to the line whose reply comes drop by drop. */
static void
test_deadlines_of_a_mail(void **state)
{
	(void)state;
	static const struct {
		const char *why;
		int64_t minutes;
	} steps[] = {
		{ "Timed out before the reply to MAIL", 5 },
		{ "Timed out before the reply to RCPT", 5 },
		{ "Timed out before the reply to DATA", 2 },
		{ "Timed out before the reply to the message", 10 },
	};
	static const char *const replies[] = { "250 OK\r\n", "250 OK\r\n",
		"354 Go\r\n" };
	for (size_t i = 0; i < 4; i++) {
		struct sender *s = sender_ready(SOCK_STREAM, plain);
		s->message = STR("x\r\n");
		sender_send(s, 1);
		for (size_t j = 0; j < i; j++) {
			fake_loop_advance(s->loop, MINUTE);
			sender_say(s, replies[j]);
		}
		expect_no_drip(s, steps[i].minutes, steps[i].why);
		assert_int_equal(s->client.failure, CLIENT_LOST);
		assert_true(str_search(buf_str(&s->calls), STR("done ended")) <
		    s->calls.n);
		sender_close(s);
	}
}

/* With PIPELINING each reply has its own time. */
static void
test_deadline_of_each_pipelined_reply(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, pipelining);
	sender_send(s, 2);
	for (int i = 0; i < 3; i++) {
		fake_loop_advance(s->loop, 5 * MINUTE - 1);
		sender_say(s, "250 OK\r\n");
	}
	expect_deadline(s, 2 * MINUTE, "Timed out before the reply to DATA");
	sender_close(s);
}

static void
in_message(struct sender *s)
{
	sender_send(s, 1);
	sender_say(s, "250 OK\r\n");
	sender_say(s, "250 OK\r\n");
	sender_say(s, "354 Go\r\n");
	sender_hear(s);
	assert_int_equal(s->pieces, 1);
}

/* RFC 5321 4.5.3.2.5: three minutes for a block; the source has its own. */
static void
test_deadline_of_a_block(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	char *big = calloc(1, BIG);
	in_message(s);
	fake_loop_advance(s->loop, 60 * MINUTE);
	smtp_mail_feed(&s->mail, (struct str){ big, BIG }, false);
	free(big);
	expect_deadline(s, 3 * MINUTE, "Timed out in the message");
	sender_close(s);
}

static void
test_no_deadline_between_mails(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	fake_loop_advance(s->loop, 60 * MINUTE);
	assert_str(buf_str(&s->calls), STR(""));
	sender_close(s);
}

/* ---- limits ---- */

/* RFC 5321 4.5.3.1.5: no server has as much to say; the line behind the
   hundredth is the last that is looked at. */
static void
test_ten_thousand_keywords(void **state)
{
	(void)state;
	struct sender *s = sender_open(SOCK_STREAM);
	sender_expect(s, "220 mx\r\n", "EHLO client.example.test\r\n");
	for (int i = 0; i < 100; i++)
		sender_say(s, "250-X-KEYWORD\r\n");
	assert_str(buf_str(&s->calls), STR(""));
	for (int i = 100; i < 10000; i++)
		send(s->fd, "250-X-KEYWORD\r\n", 15, MSG_NOSIGNAL);
	fake_loop_settle(s->loop);
	assert_str(buf_str(&s->calls), STR("ended "));
	assert_string_equal(s->client.reply.text,
	    "Got what is no reply before the reply to EHLO");
	assert_int_equal(s->client.failure, CLIENT_LOST);
	sender_close(s);
}

/* ---- the window ---- */

static void
test_one_send_for_a_batch(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_SEQPACKET, pipelining);
	sender_send(s, 2);
	fake_loop_settle(s->loop);
	ssize_t n = recv(s->fd, s->got, sizeof s->got, 0);
	assert_true(n > 0);
	assert_str(((struct str){ s->got, (size_t)n }),
	    STR("MAIL FROM:<ann@example.test>\r\n"
		"RCPT TO:<bob@remote.example>\r\n"
		"RCPT TO:<bob@remote.example>\r\n"
		"DATA\r\n"));
	sender_close(s);
}

static size_t
count_lines(struct str text)
{
	size_t n = 0;
	while (text.n > 0) {
		str_cut(&text, '\n');
		n++;
	}
	return n;
}

/* A hundred lines are under way; each reply lets out the next. */
static void
test_window(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, pipelining);
	s->message = STR("x\r\n");
	sender_send(s, RECIPIENTS);
	assert_int_equal(count_lines(sender_hear(s)), 100);
	for (int i = 0; i < RECIPIENTS + 1; i++) {
		sender_say(s, "250 OK\r\n");
		assert_int_equal(
		    count_lines(sender_hear(s)), i < RECIPIENTS + 2 - 100);
	}
	sender_expect(s, "354 Go\r\n", "x\r\n.\r\n");
	sender_expect(s, "250 Queued\r\n", "");
	assert_str(buf_str(&s->calls), STR("more done ready "));
	assert_int_equal(s->client.mails, 1);
	assert_int_equal(count_lines(buf_str(&s->replies)), RECIPIENTS);
	sender_close(s);
}

/* MAIL is refused while most of the RCPT haven't left. */
static void
test_window_closes_when_mail_is_refused(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, pipelining);
	sender_send(s, RECIPIENTS);
	sender_hear(s);
	sender_expect(s, "550 No\r\n", "");
	for (int i = 0; i < 98; i++)
		sender_expect(s, "503 No\r\n", "");
	sender_expect(s, "503 No\r\n", "RSET\r\n");
	sender_expect(s, "250 OK\r\n", "");
	assert_str(buf_str(&s->calls), STR("done ready "));
	assert_int_equal(s->mail.replies[RECIPIENTS - 1].code, 550);
	sender_close(s);
}

/* A server may send 64 KiB for each recipient. */
static void
test_of_a_long_reply_the_beginning_is_kept(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, pipelining);
	char text[1200];
	memset(text, 'x', sizeof text);
	memcpy(text, "550-", 4);
	memcpy(text + sizeof text - 3, "\r\n", 3);
	sender_send(s, 1);
	sender_hear(s);
	sender_say(s, "250 OK\r\n");
	for (int i = 0; i < 50; i++)
		sender_say(s, text);
	sender_say(s, "550 No\r\n");
	assert_int_equal(strlen(s->mail.replies[0].text), 1000);
	sender_close(s);
}

/* ---- the source ---- */

/* A peer that doesn't read isn't fed, and the source not asked. */
static void
test_source_waits_for_the_peer(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	char *big = calloc(1, BIG);
	in_message(s);
	smtp_mail_feed(&s->mail, STR("x\r\n"), false);
	fake_loop_settle(s->loop);
	assert_int_equal(s->pieces, 2);
	smtp_mail_feed(&s->mail, (struct str){ big, BIG }, false);
	fake_loop_settle(s->loop);
	assert_int_equal(s->pieces, 2);
	for (int i = 0; i < 1000 && s->pieces == 2; i++)
		sender_hear(s);
	assert_int_equal(s->pieces, 3);
	free(big);
	sender_close(s);
}

/* A reply to what we haven't even said: 250 would lose the rest of it. */
static void
test_reply_before_the_message_is_out(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	char *more = calloc(1, MORE); /* than the socket takes */
	in_message(s);
	smtp_mail_feed(&s->mail, (struct str){ more, MORE }, true);
	free(more);
	sender_say(s, "250 Queued\r\n");
	assert_str(buf_str(&s->calls), STR("more done ended "));
	assert_str(buf_str(&s->replies),
	    STR("451 Unexpected reply before the reply to the message: 250 "
		"Queued\n"));
	sender_close(s);
}

/* The same in a batch: what hasn't left can't have been answered. */
static void
test_reply_before_its_command_is_out(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, pipelining);
	char *name = calloc(1, MORE / 75);
	memset(name, 'x', MORE / 75);
	s->recipient = (struct str){ name, MORE / 75 };
	sender_send(s, 98); /* twice what the socket takes */
	for (int i = 0; i < 99; i++)
		assert_int_equal(send(s->fd, "250 OK\r\n", 8, MSG_NOSIGNAL), 8);
	fake_loop_settle(s->loop);
	assert_str(buf_str(&s->calls), STR("done ended "));
	assert_string_equal(s->client.reply.text,
	    "Unexpected reply before the reply to RCPT: 250 OK");
	free(name);
	sender_close(s);
}

/* The source may come back when all is over. */
static void
test_feed_after_the_end(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	in_message(s);
	sender_say(s, "421 Bye\r\n");
	smtp_mail_feed(&s->mail, STR("x\r\n"), true);
	smtp_mail_abort(&s->mail);
	fake_loop_settle(s->loop);
	smtp_mail_feed(&s->mail, STR("x\r\n"), true);
	smtp_mail_abort(&s->mail);
	assert_str(buf_str(&s->calls), STR("more done ended "));
	assert_str(buf_str(&s->replies), STR("421 Bye\n"));
	sender_close(s);
}

/* ---- the owner ---- */

static void
test_nothing_is_called_from_within(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	in_message(s);
	buf_clear(&s->calls);
	smtp_mail_abort(&s->mail);
	smtp_mail_abort(&s->mail);
	smtp_mail_feed(&s->mail, STR("x\r\n"), true);
	assert_str(buf_str(&s->calls), STR(""));
	fake_loop_settle(s->loop);
	assert_str(buf_str(&s->calls), STR("done ended "));
	sender_close(s);
}

static void
test_send_on_a_session_that_has_ended(void **state)
{
	(void)state;
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	sender_say(s, "421 4.3.2 Bye\r\n");
	assert_str(buf_str(&s->calls), STR("ended "));
	sender_send(s, 2);
	fake_loop_settle(s->loop);
	assert_str(buf_str(&s->calls), STR("ended done ended "));
	assert_str(buf_str(&s->replies), STR("421 Bye\n421 Bye\n"));
	sender_close(s);
}

static void
test_free_in_every_callback(void **state)
{
	(void)state;
	for (enum when when = NEVER; when <= AT_ENDED; when++) {
		struct sender *s = sender_open(SOCK_STREAM);
		s->free_at = when;
		s->message = STR("x\r\n");
		sender_say(s, "220 mx\r\n");
		sender_say(s, plain);
		if (s->client.private) {
			sender_send(s, 1);
			sender_say(s, "250 OK\r\n");
			sender_say(s, "250 OK\r\n");
			sender_say(s, "354 Go\r\n");
			sender_say(s, "250 OK\r\n");
		}
		shutdown(s->fd, SHUT_RDWR);
		fake_loop_settle(s->loop);
		static const char *const calls[] = {
			[NEVER] = "ready more done ready ended ",
			[AT_READY] = "ready ",
			[AT_DONE] = "ready more done ",
			[AT_ENDED] = "ready more done ready ended ",
		};
		assert_str(buf_str(&s->calls), str_of(calls[when]));
		sender_close(s);
	}
}

static void
expect_quit(struct sender *s, const char *heard)
{
	buf_clear(&s->calls);
	smtp_client_quit(&s->client);
	smtp_client_quit(&s->client);
	fake_loop_advance(s->loop, MINUTE);
	assert_str(sender_hear(s), str_of(heard));
	assert_str(buf_str(&s->calls), STR(""));
	sender_close(s);
}

/* QUIT is said where nothing is under way, and never before the reply to the
   final dot. */
static void
test_quit(void **state)
{
	(void)state;
	expect_quit(sender_open(SOCK_STREAM), "");
	expect_quit(sender_ready(SOCK_STREAM, plain), "QUIT\r\n");
	struct sender *s = sender_ready(SOCK_STREAM, plain);
	in_message(s);
	smtp_mail_feed(&s->mail, STR("x\r\n"), true);
	assert_str(sender_hear(s), STR("x\r\n.\r\n"));
	expect_quit(s, "");
	s = sender_ready(SOCK_STREAM, plain);
	in_message(s);
	smtp_mail_feed(&s->mail, STR("x\r\n"), true);
	sender_expect(s, "250 OK\r\n", "x\r\n.\r\n");
	expect_quit(s, "QUIT\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline_of_the_greeting),
		cmocka_unit_test(test_deadline_of_ehlo),
		cmocka_unit_test(test_deadlines_of_a_mail),
		cmocka_unit_test(test_deadline_of_each_pipelined_reply),
		cmocka_unit_test(test_deadline_of_a_block),
		cmocka_unit_test(test_no_deadline_between_mails),
		cmocka_unit_test(test_ten_thousand_keywords),
		cmocka_unit_test(test_one_send_for_a_batch),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_closes_when_mail_is_refused),
		cmocka_unit_test(test_of_a_long_reply_the_beginning_is_kept),
		cmocka_unit_test(test_source_waits_for_the_peer),
		cmocka_unit_test(test_reply_before_the_message_is_out),
		cmocka_unit_test(test_reply_before_its_command_is_out),
		cmocka_unit_test(test_feed_after_the_end),
		cmocka_unit_test(test_nothing_is_called_from_within),
		cmocka_unit_test(test_send_on_a_session_that_has_ended),
		cmocka_unit_test(test_free_in_every_callback),
		cmocka_unit_test(test_quit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
