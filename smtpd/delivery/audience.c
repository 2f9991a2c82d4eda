#include "smtpd/delivery/audience.h"

#include "smtpd/delivery/delivery_private.h"
#include "smtpd/delivery/forward.h"

enum audience
audience_of(const struct envelope *envelope, const struct recipient *recipient)
{
	/* RFC 5321 6.1: nothing is said to the null reverse-path, and nothing
	   about it, or reports on reports would have no end */
	if (envelope->flags & ENVELOPE_BOUNCE || str_empty(envelope->sender))
		return AUDIENCE_NOBODY;
	if (envelope->flags & ENVELOPE_SUBMITTED)
		return AUDIENCE_USER;
	if (recipient->kind != RECIPIENT_FORWARD)
		return AUDIENCE_NOBODY;
	return envelope->flags & ENVELOPE_SENDER_PROVEN ? AUDIENCE_SENDER
							: AUDIENCE_OWNER;
}

bool
audience_is_one(const struct envelope *envelope, const struct recipient *a,
    const struct recipient *b)
{
	enum audience audience = audience_of(envelope, a);
	if (audience != audience_of(envelope, b))
		return false;
	return audience != AUDIENCE_OWNER ||
	    str_eq_nocase(a->original, b->original);
}

/* ---- addresses ---- */

static void
add(struct envelope *envelope, enum recipient_kind kind, struct str address,
    struct str folder, struct str original)
{
	*envelope_add(envelope) = (struct recipient){
		.kind = kind,
		.address = address,
		.original = original,
		.folder = folder,
	};
}

static void
add_mailboxes(struct envelope *envelope, const struct mailbox_list *list,
    struct str original)
{
	for (size_t i = 0; i < list->count; i++)
		add(envelope, RECIPIENT_LOCAL, list->mailboxes[i].account,
		    list->mailboxes[i].folder, original);
}

/* With its null sender a report that is sent on ends there. */
static void
add_forwards(struct envelope *envelope, const struct mailbox_list *list,
    struct str original)
{
	for (size_t i = 0; i < list->forward_count; i++)
		add(envelope, RECIPIENT_FORWARD, list->forwards[i], STR(""),
		    original);
}

static enum directory_result
resolve(const struct parcel *parcel, struct str text, struct arena *arena,
    struct mailbox_list *list)
{
	struct address address;
	const char *why;
	*list = (struct mailbox_list){ 0 };
	if (!address_parse(text, arena, &address, &why))
		return DIRECTORY_UNKNOWN;
	return directory_resolve(
	    directory_now(parcel->delivery->parts.directory), &address, arena,
	    list);
}

/* ---- who ---- */

static enum bounce_result
tell_sender(const struct parcel *parcel, struct envelope *envelope)
{
	struct arena *arena = &envelope->arena;
	const struct envelope *failed = parcel->item->envelope;
	struct str sender = arena_str(arena, failed->sender);
	struct mailbox_list list;
	enum directory_result found = resolve(parcel, sender, arena, &list);
	if (found == DIRECTORY_UNAVAILABLE)
		return BOUNCE_LATER;
	if (found == DIRECTORY_FOUND) {
		add_mailboxes(envelope, &list, sender);
		add_forwards(envelope, &list, sender);
	} else if (found == DIRECTORY_NOT_OURS &&
	    !(failed->flags & ENVELOPE_SUBMITTED)) {
		add(envelope, RECIPIENT_REMOTE, sender, STR(""), sender);
	}
	return envelope->count > 0 ? BOUNCE_QUEUED : BOUNCE_NOBODY;
}

static struct str
postmaster_of(
    const struct parcel *parcel, size_t recipient, struct arena *arena)
{
	return arena_printf(
	    arena, "postmaster@%.*s", STR_ARG(forward_home(parcel, recipient)));
}

/* Who has a copy of what the alias sends on; else the postmaster. */
static enum bounce_result
tell_owner(
    const struct parcel *parcel, size_t recipient, struct envelope *envelope)
{
	struct arena *arena = &envelope->arena;
	struct str alias =
	    arena_str(arena, parcel_recipient(parcel, recipient)->original);
	struct str desk = postmaster_of(parcel, recipient, arena);
	struct mailbox_list list;
	enum directory_result found = resolve(parcel, alias, arena, &list);
	if (found == DIRECTORY_FOUND)
		add_mailboxes(envelope, &list, alias);
	if (found != DIRECTORY_UNAVAILABLE && envelope->count == 0) {
		found = resolve(parcel, desk, arena, &list);
		add_mailboxes(envelope, &list, desk);
		add_forwards(envelope, &list, desk);
	}
	if (found == DIRECTORY_UNAVAILABLE)
		return BOUNCE_LATER;
	return envelope->count > 0 ? BOUNCE_QUEUED : BOUNCE_NOBODY;
}

enum bounce_result
audience_address(
    const struct parcel *parcel, size_t recipient, struct envelope *envelope)
{
	enum audience audience = audience_of(
	    parcel->item->envelope, parcel_recipient(parcel, recipient));
	return audience == AUDIENCE_OWNER
	    ? tell_owner(parcel, recipient, envelope)
	    : tell_sender(parcel, envelope);
}
