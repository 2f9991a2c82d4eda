/* The client against any peer.  The first byte says how: STARTTLS wanted or
   needed, a user, a broken source; what follows is said line by line. */
#include "smtpd/smtp/client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAY = 1,
	MUST = 2,
	USER = 4,
	BROKEN = 8,
	TURNS = 6
};

struct sender {
	struct smtp_client client;
	struct smtp_mail mail;
	struct later feed, stop;
	struct str input;
	unsigned how;
	int fd, turns;
	unsigned mails; /* begun */
	bool busy;
};

static struct loop *loop;
static struct tls_context *context;

static void
must(bool right)
{
	if (!right)
		abort();
}

static struct sender *
sender_of(struct smtp_client *client)
{
	return container_of(client, struct sender, client);
}

static void
on_more(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	must(s->busy);
	if (s->how & BROKEN)
		smtp_mail_abort(mail);
	else
		smtp_mail_feed(mail, STR("a\r\n.b\r\n"), s->turns++ % 2);
}

/* Every recipient has a reply that can be acted on. */
static void
on_done(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	must(s->busy);
	s->busy = false;
	for (size_t i = 0; i < mail->count; i++) {
		int class = reply_class(mail->replies[i]);
		must(class == 2 || class == 4 || class == 5);
		must(mail->replies[i].text != NULL);
	}
}

static void
on_stop(struct later *later)
{
	struct sender *s = container_of(later, struct sender, stop);
	if (--s->turns > 0)
		loop_later(loop, &s->stop, on_stop);
	else
		loop_stop(loop);
}

static void
finish(struct sender *s)
{
	must(!s->busy);
	later_cancel(&s->feed);
	shutdown(s->fd, SHUT_WR);
	s->turns = TURNS; /* for what lingers */
	loop_later(loop, &s->stop, on_stop);
}

static void
on_ready(struct smtp_client *client)
{
	static const struct str recipients[] = {
		{ "a@remote.example", 16 },
		{ "b@remote.example", 16 },
		{ "c@remote.example", 16 },
	};
	struct sender *s = sender_of(client);
	must(!s->busy);
	if (s->mails++ == 2) {
		smtp_client_quit(client);
		finish(s);
		return;
	}
	s->busy = true;
	s->mail = (struct smtp_mail){
		.sender = STR("ann@example.test"),
		.count = 3,
		.recipients = recipients,
		.size = 8,
		.eight_bit = true,
		.more = on_more,
	};
	smtp_client_send(client, &s->mail, on_done);
}

static void
on_ended(struct smtp_client *client)
{
	must(client->failure != CLIENT_OK);
	must(client->reply.code >= 400 && client->reply.code < 600);
	smtp_client_free(client);
	finish(sender_of(client));
}

/* A line every third turn, so that most come behind their command. */
static void
on_feed(struct later *later)
{
	struct sender *s = container_of(later, struct sender, feed);
	size_t n = str_find(s->input, '\n') + 1;
	struct str piece = str_sub(s->input, 0, n);
	loop_later(loop, &s->feed, on_feed);
	if (++s->turns % 3 > 0)
		return;
	if (piece.n == 0 || send(s->fd, piece.p, piece.n, MSG_NOSIGNAL) < 0) {
		shutdown(s->fd, SHUT_WR);
		later_cancel(&s->feed);
	}
	s->input = str_from(s->input, piece.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[2];
	const char *why;
	if (!loop) {
		loop = loop_new();
		context = tls_client(TLS_OPPORTUNISTIC, "", &why);
	}
	if (size == 0 || size > 65536 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	struct sender s = { .fd = fds[0], .how = data[0] };
	struct smtp_client_options options = {
		.helo = "client.example.test",
		.name = "mx.example.test",
		.tls = s.how & MUST ? CLIENT_TLS_MUST
		    : s.how & MAY   ? CLIENT_TLS_MAY
				    : CLIENT_TLS_NONE,
		.context = context,
		.user = s.how & USER ? STR("ann") : STR(""),
		.password = STR("secret"),
	};
	s.input = (struct str){ (const char *)data + 1, size - 1 };
	smtp_client_start(
	    &s.client, loop, fds[1], &options, on_ready, on_ended);
	s.client.secure = s.how & USER; /* as if: else there is no AUTH */
	loop_later(loop, &s.feed, on_feed);
	loop_run(loop);
	close(s.fd);
	return 0;
}
