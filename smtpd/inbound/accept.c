/*
 * accept.c - a message from a stranger, behind its final dot.
 */
#include "smtpd/inbound/inbound_private.h"

/* RFC 5321 4.4: only the last hop writes one, and that is us */
static bool
is_return_path(const struct header_field *field)
{
	return str_eq_nocase(field->name, STR("Return-Path"));
}

static enum step
add_trace(struct flow *flow)
{
	struct transaction *t = container_of(flow, struct transaction, flow);
	struct buf header = { 0 };
	buf_reserve(&header, t->message->header.n + 512);
	commit_add_received(t, &header);
	header_write_without(&t->header, is_return_path, &header);
	buf_free(&t->message->header);
	t->message->header = header;
	t->header = (struct header){ 0 };
	return STEP_NEXT;
}

const struct flow_step accept_steps[] = {
	{ "checks", commit_checks },
	{ "trace", add_trace },
	{ "body", commit_body },
	{ "commit", commit_add },
	{ "answer", commit_answer },
	{ 0 },
};
