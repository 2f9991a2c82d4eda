#include "smtpd/delivery/bounce.h"

#include "lib/base/clock.h"
#include "smtpd/delivery/delivery_private.h"

#include <inttypes.h>

enum {
	/* A report goes into the journal whole, so it stays below QUEUE_INLINE
	   whatever the original is like: 8-bit octets of its header are
	   written as three. */
	HEADER_MAX = 8192,
	RECIPIENTS_MAX = 24576, /* octets that the recipients take */
	PER_RECIPIENT = 300, /* the field names, and the human part */
};

bool
bounce_is_due(const struct envelope *envelope)
{
	/* RFC 5321 6.1: nothing is said to the null reverse-path */
	return envelope->flags & ENVELOPE_SUBMITTED &&
	    !(envelope->flags & ENVELOPE_BOUNCE) &&
	    !str_empty(envelope->sender);
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

static void
choose(struct bounce *bounce)
{
	struct parcel *parcel = bounce->parcel;
	size_t count = parcel->item->count, bytes = 0;
	size_t *chosen = arena_alloc(&parcel->arena, count * sizeof *chosen);
	bounce->count = 0;
	for (size_t i = 0; i < count && bytes < RECIPIENTS_MAX; i++) {
		const struct outcome *outcome = &parcel->outcomes[i];
		if (!is_meant(outcome, bounce->action))
			continue;
		chosen[bounce->count++] = i;
		bytes += weight(parcel_recipient(parcel, i), outcome);
	}
	bounce->recipients = chosen;
}

/* ---- the report ---- */

static struct str
domain_of(struct str address)
{
	return str_from(address, str_find_last(address, '@') + 1);
}

static struct str
id_text(struct arena *arena, uint64_t id)
{
	struct buf text = { 0 };
	envelope_id_text(id, &text);
	struct str kept = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return kept;
}

/* "550 5.1.1 no such user", of a server. */
static struct str
diagnostic(struct arena *arena, const struct outcome *outcome)
{
	const struct reply *reply = &outcome->reply;
	if (str_empty(outcome->peer.host))
		return STR("");
	return reply->enhanced
	    ? arena_printf(
		  arena, "%d %s %s", reply->code, reply->enhanced, reply->text)
	    : arena_printf(arena, "%d %s", reply->code, reply->text);
}

/* "5 days", in the largest unit that leaves two or more. */
static struct str
duration(struct arena *arena, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *name;
	} units[] = {
		{ 86400000, "days" },
		{ 3600000, "hours" },
		{ 60000, "minutes" },
		{ 1000, "seconds" },
	};
	size_t i = 0;
	while (i < 3 && ms < 2 * units[i].ms)
		i++;
	return arena_printf(
	    arena, "%" PRIu64 " %s", ms / units[i].ms, units[i].name);
}

/* What a server said is the diagnostic; our own reasons stand here. */
static struct str
reason(struct arena *arena, const struct outcome *outcome, uint64_t lifetime)
{
	struct buf text = { 0 };
	if (str_empty(outcome->peer.host))
		buf_addf(&text, "%s.", outcome->reply.text);
	if (outcome->expired)
		buf_addf(&text, "%sIt was tried for %s.", text.n ? " " : "",
		    duration(arena, lifetime).p);
	struct str kept = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return kept;
}

static struct dsn_recipient
describe(struct arena *arena, const struct parcel *parcel, size_t i)
{
	const struct recipient *recipient = parcel_recipient(parcel, i);
	const struct outcome *outcome = &parcel->outcomes[i];
	const struct settings *settings = parcel->delivery->parts.settings;
	return (struct dsn_recipient){
		.original = recipient->original,
		.final = recipient->address,
		.status = str_of(outcome->reply.enhanced),
		.remote_host = outcome->peer.host,
		.diagnostic = diagnostic(arena, outcome),
		.reason = reason(arena, outcome, settings->queue_lifetime_ms),
		.last_attempt_ms = clock_wall_ms(),
	};
}

/* At most so many bytes, whole lines. */
static struct str
head_of(struct str header)
{
	struct str head = str_sub(header, 0, HEADER_MAX);
	return head.n == header.n
	    ? header
	    : str_sub(head, 0, str_find_last(head, '\n') + 1);
}

