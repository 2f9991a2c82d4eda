/*
 * arena.h - memory that lives as long as its owner.
 *
 * {0} is an empty arena.  Nothing is freed singly.  Out of memory aborts.
 */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include "lib/base/str.h"

struct arena {
	struct arena_block *blocks; /* private */
};

void *arena_alloc(struct arena *, size_t n); /* zeroed, aligned for any type */
struct str arena_str(struct arena *, struct str); /* a copy, NUL behind it */
struct str arena_lower(struct arena *, struct str); /* ASCII lower case */
struct str arena_printf(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t arena_size(const struct arena *); /* bytes taken from the system */
void arena_free(struct arena *); /* and leaves {0} */

/* malloc and friends that abort when memory is out. */
void *mem_alloc(size_t n); /* zeroed */
void *mem_array(void *old, size_t count, size_t size); /* realloc, checked */
char *mem_cstr(struct str); /* a copy, NUL behind it; the caller frees */

#endif
