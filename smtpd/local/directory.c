#include "smtpd/local/directory_private.h"

#include <stdlib.h>

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

struct entry *
directory_route(const struct directory *d, const struct address *a)
{
	struct entry *entry = directory_find(d, a->local, a->domain);
	struct str base = strip_tag(d, a->local);
	if (!entry && base.n < a->local.n)
		entry = directory_find(d, base, a->domain);
	if (!entry)
		entry = directory_find(d, STR(""), a->domain);
	return entry;
}

bool
directory_leads_nowhere(const struct entry *entry)
{
	return entry->list.count == 0 && entry->list.forward_count == 0;
}

const struct user *
directory_user(const struct directory *d, struct str account)
{
	struct map_node *node = map_find(&d->users, account);
	return node ? container_of(node, struct user, node) : NULL;
}

void
directory_free(struct directory *d)
{
	if (!d)
		return;
	for (struct map_node *n = NULL; (n = map_next(&d->entries, n));) {
		struct entry *entry = container_of(n, struct entry, node);
		free(entry->list.mailboxes);
		free(entry->list.forwards);
	}
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
	if (str_empty(a->domain) && str_eq_nocase(a->local, STR("postmaster")))
		whole.domain = directory_domain(d, 0);
	return whole;
}

static void
copy_list(const struct mailbox_list *from, struct arena *arena,
    struct mailbox_list *to)
{
	to->count = from->count;
	to->mailboxes = arena_alloc(arena, from->count * sizeof *to->mailboxes);
	for (size_t i = 0; i < from->count; i++)
		to->mailboxes[i] = (struct mailbox){
			arena_str(arena, from->mailboxes[i].account),
			arena_str(arena, from->mailboxes[i].folder),
		};
	to->forward_count = from->forward_count;
	to->forwards =
	    arena_alloc(arena, from->forward_count * sizeof *to->forwards);
	for (size_t i = 0; i < from->forward_count; i++)
		to->forwards[i] = arena_str(arena, from->forwards[i]);
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
	const struct entry *entry = directory_route(d, &a);
	if (!entry)
		return DIRECTORY_UNKNOWN;
	if (directory_leads_nowhere(entry))
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
		const struct entry *next = directory_route(d, &t->address);
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
	const struct user *user = directory_user(d, account);
	if (!user)
		return false;
	struct address base = *address;
	base.local = strip_tag(d, address->local);
	if (address_is(address, account))
		return true;
	if (address_is(&base, account) &&
	    !directory_find(d, address->local, address->domain))
		return true;
	const struct entry *entry = directory_route(d, address);
	return entry && names(d, entry, user);
}

bool
directory_verifier(const struct directory *d, struct str account,
    struct str *iterations_salt_keys)
{
	const struct user *user = directory_user(d, account);
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
