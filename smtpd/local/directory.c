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

/* ---- entries ---- */

/* "local@domain" in lower case. */
struct key {
	char bytes[PATH_MAX_WHOLE + 1 + PATH_MAX_DOMAIN];
	size_t n;
};

static void
add_lower(struct key *key, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		key->bytes[key->n++] =
		    c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
}

static bool
make_key(struct key *key, struct str local, struct str domain)
{
	key->n = 0;
	if (local.n > PATH_MAX_WHOLE || domain.n > PATH_MAX_DOMAIN)
		return false;
	add_lower(key, local);
	key->bytes[key->n++] = '@';
	add_lower(key, domain);
	return true;
}

struct entry *
directory_find(const struct directory *d, struct str local, struct str domain)
{
	struct key key;
	if (!make_key(&key, local, domain))
		return NULL;
	struct map_node *node =
	    map_find(&d->entries, (struct str){ key.bytes, key.n });
	return node ? container_of(node, struct entry, node) : NULL;
}

struct entry *
directory_add(struct directory *d, struct str local, struct str domain)
{
	struct entry *entry = arena_alloc(&d->arena, sizeof *entry);
	struct str name = arena_printf(
	    &d->arena, "%.*s@%.*s", STR_ARG(local), STR_ARG(domain));
	map_add(&d->entries, &entry->node, arena_lower(&d->arena, name));
	return entry;
}

/* The local part without its +tag, or all of it. */
static struct str
strip_tag(const struct directory *d, struct str local)
{
	size_t n = d->delimiter ? str_find(local, d->delimiter) : local.n;
	return n > 0 ? str_sub(local, 0, n) : local;
}

static struct entry *
find_entry(const struct directory *d, const struct address *a)
{
	struct entry *entry = directory_find(d, a->local, a->domain);
	struct str base = strip_tag(d, a->local);
	if (!entry && base.n < a->local.n)
		entry = directory_find(d, base, a->domain);
	if (!entry)
		entry = directory_find(d, STR(""), a->domain);
	return entry;
}

static const struct user *
find_user(const struct directory *d, struct str account)
{
	struct map_node *node = map_find(&d->users, account);
	return node ? container_of(node, struct user, node) : NULL;
}

/* ---- where each leads ---- */

