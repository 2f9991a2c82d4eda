/*
 * directory_read.c - a snapshot made of the three files: read, checked whole,
 * and every address followed to its mailboxes.
 */
#include "smtpd/local/directory_private.h"

#include "lib/base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Addresses that always work, and the folder of the first account that they
   go to: RFC 5321 4.5.1, RFC 2142 4, and where reports about us arrive. */
static const struct {
	const char *local, *folder;
} roles[] = {
	{ "postmaster", "" },
	{ "abuse", "" },
	{ "reports", "Reports" },
};

bool
directory_is_role(const struct address *a)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (str_eq_nocase(a->local, str_of(roles[i].local)))
			return true;
	return false;
}

/* ---- where each leads ---- */

void
reading_complain(struct reading *r, unsigned line, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (r->count++ < CONFIG_ERRORS)
		buf_addf(r->errors, "%s:%u: %s\n", r->file, line, text);
}

static void
add_mailbox(struct entry *entry, const struct user *user, struct str folder)
{
	struct mailbox_list *list = &entry->list;
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->mailboxes[i].account, user->node.key))
			return;
	if (list->count == ALIAS_MAILBOXES)
		return;
	list->mailboxes = mem_array(
	    list->mailboxes, list->count + 1, sizeof *list->mailboxes);
	list->mailboxes[list->count++] =
	    (struct mailbox){ user->node.key, folder };
}

static void
add_forward(struct entry *entry, struct str address)
{
	struct mailbox_list *list = &entry->list;
	for (size_t i = 0; i < list->forward_count; i++)
		if (str_eq(list->forwards[i], address))
			return;
	if (list->forward_count == ALIAS_FORWARDS)
		return;
	list->forwards = mem_array(
	    list->forwards, list->forward_count + 1, sizeof *list->forwards);
	list->forwards[list->forward_count++] = address;
}

/* An alias that names itself keeps a copy for the account of that name. */
static const struct user *
find_hidden_user(const struct directory *d, const struct entry *alias)
{
	return directory_user(d, alias->node.key);
}

static void follow(
    struct reading *, struct entry *root, struct entry *, unsigned depth);

static void
follow_target(struct reading *r, struct entry *root, struct entry *entry,
    const struct target *t, unsigned depth)
{
	const struct directory *d = r->directory;
	struct entry *next = directory_route(d, &t->address);
	const struct user *hidden =
	    next == entry ? find_hidden_user(d, entry) : NULL;
	if (!str_empty(t->elsewhere))
		add_forward(root, t->elsewhere);
	else if (hidden)
		add_mailbox(root, hidden, STR(""));
	else if (next)
		follow(r, root, next, depth + 1);
	else if (t->line && root == entry)
		reading_complain(r, t->line,
		    "target \"%s\": there is no such account or alias",
		    address_text(t->address, &r->scratch).p);
}

/* Adds all that entry leads to.  Each alias is followed once for a root:
   circles end. */
static void
follow(
    struct reading *r, struct entry *root, struct entry *entry, unsigned depth)
{
	if (entry->seen_by == root || depth > ALIAS_DEPTH)
		return;
	entry->seen_by = root;
	if (entry->user)
		add_mailbox(root, entry->user, entry->folder);
	for (struct target *t = entry->targets; t; t = t->next)
		follow_target(r, root, entry, t, depth);
}

/* What is cut off is said, not hidden. */
static void
check_list(struct reading *r, const struct entry *entry)
{
	struct str name = entry->node.key;
	if (entry->line && directory_leads_nowhere(entry))
		reading_complain(r, entry->line,
		    "alias \"%.*s\" leads to no account", STR_ARG(name));
	if (entry->list.count == ALIAS_MAILBOXES)
		reading_complain(r, entry->line,
		    "alias \"%.*s\" leads to %d accounts or more",
		    STR_ARG(name), ALIAS_MAILBOXES);
	if (entry->list.forward_count == ALIAS_FORWARDS)
		reading_complain(r, entry->line,
		    "alias \"%.*s\" leads to %d addresses elsewhere or more",
		    STR_ARG(name), ALIAS_FORWARDS);
}

static void
follow_all(struct reading *r)
{
	const struct map *entries = &r->directory->entries;
	for (struct map_node *n = NULL; (n = map_next(entries, n));) {
		struct entry *entry = container_of(n, struct entry, node);
		unsigned before = r->count;
		follow(r, entry, entry, 0);
		if (r->count == before)
			check_list(r, entry);
	}
}

static void
add_roles(struct directory *d, struct str domain)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		struct str local = str_of(roles[i].local);
		if (directory_find(d, local, domain))
			continue;
		struct entry *entry = directory_add(d, local, domain);
		entry->user = d->first;
		entry->folder = str_of(roles[i].folder);
	}
}

