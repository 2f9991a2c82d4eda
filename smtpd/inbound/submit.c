/*
 * submit.c - a message from a user of ours, behind its final dot: it is what
 * it says it is, complete, and signed; or it isn't accepted.
 */
#include "smtpd/inbound/inbound_private.h"

#include "lib/mail/date.h"

static const struct reply not_yours =
    REPLY_IS(550, "5.7.1", "An address in From or Sender is not one of yours");
static const struct reply twice =
    REPLY_IS(550, "5.6.0", "A field of the header section is there twice");
static const struct reply bad_sender =
    REPLY_IS(550, "5.6.0", "A Sender field must hold one address");
static const struct reply bad_resent_from =
    REPLY_IS(550, "5.6.0", "A Resent-From field must hold addresses");
static const struct reply unsigned_ =
    REPLY_IS(451, "4.3.0", "The message can't be signed now, try again later");

static struct transaction *
transaction_of(struct flow *flow)
{
	return container_of(flow, struct transaction, flow);
}

/* ---- authorise ---- */

/* RFC 5322 3.6: at most one; readers of two would see different mails */
static bool
has_twins(const struct header *header)
{
	static const char *const names[] = { "Date", "Sender", "Reply-To", "To",
		"Cc", "Message-ID", "Subject" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (header_count(header, names[i]) > 1)
			return true;
	return false;
}

static bool
all_theirs(struct transaction *t, const struct address_list *list)
{
	const struct directory *d = directory_now(t->inbound->parts.directory);
	for (size_t i = 0; i < list->count; i++)
		if (!directory_may_send_as(d, t->user, &list->addresses[i]))
			return false;
	return true;
}

/* RFC 5322 3.6.2, 3.6.6: who else says that it was they */
struct identity {
	const char *name;
	size_t most; /* addresses */
	const struct reply *bad;
};

static const struct identity identities[] = {
	{ "Sender", 1, &bad_sender },
	{ "Resent-Sender", 1, &bad_sender },
	{ "Resent-From", FROM_MAX_ADDRESSES, &bad_resent_from },
};

/* NULL, or why not. */
static const struct reply *
check_identity(struct transaction *t, const struct identity *identity,
    const struct header_field *field)
{
	struct address_list list;
	const char *why;
	if (!str_eq_nocase(field->name, str_of(identity->name)))
		return NULL;
	if (!from_parse_list(field->value, false, &t->arena, &list, &why) ||
	    list.count == 0 || list.count > identity->most)
		return identity->bad;
	return all_theirs(t, &list) ? NULL : &not_yours;
}

static const struct reply *
check_identities(struct transaction *t)
{
	const struct reply *refusal = NULL;
	size_t kinds = sizeof identities / sizeof *identities;
	for (size_t i = 0; i < t->header.count && !refusal; i++)
		for (size_t k = 0; k < kinds && !refusal; k++)
			refusal = check_identity(
			    t, &identities[k], &t->header.fields[i]);
	return refusal;
}

static enum step
authorise(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	const char *why = t->malformed;
	if (why || !from_author(&t->header, &t->arena, &t->authors, &why))
		return commit_refuse(t, REPLY(550, "5.6.0", why));
	if (has_twins(&t->header))
		return commit_refuse(t, twice);
	if (!all_theirs(t, &t->authors))
		return commit_refuse(t, not_yours);
	const struct reply *refusal = check_identities(t);
	return refusal ? commit_refuse(t, *refusal) : STEP_NEXT;
}

/* ---- complete ---- */

/* RFC 5322 3.6.3: nobody sees who else got it */
static bool
is_for_us_alone(const struct header_field *field)
{
	return str_eq_nocase(field->name, STR("Bcc")) ||
	    str_eq_nocase(field->name, STR("Resent-Bcc")) ||
	    str_eq_nocase(field->name, STR("Return-Path"));
}

static void
add_date(struct transaction *t, struct buf *out)
{
	buf_adds(out, "Date: ");
	date_rfc5322(out, t->envelope->received_ms);
	buf_adds(out, "\r\n");
}

static void
add_message_id(struct transaction *t, struct buf *out)
{
	buf_adds(out, "Message-ID: <");
	envelope_id_text(t->id, out);
	buf_addf(out, "@%s>\r\n", t->inbound->hostname);
}

/* RFC 6409 8: what every message must have */
static enum step
complete(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	struct buf header = { 0 };
	const char *why;
	commit_add_received(t, &header);
	commit_add_fields(t, is_for_us_alone, &header);
	if (!header_first(&t->header, "Date"))
		add_date(t, &header);
	if (!header_first(&t->header, "Message-ID"))
		add_message_id(t, &header);
	buf_free(&t->message->header);
	t->message->header = header;
	if (!header_parse(buf_str(&header), &t->arena, &t->header, &why))
		return commit_refuse(t, REPLY(552, "5.3.4", why));
	event_note(t);
	return STEP_NEXT;
}

/* ---- sign ---- */

static void
on_signed(struct sign_request *request)
{
	struct transaction *t = container_of(request, struct transaction, sign);
	if (request->result == SIGN_DONE) {
		buf_add(&request->fields, buf_str(&t->message->header));
		buf_free(&t->message->header);
		t->message->header = buf_take(&request->fields);
	} else {
		t->refusal = &unsigned_;
	}
	flow_release(&t->flow);
}

static enum step
sign(struct flow *flow)
{
	struct transaction *t = transaction_of(flow);
	dkim_body_end(&t->hash, t->sign.body_hash);
	t->sign.header = &t->header;
	t->sign.domain = t->authors.addresses[0].domain;
	t->sign.wall_ms = t->envelope->received_ms;
	flow_hold(flow);
	sign_start(t->inbound->parts.sign, &t->sign, on_signed);
	return STEP_WAIT;
}

const struct flow_step submit_steps[] = {
	{ "checks", commit_checks },
	{ "authorise", authorise },
	{ "complete", complete },
	{ "sign", sign },
	{ "body", commit_body },
	{ "commit", commit_add },
	{ "answer", commit_answer },
	{ 0 },
};
