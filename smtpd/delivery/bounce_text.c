/*
 * bounce_text.c - what a report says, from what became of the recipients.
 */
#include "lib/base/clock.h"
#include "lib/mail/advice.h"
#include "smtpd/delivery/audience.h"
#include "smtpd/delivery/bounce_private.h"
#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/forward.h"

#include <inttypes.h>

enum {
	/* A report goes into the journal whole, so it stays below QUEUE_INLINE
	   whatever the original is like: 8-bit octets of its header are
	   written as three. */
	HEADER_MAX = 8192,
};

static enum audience
audience(const struct bounce *bounce)
{
	const struct parcel *parcel = bounce->parcel;
	return audience_of(parcel->item->envelope,
	    parcel_recipient(parcel, bounce->recipients[0]));
}

struct str
bounce_home(const struct bounce *bounce)
{
	struct str sender = bounce->parcel->item->envelope->sender;
	return audience(bounce) == AUDIENCE_USER
	    ? address_domain(sender)
	    : forward_home(bounce->parcel, bounce->recipients[0]);
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

/* Ids tell the time, so they can be guessed. */
static struct str
new_boundary(struct arena *arena)
{
	uint64_t number;
	random_bytes(&number, sizeof number);
	return arena_printf(arena, "%016" PRIx64, number);
}

/* "550 5.1.1 no such user", of a server. */
static struct str
diagnostic(struct arena *arena, const struct outcome *outcome)
{
	const struct reply *reply = &outcome->reply;
	if (!reply->received)
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

static struct str
reason(struct arena *arena, const struct outcome *outcome, uint64_t lifetime)
{
	return outcome->expired ? arena_printf(arena, "It was tried for %s.",
				      duration(arena, lifetime).p)
				: STR("");
}

/* RFC 3464 4.2: where an alias leads to is its owner's secret, which a server's
   words may give away */
static struct dsn_recipient
describe_alias(struct arena *arena, const struct parcel *parcel, size_t i)
{
	const struct recipient *recipient = parcel_recipient(parcel, i);
	const struct reply *reply = &parcel->outcomes[i].reply;
	return (struct dsn_recipient){
		.original = recipient->original,
		.final = recipient->original,
		.status = str_of(reply->enhanced),
		.reason = arena_printf(arena,
		    "It was sent on to another server, and failed with %d %s.",
		    reply->code, reply->enhanced ? reply->enhanced : ""),
		.last_attempt_ms = clock_wall_ms(),
	};
}

static struct dsn_recipient
describe(struct arena *arena, const struct bounce *bounce, size_t i)
{
	const struct parcel *parcel = bounce->parcel;
	if (audience(bounce) == AUDIENCE_SENDER)
		return describe_alias(arena, parcel, i);
	const struct recipient *recipient = parcel_recipient(parcel, i);
	const struct outcome *outcome = &parcel->outcomes[i];
	const struct settings *settings = parcel->delivery->parts.settings;
	bool received = outcome->reply.received;
	return (struct dsn_recipient){
		.original = recipient->original,
		.final = recipient->address,
		.status = str_of(outcome->reply.enhanced),
		.remote_host = received ? outcome->peer.host : STR(""),
		.diagnostic = diagnostic(arena, outcome),
		.finding = str_of(received ? "" : outcome->reply.text),
		.advice = str_of(advice_for(outcome->reply)),
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

/* Whom its To names. */
static struct str
reader(const struct bounce *bounce)
{
	const struct parcel *parcel = bounce->parcel;
	return audience(bounce) == AUDIENCE_OWNER
	    ? parcel_recipient(parcel, bounce->recipients[0])->original
	    : parcel->item->envelope->sender;
}

struct message *
bounce_write(const struct bounce *bounce, struct str original)
{
	struct parcel *parcel = bounce->parcel;
	const struct settings *settings = parcel->delivery->parts.settings;
	bool owner = audience(bounce) == AUDIENCE_OWNER;
	struct arena arena = { 0 };
	struct dsn_recipient *recipients =
	    arena_alloc(&arena, bounce->count * sizeof *recipients);
	for (size_t i = 0; i < bounce->count; i++)
		recipients[i] = describe(&arena, bounce, bounce->recipients[i]);
	const struct dsn dsn = {
		.action = bounce->action,
		.our_host = settings->hostname,
		.from = arena_printf(
		    &arena, "postmaster@%.*s", STR_ARG(bounce_home(bounce))),
		.to = reader(bounce),
		.sender = owner ? parcel->item->envelope->sender : STR(""),
		.report_id = id_text(&arena, bounce->id),
		.boundary = new_boundary(&arena),
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
