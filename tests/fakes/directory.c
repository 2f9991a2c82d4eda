#include "tests/fakes/directory.h"

const struct directory *
directory_now(struct directory_keeper *keeper)
{
	(void)keeper;
	return NULL;
}

enum directory_result
directory_resolve(const struct directory *directory,
    const struct address *address, struct arena *arena,
    struct mailbox_list *list)
{
	(void)directory;
	if (!str_eq(address->domain, STR("ours.test")))
		return DIRECTORY_NOT_OURS;
	if (str_eq(address->local, STR("gone")))
		return DIRECTORY_UNKNOWN;
	if (str_eq(address->local, STR("later")))
		return DIRECTORY_UNAVAILABLE;
	list->count = 1;
	list->mailboxes = arena_alloc(arena, sizeof *list->mailboxes);
	list->mailboxes[0].account = address_text(*address, arena);
	return DIRECTORY_FOUND;
}
