/* The client against any peer.  The first byte says how: STARTTLS wanted or
   needed, a user, a broken source, REQUIRETLS, an impatient peer; what follows
   is said line by line.

   What the client says of a mail is compared with what went over the wire, and
   with nothing else: it counts as sent for a recipient only when the peer has
   heard the final dot and has said a whole 2yz reply behind a 354, and another
   two before it, to MAIL and RCPT.  The octets between are those of the
   message; QUIT isn't heard while a mail is under way. */
#include "smtpd/smtp/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAY = 1,
	MUST = 2,
	USER = 4,
	BROKEN = 8,
	KEEP_TLS = 16,
	IMPATIENT = 32, /* the peer, which talks into the message */
	PATIENCE = 60, /* turns that it waits for the final dot, else */
	TURNS = 6
};

struct sender {
	struct smtp_client client;
	struct smtp_mail mail;
	struct later feed, stop;
	struct str input;
	unsigned how;
	int fd, turns;
	unsigned pieces; /* of messages */
	unsigned mails; /* begun */
	bool busy;
	char tail[5]; /* the last octets that the peer has heard */
	bool dotted; /* the peer has heard the final dot of this mail */
	bool go; /* it has said 354 since the mail began */
	unsigned praises; /* whole 2yz replies since then */
	unsigned before; /* and before, of this mail */
	unsigned waited;
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

/* ---- the peer ---- */

static bool
holds(struct str heard, const char *text)
{
	return str_search(heard, str_of(text)) < heard.n;
}

/* Hears what the client has said, and looks for the final dot. */
static void
hear(struct sender *s)
{
	char text[4096];
	ssize_t n;
	while ((n = recv(s->fd, text + sizeof s->tail,
		    sizeof text - sizeof s->tail, MSG_DONTWAIT)) > 0) {
		struct str heard = { text, (size_t)n + sizeof s->tail };
		memcpy(text, s->tail, sizeof s->tail);
		s->dotted |= holds(heard, "\r\n.\r\n");
		must(!s->busy || !holds(heard, "QUIT\r\n"));
		must(!holds(heard, "\r\n.b")); /* each dot is stuffed */
		memcpy(s->tail, text + n, sizeof s->tail);
	}
}

/* A message is coming: most replies belong behind its end. */
static bool
has_patience(struct sender *s)
{
	hear(s);
	return s->go && !s->dotted && !(s->how & IMPATIENT) &&
	    ++s->waited < PATIENCE;
}

/* "250 OK", "250"; not "250-more" or "2nd line" */
static bool
is_praise(struct str line)
{
	line = str_trim(line);
	bool code = line.n >= 3 && line.p[0] == '2' && line.p[1] >= '0' &&
	    line.p[1] <= '9' && line.p[2] >= '0' && line.p[2] <= '9';
	return code && (line.n == 3 || line.p[3] == ' ');
}

static void
note_line(struct sender *s, struct str line)
{
	if (is_praise(line) && s->go)
		s->praises++;
	else if (is_praise(line))
		s->before++;
	s->go |= str_starts(line, STR("354"));
}

/* ---- the owner ---- */

static void
on_more(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	must(s->busy);
	if (s->how & BROKEN)
		smtp_mail_abort(mail);
	else
		smtp_mail_feed(mail, STR("a\r\n.b\r\n"), s->pieces++ % 2);
}

/* Every recipient has a reply that can be acted on. */
static void
on_done(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	must(s->busy);
	s->busy = false;
	hear(s);
	for (size_t i = 0; i < mail->count; i++) {
		int class = reply_class(mail->replies[i]);
		must(class == 2 || class == 4 || class == 5);
		must(class != 2 ||
		    (s->dotted && s->praises > 0 && s->before > 1));
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
	hear(s);
	s->dotted = s->go = false;
	s->praises = s->before = 0;
	s->busy = true;
	s->mail = (struct smtp_mail){
		.sender = STR("ann@example.test"),
		.count = 3,
		.recipients = recipients,
		.size = 8,
		.eight_bit = true,
		.require_tls = s->how & KEEP_TLS,
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
	if (++s->turns % 3 > 0 || has_patience(s))
		return;
	note_line(s, piece);
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
		.tls = s.how & MUST ? CLIENT_TLS_MUST
		    : s.how & MAY   ? CLIENT_TLS_MAY
				    : CLIENT_TLS_NONE,
		.terms = { .context = context, .name = "mx.example.test" },
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
