#include "signer/keyring.h"

#include "lib/base/log.h"
#include "lib/base/name.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- one domain ---- */

/* "<selector>.pem": the selector, or "". */
static struct str
selector_of(const char *file)
{
	struct str name = str_of(file);
	if (!str_ends(name, STR(".pem")) || *file == '.')
		return STR("");
	return str_sub(name, 0, name.n - 4);
}

static const char *
add_key(struct keyring *ring, struct key_domain *domain, const char *path,
    struct str selector)
{
	struct signing_key key = { 0 };
	if (!name_is_dns(selector) || str_has(selector, '.') ||
	    selector.n >= SIGN_SELECTOR)
		return "its name is no selector";
	if (domain->count == SIGN_KEYS)
		return "the domain has too many keys";
	const char *why = dkim_key_read(&key.key, path);
	if (why)
		return why;
	key.selector = arena_str(&ring->arena, selector);
	domain->keys =
	    mem_array(domain->keys, domain->count + 1, sizeof *domain->keys);
	domain->keys[domain->count++] = key;
	ring->key_count++;
	return NULL;
}

static void
add_file(struct keyring *ring, struct key_domain *domain, const char *folder,
    const char *file)
{
	struct str selector = selector_of(file);
	if (str_empty(selector))
		return;
	struct str path = arena_printf(&ring->arena, "%s/%s", folder, file);
	const char *why = add_key(ring, domain, path.p, selector);
	if (why)
		log_note(LOG_ERROR, "start", "the key %s can't be used: %s",
		    path.p, why);
}

static int
by_selector(const void *a, const void *b)
{
	const struct signing_key *x = a, *y = b;
	return str_cmp(x->selector, y->selector);
}

static void
read_domain(struct keyring *ring, struct key_domain *domain, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	if (!dir) {
		log_note(LOG_ERROR, "start", "the keys in %s can't be used: %s",
		    folder, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)))
		add_file(ring, domain, folder, entry->d_name);
	closedir(dir);
	if (domain->count)
		qsort(domain->keys, domain->count, sizeof *domain->keys,
		    by_selector);
}

/* ---- all ---- */

static void
load_domain(struct keyring *ring, const char *keys, struct str name)
{
	struct key_domain *domain = arena_alloc(&ring->arena, sizeof *domain);
	struct str lower = arena_lower(&ring->arena, name);
	const char *folder =
	    arena_printf(&ring->arena, "%s/%.*s", keys, STR_ARG(name)).p;
	if (!str_eq(lower, name)) {
		log_note(LOG_ERROR, "start",
		    "the keys in %s can't be used: the name of the folder "
		    "must be lower case",
		    folder);
		return;
	}
	read_domain(ring, domain, folder);
	if (domain->count)
		map_add(&ring->domains, &domain->node, lower);
}

void
keyring_load(struct keyring *ring, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	if (!dir) {
		log_note(LOG_ERROR, "start", "%s can't be read: %s", folder,
		    strerror(errno));
		return;
	}
	while ((entry = readdir(dir))) {
		struct str name = str_of(entry->d_name);
		if (name_is_host(name))
			load_domain(ring, folder, name);
	}
	closedir(dir);
}

const struct key_domain *
keyring_find(const struct keyring *ring, struct str domain)
{
	struct map_node *node = map_find(&ring->domains, domain);
	return node ? container_of(node, struct key_domain, node) : NULL;
}

void
keyring_free(struct keyring *ring)
{
	struct map_node *node = map_next(&ring->domains, NULL);
	for (; node; node = map_next(&ring->domains, node)) {
		struct key_domain *domain =
		    container_of(node, struct key_domain, node);
		for (size_t i = 0; i < domain->count; i++)
			dkim_key_free(&domain->keys[i].key);
		free(domain->keys);
	}
	map_free(&ring->domains);
	arena_free(&ring->arena);
	*ring = (struct keyring){ 0 };
}
