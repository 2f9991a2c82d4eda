#include "tests/fakes/directory.h"

const struct directory *
directory_now(struct directory_keeper *keeper)
{
	(void)keeper;
	return NULL;
}

bool
directory_is_ours(const struct directory *directory, struct str domain)
{
	(void)directory;
	return str_eq(domain, STR("ours.test")) ||
	    str_eq(domain, STR("also.test"));
}

struct str
directory_domain(const struct directory *directory, size_t n)
{
	(void)directory, (void)n;
	return STR("ours.test");
}

static void
add_mailbox(
    struct mailbox_list *list, struct address address, struct arena *arena)
{
	list->count = 1;
	list->mailboxes = arena_alloc(arena, sizeof *list->mailboxes);
	list->mailboxes[0].account = address_text(address, arena);
}

static void
add_forward(struct mailbox_list *list, struct str local, struct arena *arena)
{
	list->forward_count = 1;
	list->forwards = arena_alloc(arena, sizeof *list->forwards);
	list->forwards[0] =
	    arena_printf(arena, "%.*s@elsewhere.test", STR_ARG(local));
}

enum directory_result
directory_resolve(const struct directory *directory,
    const struct address *address, struct arena *arena,
    struct mailbox_list *list)
{
	if (!directory_is_ours(directory, address->domain))
		return DIRECTORY_NOT_OURS;
	if (str_eq(address->local, STR("gone")))
		return DIRECTORY_UNKNOWN;
	if (str_eq(address->local, STR("later")))
		return DIRECTORY_UNAVAILABLE;
	*list = (struct mailbox_list){ 0 };
	if (str_starts(address->local, STR("away")))
		add_forward(list, address->local, arena);
	else
		add_mailbox(list, *address, arena);
	return DIRECTORY_FOUND;
}
