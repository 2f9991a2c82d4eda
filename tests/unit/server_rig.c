#include "tests/unit/server_rig.h"

#include "tests/fakes/loop.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

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

static const struct reply ok = REPLY_IS(250, "2.0.0", "OK");
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
on_refused(struct smtp_server *server, struct reply reply)
{
	(void)reply;
	called(server, "refused", silent);
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
	.refused = on_refused,
	.reset = on_reset,
	.gone = on_gone,
};

/* ---- both ends ---- */

static struct host *
host_open_how(int type, bool implicit_tls, struct tls_context *tls)
{
	int fds[2];
	struct host *h = calloc(1, sizeof *h);
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
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
	struct stream *stream = stream_new(h->loop, fds[1], &h->server.owner);
	smtp_server_start(
	    &h->server, h->loop, stream, &h->options, implicit_tls);
	return h;
}

struct host *
host_open(int type)
{
	return host_open_how(type, false, NULL);
}

struct host *
host_open_tls(int type, struct tls_context *tls)
{
	return host_open_how(type, true, tls);
}

/* What the server has sent by now. */
struct str
host_hear(struct host *h)
{
	size_t n = 0;
	ssize_t more;
	fake_loop_advance(h->loop, 0);
	while ((more = recv(h->fd, h->got + n, sizeof h->got - n, 0)) > 0)
		n += (size_t)more;
	return (struct str){ h->got, n };
}

void
host_say(struct host *h, struct str text)
{
	assert_int_equal(send(h->fd, text.p, text.n, MSG_NOSIGNAL), text.n);
	fake_loop_settle(h->loop);
}

void
host_expect(struct host *h, const char *said, const char *heard)
{
	host_say(h, str_of(said));
	assert_str(host_hear(h), str_of(heard));
}

struct host *
host_greeted(int type)
{
	struct host *h = host_open(type);
	assert_str(host_hear(h), STR("220 mx.example.test ESMTP Postern\r\n"));
	host_expect(h, "HELO client.example\r\n", "250 mx.example.test\r\n");
	buf_clear(&h->calls);
	return h;
}

void
host_in_transaction(struct host *h)
{
	host_expect(
	    h, "MAIL FROM:<ann@sender.example>\r\n", "250 2.0.0 OK\r\n");
	host_expect(h, "RCPT TO:<you@example.test>\r\n", "250 2.0.0 OK\r\n");
}

void
host_in_data(struct host *h)
{
	host_in_transaction(h);
	host_expect(h, "DATA\r\n", "354 Go ahead\r\n");
}

void
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
