#include "smtpd/inbound/inbound_private.h"

#include "lib/base/clock.h"

static const struct reply accepted = REPLY_IS(250, "2.1.5", "Recipient OK");
static const struct reply too_many =
    REPLY_IS(452, "4.5.3", "Too many recipients, send the rest later");
static const struct reply too_often =
    REPLY_IS(421, "4.7.0", "Too many recipients for now, try again later");
static const struct reply too_much_sent_on = REPLY_IS(451, "4.7.1",
    "Too much mail is sent on by this domain for now, try again later");

static const struct reply refusals[] = {
	[DIRECTORY_NOT_OURS] = REPLY_IS(550, "5.7.1",
	    "We don't relay; users of ours log in on a submission port"),
	[DIRECTORY_UNKNOWN] = REPLY_IS(550, "5.1.1", "No such mailbox here"),
	[DIRECTORY_UNAVAILABLE] = REPLY_IS(
	    450, "4.2.1", "The mailbox can't be used now, try again later"),
};

static const struct reply bad_return[] = {
	[SRS_FORGED] = REPLY_IS(550, "5.1.1",
	    "No such mailbox here, this return address isn't of our making"),
	[SRS_EXPIRED] = REPLY_IS(550, "5.1.1",
	    "No such mailbox here, this return address is too old"),
};
static const struct reply for_reports_alone = REPLY_IS(550, "5.7.1",
    "This return address takes reports alone, with the null sender");

enum {
	RETURN_HOPS = 5, /* of ours, one behind the other */
};

static bool
is_submission(const struct transaction *t)
{
	return t->port != PORT_SMTP;
}

/* ---- where an address leads ---- */

struct lead {
	struct mailbox_list list;
	enum recipient_kind kind; /* of those elsewhere */
};

static void
lead_to(struct transaction *t, struct address address, struct lead *lead)
{
	struct arena *arena = &t->envelope->arena;
	struct mailbox_list *list = &lead->list;
	*list = (struct mailbox_list){ .forward_count = 1 };
	list->forwards = arena_alloc(arena, sizeof *list->forwards);
	list->forwards[0] = address_text(address, arena);
}

/* One hop back.  What was between our hash and the @ may have been anybody's
   words, so the sender is read as one from outside. */
static enum srs_result
undo(struct transaction *t, struct address *address)
{
	struct address sender;
	const char *why;
	enum srs_result result = srs_reverse(t->inbound->parts.srs, *address,
	    clock_wall_ms(), &t->arena, &sender);
	if (result != SRS_GOOD)
		return result;
	struct str text = address_text(sender, &t->arena);
	return address_parse(text, &t->envelope->arena, address, &why)
	    ? SRS_GOOD
	    : SRS_FORGED;
}

/* A return address that we made leads to the sender, perhaps over hops that
   were ours, too; *back says whether it was one. */
static const struct reply *
go_back(struct transaction *t, struct address *address, bool *back)
{
	const struct directory *d = directory_now(t->inbound->parts.directory);
	enum srs_result result = SRS_GOOD;
	for (int hop = 0; hop < RETURN_HOPS && result == SRS_GOOD &&
	     directory_is_ours(d, address->domain);
	     hop++) {
		result = undo(t, address);
		*back |= result != SRS_NONE;
	}
	if (result == SRS_FORGED || result == SRS_EXPIRED)
		return &bad_return[result];
	return *back && !str_empty(t->sender) ? &for_reports_alone : NULL;
}

/* NULL, or why nowhere. */
static const struct reply *
follow(struct transaction *t, struct address address, struct lead *lead)
{
	bool back = false;
	const struct reply *refusal = go_back(t, &address, &back);
	if (refusal)
		return refusal;
	lead->kind = RECIPIENT_FORWARD;
	enum directory_result result =
	    directory_resolve(directory_now(t->inbound->parts.directory),
		&address, &t->envelope->arena, &lead->list);
	if (result == DIRECTORY_FOUND)
		return NULL;
	if (result != DIRECTORY_NOT_OURS || (!back && !is_submission(t)))
		return &refusals[result];
	if (!back)
		lead->kind = RECIPIENT_REMOTE;
	lead_to(t, address, lead);
	return NULL;
}

