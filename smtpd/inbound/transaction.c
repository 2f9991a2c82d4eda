#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	WRITE_AT = 65536, /* octets of a body that are written at once */
	PENDING_MAX = 262144, /* not yet written: the peer is made to wait */
	HEADER_SHORT = 16384, /* octets that it gets when memory is short */
};

static const struct reply header_too_large =
    REPLY_IS(552, "5.3.4", "The header section is too large");
static const struct reply has_nul =
    REPLY_IS(550, "5.6.0", "The header section holds a NUL");

/* ---- from MAIL ---- */

/* RFC 3848 */
static const char *
protocol(const struct smtp_server *server)
{
	static const char *const names[] = { "ESMTP", "ESMTPA", "ESMTPS",
		"ESMTPSA" };
	if (!(server->state & SMTP_EXTENDED))
		return "SMTP";
	return names[(server->state & SMTP_SECURE ? 2 : 0) +
	    (server->state & SMTP_KNOWN ? 1 : 0)];
}

struct transaction *
transaction_new(struct connection *c, const struct address *sender)
{
	struct transaction *t = mem_alloc(sizeof *t);
	t->inbound = c->inbound;
	t->connection = c;
	t->began_ms = clock_mono_ms();
	t->port = c->port->name;
	memcpy(t->sid, c->sid, sizeof t->sid);
	t->peer = c->peer;
	t->helo = arena_str(&t->arena, buf_str(&c->server.helo));
	t->user = arena_str(&t->arena, buf_str(&c->user));
	t->with = protocol(&c->server);
	if (c->server.state & SMTP_SECURE)
		stream_tls_info(c->server.stream, &t->tls);
	t->sender = address_text(*sender, &t->arena);
	t->recipient = STR("");
	t->envelope = envelope_new();
	return t;
}

bool
transaction_account(struct transaction *t)
{
	int64_t now =
	    (int64_t)(t->piece.n + t->section.n + queue_body_pending(&t->body));
	if (t->message)
		now += (int64_t)(t->message->header.n + t->message->body.n);
	int64_t change = now - t->held;
	t->held = now;
	return queue_memory(t->inbound->parts.queue, change);
}

/* The bytes go, and with them their file. */
static void
drop(struct transaction *t)
{
	queue_body_cancel(&t->body);
	dkim_body_cancel(&t->hash);
	checks_cancel(&t->checks);
	buf_free(&t->section);
	if (t->message && t->message->file.n > 0)
		queue_body_discard(t->inbound->parts.queue, t->message);
	message_free(t->message);
	t->message = NULL;
	buf_free(&t->piece);
}

void
transaction_free(struct transaction *t)
{
	struct client *client = accept_client(t);
	if (client)
		client_unhold(client, t);
	drop(t);
	if (t->inbound)
		transaction_account(t);
	envelope_free(t->envelope);
	sign_cancel(&t->sign);
	buf_free(&t->sign.fields);
	list_remove(&t->node);
	if (t->connection)
		t->connection->transaction = NULL;
	client_free(t->client);
	arena_free(&t->arena);
	free(t);
}

void
transaction_leave(struct transaction *t)
{
	if (!list_linked(&t->node)) {
		transaction_free(t);
		return;
	}
	t->connection->transaction = NULL;
	t->connection = NULL;
}

/* ---- while it arrives ---- */

void
transaction_data(struct transaction *t)
{
	t->message = message_new();
	t->id = queue_new_id(t->inbound->parts.queue);
	if (t->user.n > 0)
		dkim_body_start(&t->hash, DKIM_RELAXED);
}

static void
refuse(struct transaction *t, const struct reply *reply)
{
	t->refusal = reply;
	drop(t);
	transaction_account(t);
	if (t->connection)
		smtp_server_pause(&t->connection->server, false);
}

static void
on_drained(struct queue_body *body)
{
	struct transaction *t = container_of(body, struct transaction, body);
	if (body->error && list_linked(&t->node)) {
		/* The steps behind the final dot hold the bytes. */
		t->refusal = commit_failure(body->error);
		return;
	}
	if (body->error) {
		refuse(t, commit_failure(body->error));
		return;
	}
	transaction_account(t);
	if (t->connection)
		smtp_server_pause(&t->connection->server, false);
}

