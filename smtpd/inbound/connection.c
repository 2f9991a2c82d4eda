#include "smtpd/inbound/inbound_private.h"

#include "lib/base/codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct reply not_yours =
    REPLY_IS(550, "5.7.1", "This sender address is not one of yours");
static const struct reply too_many =
    REPLY_IS(421, "4.7.0", "Too many transactions without a message");

enum {
	MAILS_MAX = 20, /* without a message: each costs questions of DNS */
};

static struct connection *
connection_of(struct smtp_server *server)
{
	return container_of(server, struct connection, server);
}

/* ---- MAIL, RCPT, DATA ---- */

/* RFC 8098 4: receipts have the null sender, from users too */
static bool
may_send(struct connection *c, const struct address *sender)
{
	const struct directory *d = directory_now(c->inbound->parts.directory);
	return c->port->name == PORT_SMTP || address_is_null(*sender) ||
	    directory_may_send_as(d, buf_str(&c->user), sender);
}

/* What is refused isn't counted: who goes on trying isn't shut out for ever. */
static bool
wastes_mails(struct connection *c)
{
	return c->port->name == PORT_SMTP &&
	    (!limits_may_mail(&c->inbound->limits, c->peer) ||
		c->mails++ >= MAILS_MAX);
}

/* NULL, or why not. */
static const struct reply *
check_sender(struct connection *c, const struct address *sender)
{
	if (c->inbound->stopping)
		return &inbound_stopping;
	if (wastes_mails(c))
		return &too_many;
	if (!queue_has_space(c->inbound->parts.queue))
		return commit_failure(ENOSPC);
	return may_send(c, sender) ? NULL : &not_yours;
}

static void
on_mail(struct smtp_server *server, const struct address *sender,
    const struct params *params)
{
	struct connection *c = connection_of(server);
	const struct reply *refusal = check_sender(c, sender);
	(void)params;
	c->transaction = transaction_new(c, sender);
	if (refusal)
		event_reject(
		    c, c->transaction->sender, (struct str){ 0 }, *refusal);
	else if (c->port->name == PORT_SMTP)
		accept_start(c->transaction);
	smtp_server_reply(
	    server, refusal ? *refusal : REPLY(250, "2.1.0", "Sender OK"));
}

static void
on_rcpt(struct smtp_server *server, const struct address *address,
    const struct params *params)
{
	struct connection *c = connection_of(server);
	struct transaction *t = c->transaction;
	struct reply reply = recipients_add(t, address);
	(void)params;
	if (reply.code != 250)
		event_reject(
		    c, t->sender, address_text(*address, &t->arena), reply);
	smtp_server_reply(server, reply);
}

static void
on_data(struct smtp_server *server)
{
	transaction_data(connection_of(server)->transaction);
	smtp_server_reply(
	    server, REPLY(354, NULL, "End the message with a dot"));
}

static void
on_body(struct smtp_server *server, struct str piece)
{
	transaction_body(connection_of(server)->transaction, piece);
}

static void
on_end(struct smtp_server *server)
{
	transaction_end(connection_of(server)->transaction);
}

/* ---- the session ---- */

static void
on_reset(struct smtp_server *server)
{
	struct connection *c = connection_of(server);
	login_cancel(&c->login);
	if (c->transaction)
		transaction_leave(c->transaction);
	/* RFC 3207 4.2: who somebody was before TLS is forgotten */
	if (!(server->state & SMTP_KNOWN))
		buf_clear(&c->user);
	if (c->options.submission &&
	    (server->state & (SMTP_SECURE | SMTP_KNOWN)) == SMTP_SECURE)
		c->options.mechanisms = auth_mechanisms(c);
}

static void
on_refused(struct smtp_server *server, struct reply reply)
{
	struct connection *c = connection_of(server);
	event_reject(
	    c, c->transaction->sender, c->transaction->recipient, reply);
}

static void
on_gone(struct smtp_server *server)
{
	connection_free(connection_of(server));
}

const struct smtp_service connection_service = {
	.auth = auth_start,
	.auth_line = auth_line,
	.mail = on_mail,
	.rcpt = on_rcpt,
	.data = on_data,
	.body = on_body,
	.end = on_end,
	.refused = on_refused,
	.reset = on_reset,
	.gone = on_gone,
};

static void
log_connect(const struct connection *c)
{
	char text[IP_TEXT];
	struct log_line line = log_begin(LOG_DEBUG, "connect");
	ip_print(c->peer, text);
	log_c(&line, "sid", c->sid);
	log_c(&line, "port", settings_port_name(c->port->name));
	log_c(&line, "ip", text);
	log_end(&line);
}

void
connection_start(const struct port *port, int fd, struct ip peer)
{
	struct inbound *inbound = port->inbound;
	struct loop *loop = inbound->parts.loop;
	struct connection *c = mem_alloc(sizeof *c);
	struct buf sid = { 0 };
	base62_add(&sid, ++inbound->last_session);
	snprintf(c->sid, sizeof c->sid, "%s", buf_cstr(&sid));
	buf_free(&sid);
	c->inbound = inbound;
	c->port = port;
	c->peer = peer;
	c->options = port->options;
	c->client = client_new(inbound, port->name, peer);
	inbound->sessions++;
	list_push(&inbound->connections, &c->node);
	log_connect(c);
	smtp_server_start(&c->server, loop,
	    stream_new(loop, fd, &c->server.owner), &c->options,
	    port->name == PORT_SUBMISSIONS);
}

/* A message behind its final dot goes on, and its client's place is taken until
   it ends; so does what is asked about the client: to vanish is no way around
   either. */
static void
leave_message(struct connection *c)
{
	struct transaction *t = c->transaction;
	if (list_linked(&t->node)) {
		t->client = c->client;
		c->client = NULL;
	}
	transaction_leave(t);
}

void
connection_free(struct connection *c)
{
	limits_wasted(&c->inbound->limits, c->peer, c->mails);
	if (c->transaction)
		leave_message(c);
	client_free(c->client);
	login_cancel(&c->login);
	timer_stop(&c->penalty);
	buf_free(&c->user);
	c->inbound->sessions--;
	list_remove(&c->node);
	smtp_server_free(&c->server);
	free(c);
}
