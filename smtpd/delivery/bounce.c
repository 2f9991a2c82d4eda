#include "lib/base/clock.h"
#include "lib/trust/dkim_canon.h"
#include "smtpd/delivery/audience.h"
#include "smtpd/delivery/bounce_private.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/queue/history.h"

enum {
	RECIPIENTS_MAX = 24576, /* octets that the recipients take */
	PER_RECIPIENT = 400, /* the field names, and the human part */
};

bool
bounce_is_due(
    const struct envelope *envelope, const struct recipient *recipient)
{
	return audience_of(envelope, recipient) != AUDIENCE_NOBODY;
}

bool
bounce_warns(const struct envelope *envelope)
{
	static const struct recipient any = { 0 };
	return audience_of(envelope, &any) == AUDIENCE_USER;
}

/* ---- which recipients ---- */

static bool
is_meant(const struct outcome *outcome, enum dsn_action action)
{
	if (action == DSN_FAILED)
		return outcome->phase == OUTCOME_NEW &&
		    outcome->state == RECIPIENT_FAILED && !outcome->told;
	return outcome->phase != OUTCOME_NONE &&
	    outcome->state == RECIPIENT_WAITING;
}

/* What a recipient takes in the report, roughly. */
static size_t
weight(const struct recipient *recipient, const struct outcome *outcome)
{
	return PER_RECIPIENT + 2 * recipient->address.n +
	    2 * recipient->original.n + 2 * str_of(outcome->reply.text).n +
	    outcome->peer.host.n;
}

/* The first one says whose report it is. */
static bool
is_for_the_same(const struct bounce *bounce, const size_t *chosen, size_t i)
{
	const struct parcel *parcel = bounce->parcel;
	return bounce->count == 0 ||
	    audience_is_one(parcel->item->envelope,
		parcel_recipient(parcel, chosen[0]),
		parcel_recipient(parcel, i));
}

static void
choose(struct bounce *bounce)
{
	struct parcel *parcel = bounce->parcel;
	size_t count = parcel->item->count, bytes = 0;
	size_t *chosen = arena_alloc(&parcel->arena, count * sizeof *chosen);
	bounce->count = 0;
	for (size_t i = 0; i < count && bytes < RECIPIENTS_MAX; i++) {
		const struct outcome *outcome = &parcel->outcomes[i];
		if (!is_meant(outcome, bounce->action) ||
		    !is_for_the_same(bounce, chosen, i))
			continue;
		chosen[bounce->count++] = i;
		bytes += weight(parcel_recipient(parcel, i), outcome);
	}
	bounce->recipients = chosen;
}

/* ---- its envelope ---- */

/* "3fK9x001:0,3".  A warning claims nothing. */
static struct str
envid(const struct bounce *bounce, struct arena *arena)
{
	if (bounce->action == DSN_DELAYED)
		return STR("");
	struct buf text = { 0 };
	envelope_id_text(bounce->parcel->item->id, &text);
	for (size_t i = 0; i < bounce->count; i++)
		buf_addf(&text, "%c%zu", i ? ',' : ':', bounce->recipients[i]);
	struct str kept = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return kept;
}

/* ---- steps ---- */

/* What the queue hasn't got. */
static void
drop(struct bounce *bounce)
{
	sign_cancel(&bounce->sign);
	buf_free(&bounce->sign.fields);
	envelope_free(bounce->envelope);
	bounce->envelope = NULL;
	message_free(bounce->message);
	bounce->message = NULL;
	arena_free(&bounce->arena);
}

static void
finish(struct bounce *bounce, enum bounce_result result)
{
	drop(bounce);
	bounce->result = result;
	bounce->done(bounce);
}

/* For `postern why`: who hears of it, and by which report. */
static void
log_told(const struct bounce *bounce)
{
	const struct parcel *parcel = bounce->parcel;
	struct buf id = { 0 }, report = { 0 };
	envelope_id_text(parcel->item->id, &id);
	envelope_id_text(bounce->id, &report);
	struct log_line line = log_begin_kept(LOG_INFO, "told");
	log_s(&line, "id", buf_str(&id));
	log_path(&line, "to", bounce->reader);
	log_s(&line, "report", buf_str(&report));
	history_end(parcel->delivery->parts.history, HISTORY_MAIL, &line);
	buf_free(&id);
	buf_free(&report);
}

