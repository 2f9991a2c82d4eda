#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"

static void
add_peer(struct log_line *line, struct ip peer, struct str helo)
{
	char text[IP_TEXT];
	if (!line->wanted)
		return;
	ip_print(peer, text);
	log_c(line, "ip", text);
	if (!str_empty(helo))
		log_s(line, "helo", helo);
}

static void
add_message(struct log_line *line, const struct transaction *t)
{
	log_c(line, "sid", t->sid);
	log_c(line, "port", settings_port_name(t->port));
	log_path(line, "from", t->sender);
	log_path(line, "to", t->recipient);
	if (t->recipients > 1)
		log_d(line, "recipients", (int64_t)t->recipients);
	log_d(line, "size", (int64_t)t->size);
	add_peer(line, t->peer, t->helo);
	if (*t->tls.version)
		log_c(line, "tls", t->tls.version);
	if (!str_empty(t->user))
		log_s(line, "user", t->user);
}

static void
add_reply(struct log_line *line, struct reply reply)
{
	log_d(line, "code", reply.code);
	log_c(line, "dsn", reply.enhanced);
	log_c(line, "reason", reply.text);
}

void
event_received(const struct transaction *t)
{
	struct log_line line = log_begin(LOG_INFO, "received");
	struct buf id = { 0 };
	envelope_id_text(t->id, &id);
	log_s(&line, "id", buf_str(&id));
	add_message(&line, t);
	log_c(&line, "disposition", "accept");
	log_d(&line, "ms", clock_mono_ms() - t->began_ms);
	log_end(&line);
	buf_free(&id);
}

void
event_reject_message(const struct transaction *t, struct reply reply)
{
	struct log_line line = log_begin(LOG_INFO, "reject");
	add_message(&line, t);
	add_reply(&line, reply);
	log_end(&line);
}

static void
add_session(struct log_line *line, const struct connection *c)
{
	log_c(line, "sid", c->sid);
	log_c(line, "port", settings_port_name(c->port->name));
}

void
event_reject(const struct connection *c, struct str from, struct str to,
    struct reply reply)
{
	struct log_line line = log_begin(LOG_INFO, "reject");
	add_session(&line, c);
	log_path(&line, "from", from);
	if (to.p)
		log_path(&line, "to", to);
	add_peer(&line, c->peer, buf_str(&c->server.helo));
	if (c->user.n > 0)
		log_s(&line, "user", buf_str(&c->user));
	add_reply(&line, reply);
	log_end(&line);
}

void
event_auth(const struct connection *c, struct str user, const char *result)
{
	struct log_line line = log_begin(LOG_INFO, "auth");
	add_session(&line, c);
	log_s(&line, "user", user);
	log_c(&line, "mechanism", c->mechanism);
	log_c(&line, "result", result);
	add_peer(&line, c->peer, STR(""));
	log_end(&line);
}