/* ---- the envelope ---- */

static bool
is_same(const struct recipient *a, const struct recipient *b)
{
	return (a->kind == RECIPIENT_LOCAL) == (b->kind == RECIPIENT_LOCAL) &&
	    str_eq(a->address, b->address) && str_eq(a->folder, b->folder);
}

/* Whoever is reached in two ways gets the message once.  The strings live in
   the envelope's arena. */
static void
add_once(struct transaction *t, struct recipient recipient)
{
	struct envelope *e = t->envelope;
	for (size_t i = 0; i < e->count; i++)
		if (is_same(&e->recipients[i], &recipient))
			return;
	*envelope_add(e) = recipient;
}

static void
add_all(struct transaction *t, const struct lead *lead, struct str original)
{
	const struct mailbox_list *list = &lead->list;
	for (size_t i = 0; i < list->count; i++)
		add_once(t,
		    (struct recipient){
			.kind = RECIPIENT_LOCAL,
			.address = list->mailboxes[i].account,
			.original = original,
			.folder = list->mailboxes[i].folder,
		    });
	for (size_t i = 0; i < list->forward_count; i++)
		add_once(t,
		    (struct recipient){
			.kind = lead->kind,
			.address = list->forwards[i],
			.original = original,
			.folder = STR(""),
		    });
}

/* One alias may lead to more mailboxes than a message may have recipients:
   then it stands alone. */
static bool
has_room(const struct transaction *t, const struct mailbox_list *list)
{
	size_t most = t->inbound->parts.settings->max_recipients;
	size_t more = list->count + list->forward_count;
	return t->envelope->count == 0 || t->envelope->count + more <= most;
}

/* ---- how many ---- */

/* The domain of ours that an address is of, as limits know it: RFC 5321
   4.1.1.3 has "postmaster" without one. */
static struct str
home(struct transaction *t, struct str address)
{
	size_t at = str_find_last(address, '@');
	return arena_lower(&t->arena, str_from(address, at + 1));
}

/* Mailboxes here cost nothing, so they are one address together. */
static size_t
weigh(const struct mailbox_list *list)
{
	return list->forward_count + (list->count > 0);
}

/* NULL, or why it isn't taken now. */
static const struct reply *
check_rates(struct transaction *t, const struct lead *lead,
    const struct address *address)
{
	struct limits *limits = &t->inbound->limits;
	if (is_submission(t))
		return limits_recipient(limits, t->user, weigh(&lead->list))
		    ? NULL
		    : &too_often;
	struct str domain = home(t, address_text(*address, &t->arena));
	return lead->list.forward_count == 0 ||
		limits_may_forward(limits, domain)
	    ? NULL
	    : &too_much_sent_on;
}

void
recipients_count_forwards(struct transaction *t)
{
	const struct envelope *e = t->envelope;
	for (size_t i = 0; i < e->count; i++)
		if (e->recipients[i].kind == RECIPIENT_FORWARD)
			limits_forward(&t->inbound->limits,
			    home(t, e->recipients[i].original));
}

struct reply
recipients_add(struct transaction *t, const struct address *address)
{
	struct lead lead = { 0 };
	const struct reply *refusal = follow(t, *address, &lead);
	if (refusal)
		return *refusal;
	if (!has_room(t, &lead.list))
		return too_many;
	if ((refusal = check_rates(t, &lead, address)))
		return *refusal;
	struct str original = address_text(*address, &t->envelope->arena);
	add_all(t, &lead, original);
	t->roles += directory_is_role(address);
	if (t->recipients++ == 0)
		t->recipient = arena_str(&t->arena, original);
	return accepted;
}
