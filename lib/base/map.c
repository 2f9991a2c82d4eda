#include "lib/base/map.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/siphash.h"

#include <stdlib.h>

enum {
	FIRST = 8, /* slots; always a power of two */
};

static uint64_t secret[2];

/* Before main, and so before any thread. */
__attribute__((constructor)) static void
make_secret(void)
{
	random_bytes(secret, sizeof(secret));
}

static struct map_node **
slot_of(const struct map *m, uint64_t hash)
{
	return &m->slots[hash & (m->size - 1)];
}

static void
grow(struct map *m)
{
	struct map old = *m;
	m->size = old.size ? old.size * 2 : FIRST;
	m->slots = mem_alloc(m->size * sizeof(struct map_node *));
	for (size_t i = 0; i < old.size; i++) {
		for (struct map_node *n = old.slots[i], *next; n; n = next) {
			struct map_node **slot = slot_of(m, n->hash);
			next = n->next;
			n->next = *slot;
			*slot = n;
		}
	}
	free(old.slots);
}

struct map_node *
map_find(const struct map *m, struct str key)
{
	if (m->count == 0)
		return NULL;
	uint64_t hash = siphash(secret, key);
	struct map_node *n = *slot_of(m, hash);
	while (n && (n->hash != hash || !str_eq(n->key, key)))
		n = n->next;
	return n;
}

void
map_add(struct map *m, struct map_node *n, struct str key)
{
	if (m->count == m->size)
		grow(m);
	n->key = key;
	n->hash = siphash(secret, key);
	struct map_node **slot = slot_of(m, n->hash);
	n->next = *slot;
	*slot = n;
	m->count++;
}

void
map_remove(struct map *m, struct map_node *n)
{
	struct map_node **at = slot_of(m, n->hash);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n->next = NULL;
	m->count--;
}

struct map_node *
map_next(const struct map *m, const struct map_node *n)
{
	if (n && n->next)
		return n->next;
	size_t i = n ? (n->hash & (m->size - 1)) + 1 : 0;
	while (i < m->size && !m->slots[i])
		i++;
	return i < m->size ? m->slots[i] : NULL;
}

void
map_free(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}
