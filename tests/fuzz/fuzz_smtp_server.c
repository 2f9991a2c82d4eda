/* The server against any bytes.  The first one says how: a submission port
   (as if under TLS), answers that come later, one line in a segment, before
   the banner. */
#include "smtpd/smtp/server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SUBMISSION = 1,
	LATER = 2,
	LINES = 4,
	EARLY = 8,
	WHOLE = 1 << 20,
	TURNS = 6
};

struct host {
	struct smtp_server server;
	struct later answer, feed, stop;
	struct reply reply;
	struct str input;
	unsigned how;
	int fd, turns;
	bool mail, rcpt, body; /* what the service has been asked */
	bool gone;
};

static struct loop *loop;

static void
must(bool right)
{
	if (!right)
		abort();
}

static struct host *
host_of(struct smtp_server *server)
{
	return container_of(server, struct host, server);
}

static void
on_answer(struct later *later)
{
	struct host *h = container_of(later, struct host, answer);
	if (h->reply.code == 334)
		smtp_server_challenge(&h->server, STR("YWJj"));
	else
		smtp_server_reply(&h->server, h->reply);
}

static void
answer(struct smtp_server *server, struct reply reply)
{
	struct host *h = host_of(server);
	h->reply = reply;
	if (h->how & LATER)
		loop_later(loop, &h->answer, on_answer);
	else
		on_answer(&h->answer);
}

/* ---- a service that looks whether it is asked in order ---- */

static void
on_auth(struct smtp_server *server, struct str mechanism, struct str initial)
{
	must(str_eq(mechanism, STR("PLAIN")) && !host_of(server)->mail);
	answer(server, REPLY(initial.p ? 235 : 334, "2.7.0", "OK"));
	if (initial.n > 3)
		smtp_server_known(server);
}

static void
on_auth_line(struct smtp_server *server, struct str line)
{
	must(!str_has(line, '\r') && !str_has(line, '\n'));
	answer(server, REPLY(line.n % 2 ? 334 : 535, "5.7.8", "No"));
}

static void
on_mail(struct smtp_server *server, const struct address *sender,
    const struct params *params)
{
	struct host *h = host_of(server);
	must(!h->mail && !h->body && params->count <= PARAMS_MAX);
	h->mail = sender->local.n % 2 == 0;
	answer(server, REPLY(h->mail ? 250 : 550, "2.0.0", "OK"));
}

static void
on_rcpt(struct smtp_server *server, const struct address *recipient,
    const struct params *params)
{
	struct host *h = host_of(server);
	must(h->mail && !h->body && params->count == 0);
	h->rcpt |= recipient->local.n % 2;
	answer(
	    server, REPLY(recipient->local.n % 2 ? 250 : 450, "2.0.0", "OK"));
}

static void
on_data(struct smtp_server *server)
{
	struct host *h = host_of(server);
	must(h->mail && h->rcpt && !h->body);
	h->body = true;
	answer(server, REPLY(354, NULL, "Go"));
}

static void
on_body(struct smtp_server *server, struct str piece)
{
	must(host_of(server)->body && piece.n > 0);
}

static void
on_end(struct smtp_server *server)
{
	must(host_of(server)->body && !server->dot.bare_line_end);
	answer(server, REPLY(250, "2.0.0", "Queued"));
}

static void
on_refused(struct smtp_server *server, struct reply reply)
{
	must(host_of(server)->rcpt && reply_class(reply) == 5);
}

static void
on_reset(struct smtp_server *server)
{
	struct host *h = host_of(server);
	h->mail = h->rcpt = h->body = false;
}

static void
on_stop(struct later *later)
{
	struct host *h = container_of(later, struct host, stop);
	if (--h->turns > 0)
		loop_later(loop, &h->stop, on_stop);
	else
		loop_stop(loop);
}

static void
on_gone(struct smtp_server *server)
{
	struct host *h = host_of(server);
	must(!h->gone);
	h->gone = true;
	later_cancel(&h->answer);
	later_cancel(&h->feed);
	smtp_server_free(server);
	shutdown(h->fd, SHUT_WR);
	h->turns = TURNS; /* for what lingers */
	loop_later(loop, &h->stop, on_stop);
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

/* ---- the peer ---- */

/* Replies are lines: three digits, text, CR LF. */
static void
check_replies(int fd)
{
	static char got[1 << 20];
	ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
	struct str rest = { got, n > 0 ? (size_t)n : 0 };
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		uint64_t code;
		must(rest.p && str_ends(line, STR("\r")) &&
		    str_find(line, '\r') == line.n - 1);
		must(str_to_u64(str_sub(line, 0, 3), &code));
		must(line.n <= 511 && line.n > 4);
	}
}

static void
on_feed(struct later *later)
{
	struct host *h = container_of(later, struct host, feed);
	size_t n = h->how & LINES ? str_find(h->input, '\n') + 1 : WHOLE;
	struct str piece = str_sub(h->input, 0, n);
	if (h->turns++ < TURNS && !(h->how & EARLY)) {
		loop_later(loop, &h->feed, on_feed);
		return;
	}
	if (piece.n == 0 || send(h->fd, piece.p, piece.n, MSG_NOSIGNAL) < 0) {
		shutdown(h->fd, SHUT_WR);
		return;
	}
	h->input = str_from(h->input, piece.n);
	loop_later(loop, &h->feed, on_feed);
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const mechanisms[] = { "PLAIN", NULL };
	static struct tls_context *no_tls;
	int fds[2];
	if (!loop)
		loop = loop_new();
	if (size == 0 || size > 65536 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	struct host h = { .fd = fds[0], .how = data[0] };
	struct smtp_options options = {
		.service = &service,
		.hostname = "mx.example.test",
		.tls = &no_tls,
		.submission = h.how & SUBMISSION,
		.mechanisms = mechanisms,
		.max_size = 1000,
		.max_recipients = 3,
		.max_errors = 20,
		.command_ms = 1000,
		.data_ms = 1000,
	};
	h.input = (struct str){ (const char *)data + 1, size - 1 };
	smtp_server_start(&h.server, loop,
	    stream_new(loop, fds[1], &h.server.owner), &options, false);
	if (h.how & SUBMISSION)
		h.server.state |= SMTP_SECURE;
	loop_later(loop, &h.feed, on_feed);
	loop_run(loop);
	check_replies(h.fd);
	close(h.fd);
	return 0;
}
