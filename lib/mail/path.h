/*
 * path.h - addresses and paths of SMTP: RFC 5321 4.1.2.
 *
 * Accepts quoted local parts and address literals, skips source routes
 * (RFC 5321 C), refuses non-ASCII (SMTPUTF8 is not offered).
 */
#ifndef LIB_MAIL_PATH_H
#define LIB_MAIL_PATH_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

/* RFC 5321 4.5.3.1: of its limits, the 64 octets of a local part are too few
   for reverse-paths that were rewritten (SRS), and not kept. */
enum {
	PATH_MAX_DOMAIN = 255,
	PATH_MAX_WHOLE = 256, /* with the angle brackets */
};

struct address {
	struct str local; /* as written, quotes taken off; case kept */
	struct str domain; /* lower case; "" with local "postmaster" alone, or
			      both "" in the null reverse-path */
};

/* "<...>" at the head of *rest, which then begins behind it.  The strings are
   copied into the arena.  On error says why. */
bool path_parse_reverse(
    struct str *rest, struct arena *, struct address *, const char **why);
bool path_parse_forward(
    struct str *rest, struct arena *, struct address *, const char **why);
/* Drops a source route, "@a,@b:"; false when it is malformed. */
bool path_skip_route(struct str *text);
/* A bare addr-spec and nothing else: "you@example.test". */
bool address_parse(
    struct str, struct arena *, struct address *, const char **why);
/* Of an address in text what stands behind its last @, as it is there; ""
   without one. */
struct str address_domain(struct str);
bool address_is_null(struct address);
/* local@domain, the local part quoted when it must be; "" for the null path. */
void address_write(struct buf *, struct address);
struct str address_text(struct address, struct arena *); /* the same */

#endif
