#include "smtpd/report/mailing.h"

#include "lib/base/clock.h"
#include "lib/trust/dkim_canon.h"

#include <stdlib.h>

struct letter { /* lives until the queue has it, whoever asked for it */
	struct mailing *mailing; /* NULL: nobody waits any more */
	const struct report_parts *parts;
	struct arena arena;
	struct str organization;
	uint64_t limit; /* octets that the place takes; 0: any number */
	struct envelope *envelope;
	struct message *message;
	struct header header;
	struct sign_request sign;
	struct queue_body body;
	struct queue_add add;
	struct later later;
	enum mailing_result result;
};

static void
letter_free(struct letter *l)
{
	later_cancel(&l->later);
	sign_cancel(&l->sign);
	queue_body_cancel(&l->body);
	envelope_free(l->envelope);
	message_free(l->message);
	arena_free(&l->arena);
	free(l);
}

static void
finish(struct letter *l, enum mailing_result result)
{
	struct mailing *mailing = l->mailing;
	letter_free(l);
	if (!mailing)
		return;
	mailing->letter = NULL;
	mailing->result = result;
	mailing->done(mailing);
}

static void
on_later(struct later *later)
{
	struct letter *l = container_of(later, struct letter, later);
	finish(l, l->result);
}

/* ---- into the queue ---- */

static void
on_added(struct queue_add *add)
{
	struct letter *l = container_of(add, struct letter, add);
	finish(l, add->result == QUEUE_ADDED ? MAILING_QUEUED : MAILING_LATER);
}

static void
add(struct letter *l)
{
	l->add.envelope = l->envelope;
	l->add.message = l->message;
	l->envelope = NULL;
	l->message = NULL;
	queue_add(l->parts->queue, &l->add, on_added);
}

static void
on_drained(struct queue_body *body)
{
	(void)body; /* an error comes to the end as well */
}

static void
on_body(struct queue_body *body)
{
	struct letter *l = container_of(body, struct letter, body);
	if (body->error)
		finish(l, MAILING_LATER);
	else
		add(l);
}

/* The journal takes small messages whole. */
static void
enqueue(struct letter *l)
{
	struct queue *queue = l->parts->queue;
	if (message_size(l->message) <= QUEUE_INLINE) {
		add(l);
		return;
	}
	queue_body_start(queue, &l->body, l->envelope->id, on_drained);
	queue_body_write(&l->body, &l->message->body);
	queue_body_finish(&l->body, l->message, on_body);
}

/* ---- signed ---- */

static void
on_signed(struct sign_request *request)
{
	struct letter *l = container_of(request, struct letter, sign);
	if (request->result == SIGN_NOT_OURS)
		log_note(LOG_WARN, "report",
		    "reports aren't sent: there is no DKIM key of %.*s",
		    STR_ARG(l->organization));
	if (request->result != SIGN_DONE) {
		finish(l, MAILING_LATER);
		return;
	}
	buf_add(&request->fields, buf_str(&l->message->header));
	buf_free(&l->message->header);
	l->message->header = buf_take(&request->fields);
	/* RFC 9990 3.5: measured as it is sent */
	if (l->limit > 0 && message_size(l->message) > l->limit)
		finish(l, MAILING_REFUSED);
	else
		enqueue(l);
}

/* False: it wouldn't be a message. */
static bool
sign(struct letter *l)
{
	struct dkim_body hash = { 0 };
	const char *why;
	if (!header_parse(
		buf_str(&l->message->header), &l->arena, &l->header, &why))
		return false;
	/* The empty line before it isn't the body's. */
	dkim_body_start(&hash, DKIM_RELAXED);
	dkim_body_add(&hash, str_from(buf_str(&l->message->body), 2));
	dkim_body_end(&hash, l->sign.body_hash);
	l->sign.header = &l->header;
	l->sign.domain = l->organization;
	l->sign.wall_ms = l->envelope->received_ms;
	sign_start(l->parts->sign, &l->sign, on_signed);
	return true;
}

/* ---- written ---- */

static void
add_local(struct letter *l, const struct mailbox_list *list, struct str to)
{
	struct arena *arena = &l->envelope->arena;
	for (size_t i = 0; i < list->count; i++) {
		struct recipient *r = envelope_add(l->envelope);
		r->kind = RECIPIENT_LOCAL;
		r->address = arena_str(arena, list->mailboxes[i].account);
		r->folder = arena_str(arena, list->mailboxes[i].folder);
		r->original = arena_str(arena, to);
	}
}

/* Of ours or elsewhere. */
static enum directory_result
address(struct letter *l, const struct address *to, struct str text)
{
	struct mailbox_list list = { 0 };
	enum directory_result found = directory_resolve(
	    directory_now(l->parts->directory), to, &l->envelope->arena, &list);
	if (found == DIRECTORY_NOT_OURS) {
		struct recipient *r = envelope_add(l->envelope);
		r->kind = RECIPIENT_REMOTE;
		r->address = arena_str(&l->envelope->arena, text);
		r->original = r->address;
	} else if (found == DIRECTORY_FOUND) {
		add_local(l, &list, text);
	}
	return found;
}

static void
write_letter(struct letter *l, const struct mailing_question *q, struct str to)
{
	struct buf id = { 0 };
	envelope_id_text(l->envelope->id, &id);
	buf_addf(&id, "@%s", l->parts->settings->hostname.p);
	const struct report_mail mail = {
		.frame = q->frame,
		.is_tls = q->is_tls,
		.to = to,
		.message_id = buf_str(&id),
		.now_ms = l->envelope->received_ms,
		.file = q->file,
	};
	report_mail_write(&mail, &l->message->header, &l->message->body);
	buf_free(&id);
}

static void
open_envelope(struct letter *l, bool is_tls)
{
	struct envelope *e = envelope_new();
	e->id = queue_new_id(l->parts->queue);
	e->received_ms = clock_wall_ms();
	/* RFC 8460 5.3: delivered despite any failure of TLS, which isn't
	   counted */
	e->flags = is_tls ? ENVELOPE_TLS_OPTIONAL : 0;
	e->sender =
	    arena_printf(&e->arena, "reports@%.*s", STR_ARG(l->organization));
	l->envelope = e;
}

/* MAILING_QUEUED: it goes on. */
static enum mailing_result
prepare(struct letter *l, const struct mailing_question *q)
{
	struct str to = address_text(q->place->address, &l->arena);
	l->message = message_new();
	open_envelope(l, q->is_tls);
	enum directory_result found = address(l, &q->place->address, to);
	if (found == DIRECTORY_UNAVAILABLE)
		return MAILING_LATER;
	if (l->envelope->count == 0)
		return MAILING_REFUSED;
	write_letter(l, q, to);
	return sign(l) ? MAILING_QUEUED : MAILING_REFUSED;
}

void
mailing_start(struct mailing *mailing, const struct report_parts *parts,
    const struct mailing_question *question, void (*done)(struct mailing *))
{
	struct letter *l = mem_alloc(sizeof *l);
	*mailing = (struct mailing){ .done = done, .letter = l };
	l->mailing = mailing;
	l->parts = parts;
	l->organization = arena_str(&l->arena, question->frame->organization);
	l->limit = question->place->limit;
	l->result = prepare(l, question);
	if (l->result != MAILING_QUEUED)
		loop_later(parts->loop, &l->later, on_later);
}

/* What the queue is about to keep can't be stopped. */
void
mailing_cancel(struct mailing *mailing)
{
	struct letter *l = mailing->letter;
	if (!l)
		return;
	mailing->letter = NULL;
	l->mailing = NULL;
	if (l->message)
		letter_free(l);
}
