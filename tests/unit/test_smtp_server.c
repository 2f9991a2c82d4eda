/* What the dialogs can't tell: deadlines, bounds, the order of callbacks, and
   what the owner may do at which time.  Time stands still (tests/fakes/loop). */
#include "smtpd/smtp/server.h"
#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"
#include "tests/unit/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND_MS = 300000, DATA_MS = 180000 };

struct host {
	struct smtp_server server;
	struct smtp_options options;
	struct tls_context *tls;
	struct loop *loop;
	int fd; /* the client's end */
	struct buf calls, message, addresses;
	const struct address *sender, *recipient;
	bool wait; /* answers are the test's business */
	bool pause; /* at every piece of a message */
	bool within; /* a call of the service is under way */
	int gone;
	char got[200000];
};

static struct host *
host_of(struct smtp_server *server)
{
	return container_of(server, struct host, server);
}

/* ---- a service that accepts all, at once or when the test says so ---- */

static void
called(struct smtp_server *server, const char *name, struct reply reply)
{
	struct host *h = host_of(server);
	assert_false(h->within); /* never from within another */
	h->within = true;
	buf_addf(&h->calls, "%s ", name);
	if (reply.code && !h->wait)
		smtp_server_reply(server, reply);
	h->within = false;
}

static const struct reply ok = { 250, "2.0.0", "OK" };
static const struct reply silent = { 0 };

static void
on_auth(struct smtp_server *server, struct str mechanism, struct str initial)
{
	(void)mechanism, (void)initial;
	called(server, "auth", ok);
}

static void
on_auth_line(struct smtp_server *server, struct str line)
{
	(void)line;
	called(server, "line", ok);
}

static void
on_mail(struct smtp_server *server, const struct address *sender,
    const struct params *params)
{
	(void)params;
	host_of(server)->sender = sender;
	called(server, "mail", ok);
}

static void
on_rcpt(struct smtp_server *server, const struct address *recipient,
    const struct params *params)
{
	(void)params;
	host_of(server)->recipient = recipient;
	called(server, "rcpt", ok);
}

static void
on_data(struct smtp_server *server)
{
	called(server, "data", REPLY(354, NULL, "Go ahead"));
}

static void
on_body(struct smtp_server *server, struct str piece)
{
	buf_add(&host_of(server)->message, piece);
	if (host_of(server)->pause)
		smtp_server_pause(server, true);
}

static void
on_end(struct smtp_server *server)
{
	struct host *h = host_of(server);
	buf_clear(&h->addresses);
	address_write(&h->addresses, *h->sender);
	buf_addc(&h->addresses, ' ');
	address_write(&h->addresses, *h->recipient);
	called(server, "end", ok);
}

static void
on_reset(struct smtp_server *server)
{
	called(server, "reset", silent);
}

static void
on_gone(struct smtp_server *server)
{
	struct host *h = host_of(server);
	called(server, "gone", silent);
	h->gone++;
	smtp_server_free(server);
}

static const struct smtp_service service = {
	.auth = on_auth,
	.auth_line = on_auth_line,
	.mail = on_mail,
	.rcpt = on_rcpt,
	.data = on_data,
	.body = on_body,
	.end = on_end,
	.reset = on_reset,
	.gone = on_gone,
};

/* ---- both ends ---- */

