/*
 * commit.c - the last steps of a message: its body on disk, one record in the
 * journal, the answer.
 */
#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"
#include "lib/mail/authres.h"
#include "lib/mail/trace.h"

#include <errno.h>
#include <stdio.h>

enum {
	OWN_HOPS = 5, /* through this host: a message of ours may come back */
};

static const struct reply looped =
    REPLY_IS(554, "5.4.6", "Too many hops, this mail goes in circles");

const struct reply *
commit_failure(int error)
{
	static const struct reply no_space =
	    REPLY_IS(452, "4.3.1", "No space for mail now, try again later");
	static const struct reply our_fault = REPLY_IS(
	    451, "4.3.0", "The message can't be kept now, try again later");
	return error == ENOSPC || error == EDQUOT ? &no_space : &our_fault;
}

static struct transaction *
transaction_of(struct flow *flow)
{
	return container_of(flow, struct transaction, flow);
}

/* ---- the answer ---- */

static void
answer(struct transaction *t, struct reply reply)
{
	struct connection *c = t->connection;
	if (c) {
		transaction_leave(t);
		smtp_server_reply(&c->server, reply);
	}
	transaction_free(t);
}

enum step
commit_refuse(struct transaction *t, struct reply reply)
{
	event_reject_message(t, reply);
	answer(t, reply);
	return STEP_STOP;
}

enum step
commit_answer(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	struct buf text = { 0 };
	if (t->add.result == QUEUE_FULL)
		return commit_refuse(t, *commit_failure(ENOSPC));
	event_received(t);
	accept_count(t);
	if (t->connection)
		t->connection->mails = 0;
	buf_adds(&text, "Queued as ");
	envelope_id_text(t->id, &text);
	answer(t, REPLY(250, "2.0.0", buf_cstr(&text)));
	buf_free(&text);
	return STEP_STOP;
}

/* ---- the record ---- */

static void
on_added(struct queue_add *add)
{
	struct transaction *t = container_of(add, struct transaction, add);
	flow_release(&t->flow);
}

static void
fill_envelope(struct transaction *t)
{
	struct envelope *e = t->envelope;
	e->id = t->id;
	e->sender = arena_str(&e->arena, t->sender);
	e->user = arena_str(&e->arena, t->user);
	e->envid = STR("");
	if (t->user.n > 0)
		e->flags |= ENVELOPE_SUBMITTED;
}

/* From here on the bytes are the queue's, and so is their count. */
enum step
commit_add(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	struct queue *queue = t->inbound->parts.queue;
	if (t->refusal)
		return commit_refuse(t, *t->refusal);
	fill_envelope(t);
	t->size = message_size(t->message);
	t->add.envelope = t->envelope;
	t->add.message = t->message;
	t->envelope = NULL;
	t->message = NULL;
	transaction_account(t);
	flow_hold(flow);
	queue_add(queue, &t->add, on_added);
	return STEP_WAIT;
}

/* ---- the body ---- */

static void
on_finished(struct queue_body *body)
{
	struct transaction *t = container_of(body, struct transaction, body);
	if (body->error)
		t->refusal = commit_failure(body->error);
	flow_release(&t->flow);
}

enum step
commit_body(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	if (t->refusal)
		return commit_refuse(t, *t->refusal);
	if (!t->spilled)
		return STEP_NEXT;
	if (t->piece.n > 0)
		queue_body_write(&t->body, &t->piece);
	flow_hold(flow);
	queue_body_finish(&t->body, t->message, on_finished);
	return STEP_WAIT;
}

/* ---- before ---- */

enum step
commit_checks(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	struct str host = str_of(t->inbound->hostname);
	if (t->refusal)
		return commit_refuse(t, *t->refusal);
	t->size = message_size(t->message);
	event_note(t);
	if (trace_hops(&t->header) > TRACE_MAX_HOPS ||
	    trace_hops_by(&t->header, host) > OWN_HOPS)
		return commit_refuse(t, looped);
	t->envelope->received_ms = clock_wall_ms();
	return STEP_NEXT;
}

void
commit_add_fields(const struct transaction *t,
    bool (*drop)(const struct header_field *), struct buf *out)
{
	struct str host = str_of(t->inbound->hostname);
	for (size_t i = 0; i < t->header.count; i++) {
		const struct header_field *field = &t->header.fields[i];
		/* RFC 8601 5: nobody else speaks for us */
		if (!drop(field) && !authres_claims(field, host))
			buf_add(out, field->whole);
	}
}

/* RFC 5321 4.4 */
void
commit_add_received(struct transaction *t, struct buf *out)
{
	char tls[sizeof t->tls.version + sizeof t->tls.cipher + 1] = "";
	struct buf id = { 0 };
	envelope_id_text(t->id, &id);
	if (*t->tls.version)
		snprintf(
		    tls, sizeof tls, "%s %s", t->tls.version, t->tls.cipher);
	trace_received(out,
	    &(struct trace){
		.helo = t->helo,
		.client = t->user.n > 0 ? (struct ip){ 0 } : t->peer,
		.by = str_of(t->inbound->hostname),
		.with = t->with,
		.tls = str_of(tls),
		.id = buf_str(&id),
		.recipient = t->recipients == 1 ? t->recipient : STR(""),
		.wall_ms = t->envelope->received_ms,
	    });
	buf_free(&id);
}
