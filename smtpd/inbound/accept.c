/*
 * accept.c - a message from a stranger: asked about from MAIL on, judged
 * behind its final dot, and kept with what was found.
 */
#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"
#include "smtpd/inbound/annotate.h"
#include "smtpd/inbound/counters.h"
#include "smtpd/inbound/verdict_text.h"

static struct transaction *
transaction_of(struct flow *flow)
{
	return container_of(flow, struct transaction, flow);
}

/* ---- at MAIL ---- */

void
accept_start(struct transaction *t)
{
	struct inbound *inbound = t->inbound;
	guard_note(inbound->guard, t->peer, t->helo, t->sender);
	t->source_unknown = guard_is_gateway(inbound->guard, t->peer);
	t->question = (struct checks_question){
		.loop = inbound->parts.loop,
		.resolver = inbound->parts.resolver,
		.hostname = str_of(inbound->hostname),
		.ip = t->source_unknown ? (struct ip){ 0 } : t->peer,
		.helo = t->helo,
		.mail_from = t->sender,
		.now = clock_wall_ms() / 1000,
	};
	checks_start(&t->checks, &t->question);
}

bool
accept_judges(const struct transaction *t)
{
	return t->question.loop != NULL;
}

struct client *
accept_client(const struct transaction *t)
{
	return t->connection ? t->connection->client : t->client;
}

/* ---- checks ---- */

static void
on_checked(struct checks *checks)
{
	struct transaction *t =
	    container_of(checks, struct transaction, checks);
	flow_release(&t->flow);
}

static enum step
end_checks(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	flow_hold(flow);
	checks_end(&t->checks, on_checked);
	client_hold(accept_client(t), t);
	return STEP_WAIT;
}

/* ---- verdict ---- */

/* An address that turned out to be a gateway's while the message arrived counts
   as one. */
static void
reach_verdict(struct transaction *t)
{
	const struct inbound *inbound = t->inbound;
	const struct settings *s = inbound->parts.settings;
	const struct peer_check *peer = &accept_client(t)->check;
	t->source_unknown |= guard_is_gateway(inbound->guard, t->peer);
	struct verdict_question question = {
		.dmarc_action = s->dmarc_action,
		.spf_action = s->spf_action,
		.checks = &t->checks,
		.malformed = t->ambiguous,
		.must_accept = t->roles == t->recipients,
		.source_unknown = t->source_unknown,
		.listed = !t->source_unknown && peer->weight >= PEER_WEIGHT,
		.listed_refuses = s->dnsbl_action == DNSBL_REJECT,
		.list = peer->list,
	};
	verdict_reach(&question, &t->arena, &t->verdict);
	t->judged = true;
}

static const struct reply no_junk = REPLY_IS(550, "5.7.1",
    "This mail looks like junk, which isn't sent on to other servers");

/* RFC 7208 2.4: who MAIL names is proven; a gateway's address proves nothing */
static void
note_sender(struct transaction *t)
{
	const struct checks *checks = &t->checks;
	if (!t->source_unknown && checks->has_mail_from &&
	    checks->mail_from.result == SPF_PASS)
		t->envelope->flags |= ENVELOPE_SENDER_PROVEN;
}

/* Junk isn't sent on: whoever got it from us would take it for ours. */
static void
keep_here(struct transaction *t)
{
	struct envelope *e = t->envelope;
	size_t kept = 0, all = e->count;
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].kind == RECIPIENT_LOCAL)
			e->recipients[kept++] = e->recipients[i];
	e->count = kept;
	if (kept < all)
		verdict_tell(&t->verdict,
		    verdict_text(&t->arena,
			"it isn't sent on to %zu address%s elsewhere",
			all - kept, all - kept == 1 ? "" : "es"));
}

static void
put_into_junk(struct envelope *e)
{
	for (size_t i = 0; i < e->count; i++) {
		struct recipient *r = &e->recipients[i];
		if (r->kind == RECIPIENT_LOCAL && str_empty(r->folder))
			r->folder = STR("Junk");
	}
}

void
accept_count(const struct transaction *t)
{
	if (t->judged && t->inbound && t->inbound->parts.counters)
		counters_note(
		    t->inbound->parts.counters, &t->checks, &t->verdict);
}

static enum step
judge(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	reach_verdict(t);
	if (t->verdict.disposition == DISPOSITION_REJECT ||
	    t->verdict.disposition == DISPOSITION_DEFER) {
		accept_count(t);
		return commit_refuse(t, t->verdict.reply);
	}
	note_sender(t);
	bool junk = t->verdict.disposition == DISPOSITION_JUNK;
	if (!junk && !t->verdict.spared) {
		recipients_count_forwards(t);
		return STEP_NEXT;
	}
	keep_here(t);
	if (t->envelope->count == 0) {
		accept_count(t);
		return commit_refuse(t, no_junk);
	}
	if (junk)
		put_into_junk(t->envelope);
	return STEP_NEXT;
}

/* ---- trace ---- */

/* RFC 5321 4.4: only the last hop writes one, and that is us */
static bool
is_return_path(const struct header_field *field)
{
	return str_eq_nocase(field->name, STR("Return-Path"));
}

/* RFC 8601 4.1, RFC 7208 9.1: above the Received of the same hop */
static void
add_results(const struct transaction *t, struct buf *out)
{
	const struct peer_check *peer = &accept_client(t)->check;
	bool asked = peer->has_iprev && !t->source_unknown;
	annotate_results(
	    out, &t->checks, asked ? &peer->iprev : NULL, t->source_unknown);
	if (!t->source_unknown)
		annotate_received_spf(out, &t->checks);
}

static enum step
add_trace(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	struct buf header = { 0 };
	buf_reserve(&header, t->message->header.n + 1024);
	add_results(t, &header);
	commit_add_received(t, &header);
	commit_add_fields(t, is_return_path, &header);
	t->section = buf_take(&t->message->header);
	t->message->header = header;
	return STEP_NEXT;
}

const struct flow_step accept_steps[] = {
	{ "admit", commit_checks },
	{ "checks", end_checks },
	{ "verdict", judge },
	{ "trace", add_trace },
	{ "body", commit_body },
	{ "commit", commit_add },
	{ "answer", commit_answer },
	{ 0 },
};