static void
spill(struct transaction *t)
{
	queue_body_start(t->inbound->parts.queue, &t->body, t->id, on_drained);
	t->spilled = true;
	t->piece = buf_take(&t->message->body);
}

/* A body that is large goes on to a file; when memory is short for all, so does
   any other. */
static void
keep_within_bounds(struct transaction *t)
{
	struct message *m = t->message;
	bool much = transaction_account(t);
	/* A header section can go to no file, and many peers may send one. */
	if (much && t->part == PART_HEADER && m->header.n > HEADER_SHORT) {
		refuse(t, commit_failure(ENOSPC));
		return;
	}
	if (!t->spilled && m->body.n > 0 &&
	    (much || m->header.n + m->body.n > QUEUE_INLINE))
		spill(t);
	if (!t->spilled)
		return;
	if (t->piece.n >= WRITE_AT || (much && t->piece.n > 0))
		queue_body_write(&t->body, &t->piece);
	size_t pending = queue_body_pending(&t->body);
	if (pending > PENDING_MAX || (much && pending > 0))
		smtp_server_pause(&t->connection->server, true);
}

static void
add_body(struct transaction *t, struct str piece)
{
	if (t->hash.hash)
		dkim_body_add(&t->hash, piece);
	if (accept_judges(t))
		checks_body(&t->checks, piece);
	buf_add(t->spilled ? &t->piece : &t->message->body, piece);
}

/* A line that is no field ends the section (its first octet is the n-th): for
   us, and for everybody who reads the message later. */
static void
end_header(struct transaction *t, struct str section, struct str rest)
{
	struct message *m = t->message;
	const char *why = NULL;
	bool good = header_parse(section, &t->arena, &t->header, &why);
	size_t n = t->header.bytes.n;
	t->part = PART_BODY;
	if (str_has(section, '\0')) {
		refuse(t, &has_nul);
		return;
	}
	if (!good && t->header.count == HEADER_MAX_FIELDS) {
		refuse(t, &header_too_large);
		return;
	}
	t->malformed = good ? NULL : why;
	if (accept_judges(t) && !checks_header(&t->checks, &t->header, &why))
		t->ambiguous = why;
	if (!good || rest.n > 0)
		buf_adds(&m->body, "\r\n");
	if (!good)
		add_body(t, str_from(section, n));
	if (!good || rest.n > 2)
		add_body(t, str_from(rest, good ? 2 : 0));
	buf_cut(&m->header, n);
}

static void
add_header(struct transaction *t, struct str piece)
{
	struct buf *header = &t->message->header;
	buf_add(header, piece);
	struct str all = buf_str(header);
	size_t end = header_end(all, &t->scanned);
	if ((end ? end - 2 : all.n) > HEADER_MAX_BYTES)
		refuse(t, &header_too_large);
	else if (end)
		end_header(t, str_sub(all, 0, end - 2), str_from(all, end - 2));
}

void
transaction_body(struct transaction *t, struct str piece)
{
	if (t->refusal)
		return;
	if (t->part == PART_HEADER)
		add_header(t, piece);
	else
		add_body(t, piece);
	if (!t->refusal)
		keep_within_bounds(t);
}

/* ---- the final dot ---- */

/* RFC 8689 3: one field, and no other word than this */
static bool
may_do_without_tls(struct transaction *t)
{
	const struct header_field *field =
	    header_first(&t->header, "TLS-Required");
	return field && header_count(&t->header, "TLS-Required") == 1 &&
	    str_eq_nocase(header_unfold(field->value, &t->arena), STR("No"));
}

/* RFC 8689 4.1: from whomever it comes, for it may be sent on */
static void
note_wishes(struct transaction *t)
{
	if (t->connection->server.require_tls)
		t->envelope->flags |= ENVELOPE_REQUIRETLS;
	if (!t->refusal && may_do_without_tls(t))
		t->envelope->flags |= ENVELOPE_TLS_OPTIONAL;
}

void
transaction_end(struct transaction *t)
{
	const struct smtp_server *server = &t->connection->server;
	if (!t->refusal && t->part == PART_HEADER)
		end_header(t, buf_str(&t->message->header), STR(""));
	if (server->dot.has_8bit)
		t->envelope->flags |= ENVELOPE_8BIT;
	note_wishes(t);
	list_push(&t->inbound->working, &t->node);
	flow_start(
	    &t->flow, t->port == PORT_SMTP ? accept_steps : submit_steps);
}
