#include "tests/unit/client_rig.h"

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

static struct sender *
sender_of(struct smtp_client *client)
{
	return container_of(client, struct sender, client);
}

static void
called(struct sender *s, const char *name, enum when when)
{
	buf_addf(&s->calls, "%s ", name);
	if (s->free_at == when)
		smtp_client_free(&s->client);
}

static void
on_ready(struct smtp_client *client)
{
	called(sender_of(client), "ready", AT_READY);
}

static void
on_ended(struct smtp_client *client)
{
	called(sender_of(client), "ended", AT_ENDED);
}

static void
on_more(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	buf_adds(&s->calls, "more ");
	if (s->message.p)
		smtp_mail_feed(mail, s->message, true);
	else
		s->pieces++;
}

static void
on_done(struct smtp_mail *mail)
{
	struct sender *s = container_of(mail, struct sender, mail);
	for (size_t i = 0; i < mail->count; i++)
		buf_addf(&s->replies, "%d %s\n", mail->replies[i].code,
		    mail->replies[i].text);
	called(s, "done", AT_DONE);
}

static struct sender *
open_sender(int type, struct smtp_client_options options)
{
	int fds[2];
	struct sender *s = calloc(1, sizeof *s);
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), 0);
	s->loop = loop_new();
	s->fd = fds[0];
	options.helo = "client.example.test";
	options.terms.name = "mx.example.test";
	smtp_client_start(
	    &s->client, s->loop, fds[1], &options, on_ready, on_ended);
	return s;
}

struct sender *
sender_open(int type)
{
	return open_sender(type, (struct smtp_client_options){ 0 });
}

struct sender *
sender_login(const char *user, const char *password)
{
	struct sender *s = open_sender(SOCK_STREAM,
	    (struct smtp_client_options){
		.user = str_of(user),
		.password = str_of(password),
	    });
	s->client.secure = true;
	return s;
}

struct str
sender_hear(struct sender *s)
{
	size_t n = 0;
	ssize_t more;
	fake_loop_advance(s->loop, 0);
	while ((more = recv(s->fd, s->got + n, sizeof s->got - n, 0)) > 0) {
		n += (size_t)more;
		fake_loop_settle(s->loop);
	}
	return (struct str){ s->got, n };
}

void
sender_say(struct sender *s, const char *text)
{
	size_t n = strlen(text);
	assert_int_equal(send(s->fd, text, n, MSG_NOSIGNAL), n);
	fake_loop_settle(s->loop);
}

void
sender_expect(struct sender *s, const char *said, const char *heard)
{
	sender_say(s, said);
	assert_str(sender_hear(s), str_of(heard));
}

struct sender *
sender_ready(int type, const char *ehlo)
{
	struct sender *s = sender_open(type);
	sender_expect(s, "220 mx\r\n", "EHLO client.example.test\r\n");
	sender_expect(s, ehlo, "");
	assert_str(buf_str(&s->calls), STR("ready "));
	buf_clear(&s->calls);
	return s;
}

void
sender_send(struct sender *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		s->recipients[i] =
		    s->recipient.p ? s->recipient : STR("bob@remote.example");
	s->mail = (struct smtp_mail){
		.sender = STR("ann@example.test"),
		.recipients = s->recipients,
		.count = count,
		.more = on_more,
	};
	smtp_client_send(&s->client, &s->mail, on_done);
}

void
sender_close(struct sender *s)
{
	smtp_client_free(&s->client);
	smtp_client_free(&s->client); /* idle: nothing to do */
	close(s->fd);
	fake_loop_advance(s->loop, MINUTE); /* what lingers goes, too */
	buf_free(&s->calls);
	buf_free(&s->replies);
	loop_free(s->loop);
	free(s);
}