/* CATCHALL is for every domain whose aliases don't say otherwise; that it
   leads nowhere yet is no error. */
static void
add_catchall(struct directory *d, struct str domain, struct str address)
{
	struct target *target = arena_alloc(&d->arena, sizeof *target);
	const char *why;
	if (directory_find(d, STR(""), domain) ||
	    !target_parse(d, address, target, &why))
		return;
	directory_add(d, STR(""), domain)->targets = target;
}

/* ---- the whole ---- */

static void
connect_entries(struct reading *r, const struct settings *settings)
{
	struct directory *d = r->directory;
	for (size_t i = 0; i < d->domains.count; i++) {
		add_roles(d, d->domains.names[i]);
		add_catchall(d, d->domains.names[i], settings->catchall);
	}
	follow_all(r);
}

static void
add_set_domains(struct directory *d, const struct settings *settings)
{
	for (size_t i = 0; i < settings->domain.count; i++)
		domains_add(&d->domains, settings->domain.items[i]);
}

static void
read_texts(struct reading *r, const struct settings *settings,
    const struct directory_texts *texts)
{
	struct domains *domains = &r->directory->domains;
	r->count += !domains_parse(
	    domains, buf_str(&texts->domains), "config/domains", r->errors);
	if (domains->count == 0)
		add_set_domains(r->directory, settings);
	if (r->count > 0)
		return; /* whose domain is whose can't be said */
	users_read(r, buf_str(&texts->users));
	aliases_read(r, buf_str(&texts->aliases));
	if (r->count == 0)
		connect_entries(r, settings);
	if (r->count > CONFIG_ERRORS)
		buf_addf(r->errors, "%s: and %u more\n", r->file,
		    r->count - CONFIG_ERRORS);
}

static struct directory *
directory_new(const struct settings *settings)
{
	struct directory *d = mem_alloc(sizeof *d);
	d->delimiter = settings->delimiter;
	return d;
}

struct directory *
directory_parse(const struct settings *settings,
    const struct directory_texts *texts, struct buf *errors)
{
	struct directory *d = directory_new(settings);
	struct reading r = { .directory = d, .errors = errors };
	read_texts(&r, settings, texts);
	arena_free(&r.scratch);
	if (r.count == 0)
		return d;
	directory_free(d);
	return NULL;
}

/* ---- the files ---- */

/* A missing one is empty. */
static bool
read_file(const struct settings *settings, const char *name, struct buf *text,
    struct buf *errors)
{
	struct buf path = { 0 };
	buf_addf(&path, "%s/config/%s", settings->data.p, name);
	bool good =
	    file_read(buf_cstr(&path), CONFIG_MAX, text) || errno == ENOENT;
	if (!good)
		buf_addf(errors, "config/%s: %s\n", name, strerror(errno));
	buf_free(&path);
	return good;
}

static void
free_texts(struct directory_texts *texts)
{
	buf_free(&texts->domains);
	buf_free(&texts->users);
	buf_free(&texts->aliases);
}

static bool
read_texts_of(const struct settings *settings, struct directory_texts *texts,
    struct buf *errors)
{
	bool good = read_file(settings, "domains", &texts->domains, errors);
	good &= read_file(settings, "users", &texts->users, errors);
	good &= read_file(settings, "aliases", &texts->aliases, errors);
	return good;
}

struct directory *
directory_read(const struct settings *settings, struct buf *errors)
{
	struct directory_texts texts = { 0 };
	struct directory *d = NULL;
	if (read_texts_of(settings, &texts, errors))
		d = directory_parse(settings, &texts, errors);
	free_texts(&texts);
	return d;
}

static struct buf *
text_named(struct directory_texts *texts, const char *file)
{
	if (strcmp(file, "config/domains") == 0)
		return &texts->domains;
	return strcmp(file, "config/users") == 0 ? &texts->users
						 : &texts->aliases;
}

bool
directory_check(const struct settings *settings, const char *file,
    struct str text, struct buf *errors)
{
	struct directory_texts texts = { 0 };
	struct directory *d = NULL;
	if (read_texts_of(settings, &texts, errors)) {
		struct buf *draft = text_named(&texts, file);
		buf_clear(draft);
		buf_add(draft, text);
		d = directory_parse(settings, &texts, errors);
	}
	free_texts(&texts);
	directory_free(d);
	return d;
}

struct directory *
directory_broken(const struct settings *settings)
{
	struct directory *d = directory_new(settings);
	struct buf text = { 0 }, errors = { 0 };
	d->broken = true;
	if (read_file(settings, "domains", &text, &errors))
		domains_parse(
		    &d->domains, buf_str(&text), "config/domains", &errors);
	add_set_domains(d, settings);
	buf_free(&text);
	buf_free(&errors);
	return d;
}
