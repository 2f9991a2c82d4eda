/*
 * aliases.c - config/aliases in Postfix's manner: "address: target, target",
 * "@domain" for the catch-all; a line that begins with white space continues
 * the one before it; "#" begins a comment line.
 */
#include "smtpd/local/directory_private.h"

/* "you@example.test", or "@example.test". */
static const char *
parse_name(struct reading *r, struct str name, struct address *address)
{
	const char *why;
	if (name.n > 1 && *name.p == '@') {
		address->local = STR("");
		address->domain = arena_lower(&r->scratch, str_from(name, 1));
	} else if (!address_parse(name, &r->scratch, address, &why)) {
		return why;
	}
	if (!directory_is_ours(r->directory, address->domain))
		return "its domain is not one of ours (postern domain add)";
	return NULL;
}

bool
target_parse(struct directory *d, struct str text, struct target *target,
    const char **why)
{
	if (!address_parse(text, &d->arena, &target->address, why))
		return false;
	if (!directory_is_ours(d, target->address.domain))
		target->elsewhere = address_text(target->address, &d->arena);
	return true;
}

static const char *
parse_target(struct reading *r, struct str text, struct target *target)
{
	const char *why;
	if (++r->targets > ALIASES_TARGETS)
		return "there are too many targets in all";
	if (!target_parse(r->directory, text, target, &why))
		return why;
	if (str_starts(target->address.domain, STR("[")))
		return "mail is forwarded to names, not to numbers";
	return NULL;
}

static void
add_target(struct reading *r, struct entry *entry, struct str text)
{
	struct arena *arena = &r->directory->arena;
	struct target *target = arena_alloc(arena, sizeof *target);
	const char *why = parse_target(r, text, target);
	if (why) {
		reading_complain(r, r->line, "target \"%.*s\": %s",
		    STR_ARG(str_sub(text, 0, 80)), why);
		return;
	}
	target->line = r->line;
	*entry->last = target;
	entry->last = &target->next;
}

static void
add_targets(struct reading *r, struct entry *entry, struct str list)
{
	while (list.n > 0) {
		struct str text = str_trim(str_cut(&list, ','));
		if (!str_empty(text))
			add_target(r, entry, text);
	}
}

/* A new alias; one that is no good is read on as nobody's. */
static struct entry *
start_alias(struct reading *r, struct str name)
{
	struct directory *d = r->directory;
	struct address address;
	const char *why = parse_name(r, name, &address);
	struct entry *entry =
	    why ? NULL : directory_find(d, address.local, address.domain);
	if (entry && entry->line)
		why = "the alias is there twice";
	if (why) {
		reading_complain(r, r->line, "alias \"%.*s\": %s",
		    STR_ARG(str_sub(name, 0, 80)), why);
		entry = arena_alloc(&r->scratch, sizeof *entry);
	} else if (!entry) {
		entry = directory_add(d, address.local, address.domain);
	}
	entry->user = NULL; /* an alias goes before an account */
	entry->line = r->line;
	entry->last = &entry->targets;
	return entry;
}

static void
read_line(struct reading *r, struct entry **current, struct str line)
{
	bool continued = *line.p == ' ' || *line.p == '\t';
	struct str text = str_trim(line);
	if (str_empty(text) || *text.p == '#')
		return;
	if (!continued)
		*current = start_alias(r, str_trim(str_cut(&text, ':')));
	if (*current)
		add_targets(r, *current, text);
	else
		reading_complain(r, r->line,
		    "it begins with white space and continues nothing");
}

void
aliases_read(struct reading *r, struct str text)
{
	struct entry *current = NULL;
	r->file = "config/aliases";
	r->line = 0;
	while (text.n > 0) {
		struct str line = str_cut(&text, '\n');
		r->line++;
		if (line.n > 0)
			read_line(r, &current, line);
	}
}
