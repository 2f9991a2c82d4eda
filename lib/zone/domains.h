/*
 * domains.h - the domains that are ours: the file config/domains.
 *
 * One domain per line, A-labels, "#" begins a comment.  The first one is the
 * default.  It is checked whole.
 */
#ifndef LIB_ZONE_DOMAINS_H
#define LIB_ZONE_DOMAINS_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

struct domains { /* {0} is an empty list */
	size_t count;
	struct str
	    *names; /* lower case, each once, ended by a NUL; in the arena */
	struct arena arena;
};

/* Appends what the text holds.  False with one line per error, each opened
   with file and line number; the list is then as it was. */
bool domains_parse(
    struct domains *, struct str text, const char *file, struct buf *errors);
bool domains_has(const struct domains *, struct str name);
void domains_add(struct domains *, struct str name); /* unless it is there */
void domains_free(struct domains *);

#endif
