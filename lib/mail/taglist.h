/*
 * taglist.h - "v=1; a=b; c=d": the tag=value lists of DKIM, ARC and DMARC.
 *
 * RFC 6376 3.2.  Views into the text, folding white space around names and
 * values taken off; folding white space inside a value stays.  It knows no
 * tag and no default.
 */
#ifndef LIB_MAIL_TAGLIST_H
#define LIB_MAIL_TAGLIST_H

#include "lib/base/arena.h"

enum {
	TAGLIST_MAX = 100 /* tags; more is malformed */
};

struct tag {
	struct str name; /* compared with case: RFC 6376 3.2 */
	struct str value;
};

struct taglist {
	size_t count;
	struct tag *tags; /* in the arena, in order */
};

/* False: malformed, a name that is there twice, or too many; why says. */
bool taglist_parse(
    struct str text, struct arena *, struct taglist *, const char **why);
/* p is NULL when there is no such tag; "" when its value is empty. */
struct str taglist_find(const struct taglist *, const char *name);
/* The value without the folding white space inside it. */
struct str taglist_squeeze(struct str value, struct arena *);
/* RFC 6376 2.10: white space in it is ignored, and so is missing padding.
   False: it is no base64, or nothing. */
bool taglist_base64(struct str value, struct arena *, struct str *bytes);
/* Is the word one of "a:b:c", in any case? */
bool taglist_has(struct str value, struct str word);

#endif
