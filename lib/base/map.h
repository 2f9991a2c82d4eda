/*
 * map.h - a hash table whose keys are byte strings.
 *
 * The nodes are members of what is stored; the map owns nothing and the key
 * must live as long as its node.  Keys come from outside: the hash is keyed
 * with random bytes (SipHash) so that nobody can aim collisions.
 */
#ifndef LIB_BASE_MAP_H
#define LIB_BASE_MAP_H

#include "lib/base/list.h"
#include "lib/base/str.h"

struct map_node {
	struct map_node *next;
	struct str key;
	uint64_t hash;
};

struct map { /* {0} is an empty map */
	struct map_node **slots;
	size_t size, count;
};

struct map_node *map_find(const struct map *, struct str key); /* or NULL */
/* The key must not be there yet (look first). */
void map_add(struct map *, struct map_node *, struct str key);
void map_remove(struct map *, struct map_node *);
/* Any order; map_next(m, NULL) is the first.  The node returned may be
   removed only after asking for the one behind it. */
struct map_node *map_next(const struct map *, const struct map_node *);
void map_free(struct map *); /* the table, not the nodes */

#endif
