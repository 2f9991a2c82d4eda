#include "smtpd/inbound/inbound_private.h"

static const struct reply accepted = { 250, "2.1.5", "Recipient OK" };
static const struct reply too_many = { 452, "4.5.3",
	"Too many recipients, send the rest later" };
static const struct reply too_often = { 421, "4.7.0",
	"Too many recipients for now, try again later" };

static const struct reply refusals[] = {
	[DIRECTORY_NOT_OURS] = { 550, "5.7.1", "We don't relay" },
	[DIRECTORY_UNKNOWN] = { 550, "5.1.1", "No such mailbox here" },
	[DIRECTORY_UNAVAILABLE] = { 450, "4.2.1",
	    "The mailbox can't be used now, try again later" },
};

static bool
has_recipient(const struct envelope *e, enum recipient_kind kind,
    struct str address, struct str folder)
{
	for (size_t i = 0; i < e->count; i++) {
		const struct recipient *r = &e->recipients[i];
		if (r->kind == kind && str_eq(r->address, address) &&
		    str_eq(r->folder, folder))
			return true;
	}
	return false;
}

/* Whoever is reached in two ways gets the message once.  The strings live in
   the envelope's arena. */
static void
add_once(struct transaction *t, struct recipient recipient)
{
	struct envelope *e = t->envelope;
	if (!has_recipient(
		e, recipient.kind, recipient.address, recipient.folder))
		*envelope_add(e) = recipient;
}

static void
add_mailboxes(
    struct transaction *t, const struct mailbox_list *list, struct str original)
{
	for (size_t i = 0; i < list->count; i++)
		add_once(t,
		    (struct recipient){
			.kind = RECIPIENT_LOCAL,
			.address = list->mailboxes[i].account,
			.original = original,
			.folder = list->mailboxes[i].folder,
		    });
}

/* One alias may lead to more mailboxes than a message may have recipients:
   then it stands alone. */
static bool
has_room(const struct transaction *t, size_t more)
{
	size_t most = t->inbound->parts.settings->max_recipients;
	return t->envelope->count == 0 || t->envelope->count + more <= most;
}

static bool
is_submission(const struct transaction *t)
{
	return t->port != PORT_SMTP;
}

struct reply
recipients_add(struct transaction *t, const struct address *address)
{
	struct inbound *inbound = t->inbound;
	struct arena *arena = &t->envelope->arena;
	struct mailbox_list list;
	enum directory_result result = directory_resolve(
	    directory_now(inbound->parts.directory), address, arena, &list);
	bool remote = is_submission(t) && result == DIRECTORY_NOT_OURS;
	if (result != DIRECTORY_FOUND && !remote)
		return refusals[result];
	if (!has_room(t, remote ? 1 : list.count))
		return too_many;
	if (is_submission(t) && !limits_recipient(&inbound->limits, t->user))
		return too_often;
	struct str original = address_text(*address, arena);
	if (remote)
		add_once(t,
		    (struct recipient){
			RECIPIENT_REMOTE, original, original, STR("") });
	else
		add_mailboxes(t, &list, original);
	if (t->recipients++ == 0)
		t->recipient = arena_str(&t->arena, original);
	return accepted;
}
