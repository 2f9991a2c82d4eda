#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"
#include "smtpd/queue/history.h"

#include <stdio.h>

enum {
	ALL_MOST = 1000, /* octets of recipients that the history keeps */
};

static void
add_peer(struct log_line *line, struct ip peer, struct str helo)
{
	char text[IP_TEXT];
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

/* ---- what was found ---- */

/* The one that decides: a pass, of the author domain if there is one; else
   the first. */
static const struct dkim_result *
choose_signature(const struct checks *checks)
{
	const struct dkim_verify *v = &checks->dkim;
	const struct dkim_result *chosen = v->count ? &v->results[0] : NULL;
	for (size_t i = 0; i < v->count; i++) {
		const struct dkim_result *r = &v->results[i];
		if (r->status != DKIM_PASS)
			continue;
		if (str_eq(r->domain, checks->author_domain))
			return r;
		if (chosen->status != DKIM_PASS)
			chosen = r;
	}
	return chosen;
}

static void
add_facts(struct log_line *line, const struct transaction *t)
{
	const struct checks *checks = &t->checks;
	if (!t->judged)
		return;
	const struct spf_check *spf = checks_spf(checks);
	const struct dkim_result *dkim = choose_signature(checks);
	log_c(line, "spf", spf ? spf_result_name(spf->result) : NULL);
	if (dkim)
		log_f(line, "dkim", "%s:%.*s", dkim_status_name(dkim->status),
		    STR_ARG(dkim->domain));
	else
		log_c(line, "dkim", "none");
	log_c(line, "dmarc", dmarc_status_name(checks->dmarc.status));
}

static const char *
disposition_of(const struct transaction *t)
{
	return disposition_name(
	    t->judged ? t->verdict.disposition : DISPOSITION_ACCEPT);
}

/* ---- for the history alone ---- */

/* People ask after whom they see, and lists and services send in the name of
   others.  One that no path would take isn't asked for. */
static void
note_author(struct transaction *t)
{
	struct address_list authors;
	const char *why;
	if (!from_author(&t->header, &t->arena, &authors, &why))
		return;
	struct str author = address_text(authors.addresses[0], &t->arena);
	if (author.n < PATH_MAX_WHOLE && !str_eq_nocase(author, t->sender))
		t->author = arena_printf(&t->arena, "<%.*s>", STR_ARG(author));
}

void
event_note(struct transaction *t)
{
	const struct envelope *e = t->envelope;
	const struct header_field *id = header_first(&t->header, "Message-ID");
	struct buf all = { 0 };
	for (size_t i = 0; i < e->count && all.n < ALL_MOST; i++) {
		struct str to = e->recipients[i].original;
		/* An alias names several. */
		if (i == 0 || !str_eq(to, e->recipients[i - 1].original))
			buf_addf(&all, "%s<%.*s>", i ? " " : "", STR_ARG(to));
	}
	t->all = arena_str(&t->arena, buf_str(&all));
	struct str text = id ? header_unfold(id->value, &t->arena) : STR("");
	t->message_id = arena_str(&t->arena, text);
	note_author(t);
	buf_free(&all);
}

static void
add_story(struct log_line *line, const struct transaction *t)
{
	if (!str_empty(t->message_id))
		log_kept(line, "message-id", t->message_id);
	if (!str_empty(t->author))
		log_kept(line, "author", t->author);
	if (t->recipients > 1)
		log_kept(line, "all", t->all);
	for (size_t i = 0; t->judged && i < t->verdict.count; i++) {
		char key[32];
		snprintf(key, sizeof key, "step.%zu", i + 1);
		log_kept(line, key, t->verdict.steps[i]);
	}
}

static void
end_message(
    struct log_line *line, const struct transaction *t, enum history_roll roll)
{
	add_story(line, t);
	history_end(t->inbound ? t->inbound->parts.history : NULL, roll, line);
}

static void
add_id(struct log_line *line, uint64_t id)
{
	struct buf text = { 0 };
	envelope_id_text(id, &text);
	log_s(line, "id", buf_str(&text));
	buf_free(&text);
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
	struct log_line line = log_begin_kept(LOG_INFO, "received");
	add_id(&line, t->id);
	add_message(&line, t);
	add_facts(&line, t);
	log_c(&line, "disposition", disposition_of(t));
	log_d(&line, "ms", clock_mono_ms() - t->began_ms);
	end_message(&line, t, HISTORY_MAIL);
}

void
event_reject_message(const struct transaction *t, struct reply reply)
{
	struct log_line line = log_begin_kept(LOG_INFO, "reject");
	add_id(&line, t->id);
	add_message(&line, t);
	add_facts(&line, t);
	if (t->judged)
		log_c(&line, "disposition", disposition_of(t));
	add_reply(&line, reply);
	end_message(&line, t, HISTORY_REFUSED);
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
	struct log_line line = log_begin_kept(LOG_INFO, "reject");
	add_session(&line, c);
	log_path(&line, "from", from);
	if (to.p)
		log_path(&line, "to", to);
	add_peer(&line, c->peer, buf_str(&c->server.helo));
	if (c->user.n > 0)
		log_s(&line, "user", buf_str(&c->user));
	add_reply(&line, reply);
	history_end(c->inbound->parts.history, HISTORY_REFUSED, &line);
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
