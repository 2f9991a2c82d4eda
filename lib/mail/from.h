/*
 * from.h - the author address out of From, RFC 5322 3.6.2, unambiguous or not
 * at all: one parser for DMARC, signing and submission.
 *
 * Comments, quoted strings, folding, encoded words and obsolete routes are
 * understood; groups, several domains, no address, NUL are refused.
 */
#ifndef LIB_MAIL_FROM_H
#define LIB_MAIL_FROM_H

#include "lib/mail/header.h"
#include "lib/mail/path.h"

enum {
	FROM_MAX_ADDRESSES = 100
};

struct address_list {
	size_t count;
	struct address *addresses; /* in the arena */
};

/* The addresses of a From, Sender, To, ... field's value, display names
   dropped.  Groups give their members when groups is true, else an error. */
bool from_parse_list(struct str value, bool groups, struct arena *,
    struct address_list *, const char **why);

/* Exactly one From field, whose addresses (one or more) share one domain, in
   A-labels. */
bool from_author(const struct header *, struct arena *, struct address_list *,
    const char **why);

#endif