static struct host *
host_open_how(int type, bool implicit_tls, struct tls_context *tls)
{
	int fds[2];
	struct host *h = calloc(1, sizeof *h);
	assert_int_equal(
	    socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
	h->loop = loop_new();
	h->tls = tls;
	h->fd = fds[0];
	h->options = (struct smtp_options){
		.service = &service,
		.hostname = "mx.example.test",
		.tls = &h->tls,
		.max_size = 1000000,
		.max_recipients = 100,
		.max_errors = 10,
		.command_ms = COMMAND_MS,
		.data_ms = DATA_MS,
	};
	struct stream *stream =
	    stream_new(h->loop, fds[1], &h->server.owner);
	smtp_server_start(
	    &h->server, h->loop, stream, &h->options, implicit_tls);
	return h;
}

static struct host *
host_open(int type)
{
	return host_open_how(type, false, NULL);
}

static struct host *
host_open_tls(int type, struct tls_context *tls)
{
	return host_open_how(type, true, tls);
}

/* What the server has sent by now. */
static struct str
hear(struct host *h)
{
	size_t n = 0;
	ssize_t more;
	fake_loop_advance(h->loop, 0);
	while ((more = recv(h->fd, h->got + n, sizeof h->got - n, 0)) > 0)
		n += (size_t)more;
	return (struct str){ h->got, n };
}

static void
say(struct host *h, struct str text)
{
	assert_int_equal(send(h->fd, text.p, text.n, MSG_NOSIGNAL), text.n);
	fake_loop_settle(h->loop);
}

static void
expect(struct host *h, const char *said, const char *heard)
{
	say(h, str_of(said));
	assert_str(hear(h), str_of(heard));
}

static struct host *
host_greeted(int type)
{
	struct host *h = host_open(type);
	assert_str(
	    hear(h), STR("220 mx.example.test ESMTP Postern\r\n"));
	expect(h, "HELO client.example\r\n", "250 mx.example.test\r\n");
	buf_clear(&h->calls);
	return h;
}

static void
in_transaction(struct host *h)
{
	expect(h, "MAIL FROM:<ann@sender.example>\r\n", "250 2.0.0 OK\r\n");
	expect(h, "RCPT TO:<you@example.test>\r\n", "250 2.0.0 OK\r\n");
}

static void
in_data(struct host *h)
{
	in_transaction(h);
	expect(h, "DATA\r\n", "354 Go ahead\r\n");
}

static void
host_close(struct host *h)
{
	close(h->fd);
	fake_loop_settle(h->loop);
	fake_loop_advance(h->loop, 60000); /* what lingers goes, too */
	assert_int_equal(h->gone, 1);
	buf_free(&h->calls);
	buf_free(&h->message);
	buf_free(&h->addresses);
	loop_free(h->loop);
	free(h);
}

/* ---- deadlines ---- */

static void
expect_deadline(struct host *h, int64_t ms)
{
	fake_loop_advance(h->loop, ms - 1);
	assert_str(hear(h), STR(""));
	assert_int_equal(h->gone, 0);
	fake_loop_advance(h->loop, 1);
	assert_str(hear(h), STR("421 4.4.2 Idle for too long\r\n"));
	assert_int_equal(h->gone, 1);
}

static void
test_deadline_of_a_command(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	fake_loop_advance(h->loop, COMMAND_MS - 1);
	expect(h, "NOOP\r\n", "250 2.0.0 OK\r\n");
	fake_loop_advance(h->loop, COMMAND_MS - 1);
	expect(h, "NOOP\r\n", "250 2.0.0 OK\r\n");
	expect_deadline(h, COMMAND_MS);
	host_close(h);
}

static void
test_deadline_before_any_command(void **state)
{
	(void)state;
	struct host *h = host_open(SOCK_STREAM);
	hear(h);
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
	say(h, STR("NO\n")); /* refused, but its end is still to come */
	hear(h);
	fake_loop_advance(h->loop, COMMAND_MS - 2);
	expect(h, "N", "");
	fake_loop_advance(h->loop, 1);
	expect(h, "O", "");
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
	assert_str(hear(h), STR(""));
	host_close(h);
	player_teardown();
}

static void
test_deadline_of_a_message(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
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
	in_data(h);
	for (int i = 0; i < 5; i++) {
		fake_loop_advance(h->loop, DATA_MS - 1);
		say(h, (struct str){ line, 4096 });
	}
	fake_loop_advance(h->loop, DATA_MS - 1);
	say(h, STR("xxx"));
	expect_deadline(h, 1);
	host_close(h);
}

/* While the service takes its time, the peer is not to blame. */
static void
test_no_deadline_while_an_answer_is_due(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->wait = true;
	expect(h, "MAIL FROM:<>\r\n", "");
	fake_loop_advance(h->loop, 10 * COMMAND_MS);
	assert_int_equal(h->gone, 0);
	smtp_server_reply(&h->server, ok);
	assert_str(hear(h), STR("250 2.0.0 OK\r\n"));
	expect_deadline(h, COMMAND_MS);
	host_close(h);
}

static void
test_no_deadline_while_paused(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
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
	say(h,
	    STR("MAIL FROM:<ann@sender.example>\r\n"
		"RCPT TO:<you@example.test>\r\n"
		"RCPT TO:<me@example.test>\r\n"
		"DATA\r\n"));
	ssize_t n = recv(h->fd, got, sizeof got, 0);
	assert_true(n > 0);
	assert_str(((struct str){ got, (size_t)n }),
	    STR("250 2.0.0 OK\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n"
		"354 Go ahead\r\n"));
	expect(h, "x\r\n.\r\nQUIT\r\n", "250 2.0.0 OK\r\n221 2.0.0 Bye\r\n");
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
		n = hear(h).n;
	assert_int_equal(heard, said / 6 * strlen("214 2.0.0 See RFC 5321\r\n"));
	host_close(h);
}

static void
test_input_is_bounded_while_an_answer_is_due(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->wait = true;
	expect(h, "MAIL FROM:<>\r\n", "");
	for (int i = 0; i < 1000000; i++) {
		if (send(h->fd, "NOOP\r\n", 6, MSG_NOSIGNAL) < 0)
			break;
		fake_loop_settle(h->loop);
	}
	assert_true(stream_input(h->server.stream).n <= 65536 + 16384);
	assert_str(hear(h), STR(""));
	smtp_server_reply(&h->server, ok);
	assert_true(hear(h).n > 65536);
	host_close(h);
}

/* ---- the owner ---- */

static void
test_addresses_live_until_reset(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
	assert_int_equal(h->server.recipients, 1);
	expect(h, "x\r\n.\r\n", "250 2.0.0 OK\r\n");
	assert_str(buf_str(&h->addresses),
	    STR("ann@sender.example you@example.test"));
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
	in_data(h);
	h->wait = true;
	expect(h, ".\r\nMAIL FROM:<>\r\n", "");
	h->within = true;
	smtp_server_reply(&h->server, ok);
	smtp_server_reply(&h->server, ok); /* one too many */
	h->within = false;
	assert_str(buf_str(&h->calls), STR("mail rcpt data end "));
	assert_str(hear(h), STR("250 2.0.0 OK\r\n"));
	assert_str(buf_str(&h->calls), STR("mail rcpt data end reset mail "));
	host_close(h);
}

static void
test_answer_after_the_peer_has_gone(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
	h->wait = true;
	expect(h, ".\r\n", "");
	shutdown(h->fd, SHUT_RDWR);
	fake_loop_advance(h->loop, 0);
	assert_str(
	    buf_str(&h->calls), STR("mail rcpt data end gone "));
	host_close(h);
}

/* Between the end of the session and gone() the owner may still answer. */
static void
test_answer_behind_close(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	h->wait = true;
	expect(h, "MAIL FROM:<>\r\n", "");
	smtp_server_close(&h->server, REPLY(421, "4.3.2", "Stopping"));
	smtp_server_reply(&h->server, ok);
	smtp_server_challenge(&h->server, STR(""));
	smtp_server_pause(&h->server, true);
	smtp_server_close(&h->server, REPLY(421, "4.3.2", "Stopping"));
	assert_int_equal(h->gone, 0);
	assert_str(hear(h), STR("421 4.3.2 Stopping\r\n"));
	assert_int_equal(h->gone, 1);
	host_close(h);
}

static void
test_idle(void **state)
{
	(void)state;
	struct host *h = host_open(SOCK_STREAM);
	assert_true(smtp_server_idle(&h->server));
	hear(h);
	expect(h, "HELO client.example\r\n", "250 mx.example.test\r\n");
	assert_true(smtp_server_idle(&h->server));
	h->wait = true;
	expect(h, "MAIL FROM:<>\r\n", "");
	assert_false(smtp_server_idle(&h->server));
	smtp_server_reply(&h->server, ok);
	hear(h);
	assert_false(smtp_server_idle(&h->server));
	h->wait = false;
	expect(h, "RSET\r\n", "250 2.0.0 OK\r\n");
	assert_true(smtp_server_idle(&h->server));
	in_data(h);
	assert_false(smtp_server_idle(&h->server));
	expect(h, ".\r\n", "250 2.0.0 OK\r\n");
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
	assert_str(hear(h), STR("421 4.7.0 Too many\r\n"));
	host_close(h);
}

static void
test_close_in_a_message(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
	smtp_server_close(&h->server, REPLY(421, "4.3.2", "Stopping"));
	assert_str(hear(h), STR("421 4.3.2 Stopping\r\n"));
	host_close(h);
}

static void
test_implicit_tls_without_certificate(void **state)
{
	(void)state;
	struct host *h = host_open_tls(SOCK_STREAM, NULL);
	assert_int_equal(h->gone, 0);
	assert_str(hear(h), STR(""));
	assert_str(buf_str(&h->calls), STR("gone "));
	host_close(h);
}

/* Nothing is left to be read of it, so nobody would end the pause. */
static void
test_pause_ends_with_the_message(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
	h->pause = true;
	expect(h, "x\r\n.\r\nNOOP\r\n", "250 2.0.0 OK\r\n250 2.0.0 OK\r\n");
	host_close(h);
}

/* A pause holds back what was read already. */
static void
test_pause(void **state)
{
	(void)state;
	struct host *h = host_greeted(SOCK_STREAM);
	in_data(h);
	smtp_server_pause(&h->server, true);
	expect(h, "x\r\n.\r\nNOOP\r\n", "");
	assert_str(buf_str(&h->message), STR(""));
	smtp_server_pause(&h->server, false);
	assert_str(hear(h), STR("250 2.0.0 OK\r\n250 2.0.0 OK\r\n"));
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
		cmocka_unit_test(
		    test_deadline_of_a_message_is_moved_by_steps),
		cmocka_unit_test(test_no_deadline_while_an_answer_is_due),
		cmocka_unit_test(test_no_deadline_while_paused),
		cmocka_unit_test(test_one_send_for_a_batch),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(
		    test_input_is_bounded_while_an_answer_is_due),
		cmocka_unit_test(test_addresses_live_until_reset),
		cmocka_unit_test(test_a_later_answer_calls_nothing_within),
		cmocka_unit_test(test_answer_after_the_peer_has_gone),
		cmocka_unit_test(test_answer_behind_close),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_close_before_the_banner),
		cmocka_unit_test(test_close_in_a_message),
		cmocka_unit_test(test_implicit_tls_without_certificate),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_ends_with_the_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
