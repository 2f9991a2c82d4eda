#include "smtpd/inbound/inbound_private.h"

#include "lib/base/codec.h"

#include <stdio.h>
#include <string.h>

static const char *const bound_mechanisms[] = { "SCRAM-SHA-256-PLUS",
	"SCRAM-SHA-256", "PLAIN", "LOGIN", NULL };

static const struct reply bad_base64 = REPLY_IS(501, "5.5.2", "Bad base64");
static const struct reply wrong =
    REPLY_IS(535, "5.7.8", "Name or password is wrong");
static const struct reply busy =
    REPLY_IS(454, "4.7.0", "Logins can't be checked now, try again later");
static const struct reply too_often =
    REPLY_IS(421, "4.7.0", "Too many failed logins, try again later");

const char *const *
auth_mechanisms(const struct connection *c)
{
	const char *type;
	struct buf data = { 0 };
	bool bound = stream_channel_binding(c->server.stream, &type, &data);
	buf_free(&data);
	return bound ? bound_mechanisms : login_mechanisms;
}

/* ---- results ---- */

static void
answer_continue(struct connection *c)
{
	struct buf text = { 0 };
	base64_add(&text, buf_str(&c->login.challenge));
	smtp_server_challenge(&c->server, buf_str(&text));
	buf_free(&text);
}

static void
on_penalty(struct timer *timer)
{
	struct connection *c = container_of(timer, struct connection, penalty);
	smtp_server_reply(&c->server, wrong);
}

/* Always the same words, whatever was wrong; the more often, the later. */
static void
answer_refused(struct connection *c)
{
	struct inbound *inbound = c->inbound;
	struct str account = buf_str(&c->login.account);
	int64_t delay = limits_failed_login(&inbound->limits, c->peer, account);
	event_auth(c, account, "refused");
	if (delay > 0)
		timer_start(
		    &c->penalty, inbound->parts.loop, delay, on_penalty);
	else
		smtp_server_reply(&c->server, wrong);
}

static void
answer_done(struct connection *c)
{
	struct str account = buf_str(&c->login.account);
	if (!limits_may_login(&c->inbound->limits, c->peer, account)) {
		answer_refused(c);
		return;
	}
	event_auth(c, account, "ok");
	buf_free(&c->user);
	c->user = buf_take(&c->login.account);
	smtp_server_known(&c->server);
	smtp_server_reply(&c->server, REPLY(235, "2.7.0", "Welcome"));
}

static void
answer_busy(struct connection *c)
{
	event_auth(c, STR(""), "busy");
	smtp_server_reply(&c->server, busy);
}

static void
on_login(struct login *login)
{
	static void (*const answers[])(struct connection *) = {
		[LOGIN_CONTINUE] = answer_continue,
		[LOGIN_DONE] = answer_done,
		[LOGIN_REFUSED] = answer_refused,
		[LOGIN_BUSY] = answer_busy,
	};
	answers[login->result](container_of(login, struct connection, login));
}

/* ---- questions ---- */

static void
start(struct connection *c, struct str initial)
{
	const char *type = "";
	struct buf binding = { 0 };
	if (!stream_channel_binding(c->server.stream, &type, &binding))
		type = "";
	login_start(c->inbound->parts.logins, &c->login, c->mechanism, initial,
	    type, buf_str(&binding), on_login);
	buf_free(&binding);
}

static void
wipe(struct buf *secret)
{
	if (secret->p)
		explicit_bzero(secret->p, secret->cap);
	buf_free(secret);
}

void
auth_start(struct smtp_server *server, struct str mechanism, struct str initial)
{
	struct connection *c = container_of(server, struct connection, server);
	struct buf bytes = { 0 };
	snprintf(c->mechanism, sizeof c->mechanism, "%.*s", STR_ARG(mechanism));
	if (!limits_may_login(&c->inbound->limits, c->peer, STR(""))) {
		event_auth(c, STR(""), "too often");
		smtp_server_reply(server, too_often);
	} else if (!base64_read(&bytes, initial)) {
		smtp_server_reply(server, bad_base64);
	} else {
		start(c, initial.p ? buf_str(&bytes) : initial);
	}
	wipe(&bytes);
}

void
auth_line(struct smtp_server *server, struct str line)
{
	struct connection *c = container_of(server, struct connection, server);
	struct buf bytes = { 0 };
	if (base64_read(&bytes, line)) {
		login_step(&c->login, buf_str(&bytes), on_login);
	} else {
		login_cancel(&c->login);
		smtp_server_reply(server, bad_base64);
	}
	wipe(&bytes);
}