static struct message *
write_report(struct bounce *bounce, struct str original)
{
	struct parcel *parcel = bounce->parcel;
	const struct settings *settings = parcel->delivery->parts.settings;
	const struct envelope *envelope = parcel->item->envelope;
	struct arena arena = { 0 };
	struct dsn_recipient *recipients =
	    arena_alloc(&arena, bounce->count * sizeof *recipients);
	for (size_t i = 0; i < bounce->count; i++)
		recipients[i] = describe(&arena, parcel, bounce->recipients[i]);
	const struct dsn dsn = {
		.action = bounce->action,
		.our_host = settings->hostname,
		.from = arena_printf(&arena, "postmaster@%.*s",
		    STR_ARG(domain_of(envelope->sender))),
		.to = envelope->sender,
		.report_id = id_text(&arena, bounce->id),
		.queue_id = id_text(&arena, parcel->item->id),
		.arrival_ms = parcel->item->received_ms,
		.now_ms = clock_wall_ms(),
		.give_up_ms = parcel->item->received_ms +
		    (int64_t)settings->queue_lifetime_ms,
		.header = head_of(original),
		.count = bounce->count,
		.recipients = recipients,
	};
	struct message *message = message_new();
	dsn_write(&dsn, &message->header, &message->body);
	arena_free(&arena);
	return message;
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

static enum bounce_result
address_report(const struct bounce *bounce, struct envelope *envelope)
{
	const struct parcel *parcel = bounce->parcel;
	struct str sender = parcel->item->envelope->sender;
	struct address address;
	struct mailbox_list list = { 0 };
	const char *why;
	if (!address_parse(sender, &envelope->arena, &address, &why))
		return BOUNCE_NOBODY;
	enum directory_result found =
	    directory_resolve(directory_now(parcel->delivery->parts.directory),
		&address, &envelope->arena, &list);
	if (found == DIRECTORY_UNAVAILABLE)
		return BOUNCE_LATER;
	for (size_t i = 0; found == DIRECTORY_FOUND && i < list.count; i++) {
		struct recipient *recipient = envelope_add(envelope);
		recipient->kind = RECIPIENT_LOCAL;
		recipient->address = list.mailboxes[i].account;
		recipient->folder = list.mailboxes[i].folder;
		recipient->original = arena_str(&envelope->arena, sender);
	}
	return envelope->count > 0 ? BOUNCE_QUEUED : BOUNCE_NOBODY;
}

/* ---- steps ---- */

static void
finish(struct bounce *bounce, enum bounce_result result)
{
	bounce->result = result;
	bounce->done(bounce);
}

static void
on_added(struct queue_add *add)
{
	struct bounce *bounce = container_of(add, struct bounce, add);
	bounce->adding = false;
	finish(
	    bounce, add->result == QUEUE_ADDED ? BOUNCE_QUEUED : BOUNCE_LATER);
}

static void
queue_report(
    struct bounce *bounce, struct envelope *envelope, struct str original)
{
	struct queue *queue = bounce->parcel->delivery->parts.queue;
	bounce->id = queue_new_id(queue);
	envelope->id = bounce->id;
	envelope->received_ms = clock_wall_ms();
	envelope->flags = ENVELOPE_BOUNCE;
	envelope->envid = envid(bounce, &envelope->arena);
	bounce->add = (struct queue_add){
		.envelope = envelope,
		.message = write_report(bounce, original),
	};
	bounce->adding = true;
	queue_add(queue, &bounce->add, on_added);
}

static void
on_open(struct queue_open_message *open)
{
	struct bounce *bounce = container_of(open, struct bounce, open);
	struct parcel *parcel = bounce->parcel;
	struct queue *queue = parcel->delivery->parts.queue;
	if (!open->message) {
		finish(bounce, BOUNCE_LATER);
		return;
	}
	struct envelope *envelope = envelope_new();
	enum bounce_result result = address_report(bounce, envelope);
	if (result == BOUNCE_QUEUED)
		queue_report(bounce, envelope, buf_str(&open->message->header));
	queue_message_release(queue, parcel->item);
	if (result == BOUNCE_QUEUED)
		return;
	envelope_free(envelope);
	finish(bounce, result);
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
	return !bounce->adding;
}