static void
on_added(struct queue_add *add)
{
	struct bounce *bounce = container_of(add, struct bounce, add);
	bounce->adding = false;
	if (add->result == QUEUE_ADDED && bounce->parcel->delivery)
		log_told(bounce);
	finish(
	    bounce, add->result == QUEUE_ADDED ? BOUNCE_QUEUED : BOUNCE_LATER);
}

static void
queue_report(struct bounce *bounce)
{
	bounce->reader =
	    arena_str(&bounce->arena, bounce->envelope->recipients[0].original);
	bounce->add = (struct queue_add){
		.envelope = bounce->envelope,
		.message = bounce->message,
	};
	bounce->envelope = NULL;
	bounce->message = NULL;
	bounce->adding = true;
	queue_add(
	    bounce->parcel->delivery->parts.queue, &bounce->add, on_added);
}

/* ---- signing ---- */

/* Without the domain's key there is no signature to be had. */
static void
on_signed(struct sign_request *request)
{
	struct bounce *bounce = container_of(request, struct bounce, sign);
	struct buf *header = &bounce->message->header;
	if (request->result == SIGN_AWAY) {
		finish(bounce, BOUNCE_LATER);
		return;
	}
	buf_add(&request->fields, buf_str(header));
	buf_free(header);
	*header = buf_take(&request->fields);
	queue_report(bounce);
}

/* RFC 9989 5.1: SPF of a null reverse-path is that of our host's name, so it
   is the signature that makes the report the domain's. */
static void
sign_report(struct bounce *bounce)
{
	const struct message *message = bounce->message;
	struct dkim_body hash = { 0 };
	const char *why;
	header_parse(
	    buf_str(&message->header), &bounce->arena, &bounce->header, &why);
	dkim_body_start(&hash, DKIM_RELAXED);
	dkim_body_add(&hash, str_from(buf_str(&message->body), 2));
	dkim_body_end(&hash, bounce->sign.body_hash);
	bounce->sign.header = &bounce->header;
	bounce->sign.domain = arena_lower(&bounce->arena, bounce_home(bounce));
	bounce->sign.wall_ms = clock_wall_ms();
	sign_start(
	    bounce->parcel->delivery->parts.sign, &bounce->sign, on_signed);
}

static bool
leaves_us(const struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->count; i++)
		if (envelope->recipients[i].kind != RECIPIENT_LOCAL)
			return true;
	return false;
}

/* ---- the start ---- */

static void
write_report(struct bounce *bounce, struct str original)
{
	struct envelope *envelope = bounce->envelope;
	bounce->id = queue_new_id(bounce->parcel->delivery->parts.queue);
	envelope->id = bounce->id;
	envelope->received_ms = clock_wall_ms();
	/* RFC 8689 5: it holds the message's header, so it is kept as well */
	envelope->flags = ENVELOPE_BOUNCE |
	    (bounce->parcel->item->envelope->flags & ENVELOPE_REQUIRETLS);
	envelope->envid = envid(bounce, &envelope->arena);
	bounce->message = bounce_write(bounce, original);
}

static void
on_open(struct queue_open_message *open)
{
	struct bounce *bounce = container_of(open, struct bounce, open);
	struct parcel *parcel = bounce->parcel;
	if (!open->message) {
		finish(bounce, BOUNCE_LATER);
		return;
	}
	bounce->envelope = envelope_new();
	enum bounce_result result =
	    audience_address(parcel, bounce->recipients[0], bounce->envelope);
	if (result == BOUNCE_QUEUED)
		write_report(bounce, buf_str(&open->message->header));
	queue_message_release(parcel->delivery->parts.queue, parcel->item);
	if (result != BOUNCE_QUEUED)
		finish(bounce, result);
	else if (leaves_us(bounce->envelope))
		sign_report(bounce);
	else
		queue_report(bounce);
}

void
bounce_start(struct bounce *bounce, struct parcel *parcel,
    enum dsn_action action, void (*done)(struct bounce *))
{
	*bounce = (struct bounce){
		.parcel = parcel,
		.action = action,
		.done = done,
		.open = { .item = parcel->item },
	};
	choose(bounce);
	queue_message(parcel->delivery->parts.queue, &bounce->open, on_open);
}

bool
bounce_cancel(struct bounce *bounce)
{
	queue_message_cancel(&bounce->open);
	drop(bounce);
	return !bounce->adding;
}