void
reading_complain(struct reading *r, unsigned line, const char *format, ...)
{
	va_list arguments;
	char text[512];
	if (r->count++ >= CONFIG_ERRORS)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (line)
		buf_addf(r->errors, "%s:%u: %s\n", r->file, line, text);
	else
		buf_addf(r->errors, "%s: %s\n", r->file, text);
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

/* An alias that names itself keeps a copy for the account of that name. */
static const struct user *
find_hidden_user(const struct directory *d, const struct entry *alias)
{
	return find_user(d, alias->node.key);
}

/* Adds all mailboxes that entry leads to.  Each alias is followed once for a
   root: circles end. */
static void
follow(struct reading *r, struct entry *root, struct entry *entry,
    unsigned depth)
{
	const struct directory *d = r->directory;
	if (entry->seen_by == root || depth > ALIAS_DEPTH)
		return;
	entry->seen_by = root;
	if (entry->user)
		add_mailbox(root, entry->user, entry->folder);
	for (struct target *t = entry->targets; t; t = t->next) {
		struct entry *next = find_entry(d, &t->address);
		const struct user *hidden =
		    next == entry ? find_hidden_user(d, entry) : NULL;
		if (hidden)
			add_mailbox(root, hidden, STR(""));
		else if (next)
			follow(r, root, next, depth + 1);
		else if (t->line && root == entry)
			reading_complain(r, t->line,
			    "target \"%s\": there is no such account or "
			    "alias",
			    address_text(t->address, &r->scratch).p);
	}
}

static void
follow_all(struct reading *r)
{
	const struct map *entries = &r->directory->entries;
	for (struct map_node *n = NULL; (n = map_next(entries, n));) {
		struct entry *entry = container_of(n, struct entry, node);
		unsigned before = r->count;
		follow(r, entry, entry, 0);
		if (entry->line && entry->list.count == 0 && r->count == before)
			reading_complain(r, entry->line,
			    "alias \"%.*s\" leads to no account",
			    STR_ARG(n->key));
		else if (entry->list.count == ALIAS_MAILBOXES)
			reading_complain(r, entry->line,
			    "alias \"%.*s\" leads to %d accounts or more",
			    STR_ARG(n->key), ALIAS_MAILBOXES);
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
	    !address_parse(address, &d->arena, &target->address, &why))
		return;
	directory_add(d, STR(""), domain)->targets = target;
}

/* ---- reading ---- */

static void
read_file(struct reading *r, const struct settings *settings, const char *file,
    struct buf *text)
{
	const char *path = arena_printf(
	    &r->scratch, "%s/%s", settings->data.p, file)
			       .p;
	r->file = file;
	errno = 0;
	if (!file_read(path, CONFIG_MAX, text) && errno != ENOENT)
		reading_complain(r, 0, "%s", strerror(errno));
}

static void
add_set_domains(struct domains *domains, const struct settings *settings)
{
	for (size_t i = 0; i < settings->domain.count; i++)
		domains_add(domains, settings->domain.items[i]);
}

static void
read_domains(struct reading *r, const struct settings *settings)
{
	struct domains *domains = &r->directory->domains;
	struct buf text = { 0 };
	read_file(r, settings, "config/domains", &text);
	if (!domains_parse(
		domains, buf_str(&text), "config/domains", r->errors))
		r->count++;
	if (domains->count == 0)
		add_set_domains(domains, settings);
	buf_free(&text);
}

static void
read_users_and_aliases(struct reading *r, const struct settings *settings)
{
	struct buf text = { 0 };
	read_file(r, settings, "config/users", &text);
	users_read(r, buf_str(&text));
	buf_clear(&text);
	read_file(r, settings, "config/aliases", &text);
	aliases_read(r, buf_str(&text));
	buf_free(&text);
}

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

static struct directory *
directory_new(const struct settings *settings)
{
	struct directory *d = mem_alloc(sizeof *d);
	d->delimiter = settings->delimiter;
	return d;
}

struct directory *
directory_read(const struct settings *settings, struct buf *errors)
{
	struct directory *d = directory_new(settings);
	struct reading r = { .directory = d, .errors = errors };
	read_domains(&r, settings);
	if (r.count == 0)
		read_users_and_aliases(&r, settings);
	if (r.count == 0)
		connect_entries(&r, settings);
	if (r.count > CONFIG_ERRORS)
		buf_addf(errors, "%s: and %u more\n", r.file,
		    r.count - CONFIG_ERRORS);
	arena_free(&r.scratch);
	if (r.count == 0)
		return d;
	directory_free(d);
	return NULL;
}

struct directory *
directory_broken(const struct settings *settings)
{
	struct buf errors = { 0 };
	struct directory *d = directory_new(settings);
	struct reading r = { .directory = d, .errors = &errors };
	d->broken = true;
	read_domains(&r, settings);
	add_set_domains(&d->domains, settings);
	arena_free(&r.scratch);
	buf_free(&errors);
	return d;
}

void
directory_free(struct directory *d)
{
	if (!d)
		return;
	for (struct map_node *n = NULL; (n = map_next(&d->entries, n));)
		free(container_of(n, struct entry, node)->list.mailboxes);
	map_free(&d->users);
	map_free(&d->entries);
	domains_free(&d->domains);
	arena_free(&d->arena);
	free(d);
}

/* ---- questions ---- */

/* RFC 5321 4.1.1.3: "postmaster" alone is this host's. */
static struct address
complete(const struct directory *d, const struct address *a)
{
	struct address whole = *a;
	if (str_empty(a->domain) &&
	    str_eq_nocase(a->local, STR("postmaster")))
		whole.domain = directory_domain(d, 0);
	return whole;
}

static void
copy_list(const struct mailbox_list *from, struct arena *arena,
    struct mailbox_list *to)
{
	to->count = from->count;
	to->mailboxes =
	    arena_alloc(arena, from->count * sizeof *to->mailboxes);
	for (size_t i = 0; i < from->count; i++)
		to->mailboxes[i] = (struct mailbox){
			arena_str(arena, from->mailboxes[i].account),
			arena_str(arena, from->mailboxes[i].folder),
		};
}

enum directory_result
directory_resolve(const struct directory *d, const struct address *address,
    struct arena *arena, struct mailbox_list *list)
{
	struct address a = complete(d, address);
	*list = (struct mailbox_list){ 0 };
	if (!directory_is_ours(d, a.domain))
		return DIRECTORY_NOT_OURS;
	if (d->broken)
		return DIRECTORY_UNAVAILABLE;
	const struct entry *entry = find_entry(d, &a);
	if (!entry)
		return DIRECTORY_UNKNOWN;
	if (entry->list.count == 0)
		return d->first ? DIRECTORY_UNKNOWN : DIRECTORY_UNAVAILABLE;
	copy_list(&entry->list, arena, list);
	return DIRECTORY_FOUND;
}

bool
directory_is_ours(const struct directory *d, struct str domain)
{
	return domains_has(&d->domains, domain);
}

static bool
address_is(const struct address *a, struct str account)
{
	size_t at = str_find_last(account, '@');
	return str_eq_nocase(a->local, str_sub(account, 0, at)) &&
	    str_eq_nocase(a->domain, str_from(account, at + 1));
}

/* Does the entry name the account itself, not through another alias? */
static bool
names(const struct directory *d, const struct entry *entry,
    const struct user *user)
{
	if (entry->user == user)
		return true;
	for (const struct target *t = entry->targets; t; t = t->next) {
		const struct entry *next = find_entry(d, &t->address);
		if (address_is(&t->address, user->node.key) ||
		    (next && next->user == user))
			return true;
	}
	return false;
}

bool
directory_may_send_as(const struct directory *d, struct str account,
    const struct address *address)
{
	const struct user *user = find_user(d, account);
	if (!user)
		return false;
	struct address base = *address;
	base.local = strip_tag(d, address->local);
	if (address_is(address, account))
		return true;
	if (address_is(&base, account) &&
	    !directory_find(d, address->local, address->domain))
		return true;
	const struct entry *entry = find_entry(d, address);
	return entry && names(d, entry, user);
}

bool
directory_verifier(const struct directory *d, struct str account,
    struct str *iterations_salt_keys)
{
	const struct user *user = find_user(d, account);
	if (user)
		*iterations_salt_keys = user->verifier;
	return user;
}

size_t
directory_accounts(const struct directory *d)
{
	return d->users.count;
}

struct str
directory_domain(const struct directory *d, size_t n)
{
	return n < d->domains.count ? d->domains.names[n] : STR("");
}
