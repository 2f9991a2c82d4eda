/*
 * authres.h - Authentication-Results: RFC 8601, read and written.
 *
 * It knows methods and results as words, not what they mean nor whom to
 * believe.
 */
#ifndef LIB_MAIL_AUTHRES_H
#define LIB_MAIL_AUTHRES_H

#include "lib/base/arena.h"
#include "lib/mail/header.h"

enum {
	AUTHRES_MAX = 64, /* results in a field; more is malformed */
	AUTHRES_PROPERTIES = 16, /* of a result */
};

struct authres_property { /* header.d=example.com */
	struct str type, name, value; /* "header", "d", "example.com" */
};

struct authres_result { /* dkim=pass reason="..." header.d=... */
	struct str method, result, reason; /* lower case but for the reason */
	size_t count;
	struct authres_property *properties;
};

struct authres {
	struct str id; /* authserv-id */
	size_t count; /* 0: "none" */
	struct authres_result *results;
};

/* RFC 8601 2.2.  For the value of Authentication-Results; of an
   ARC-Authentication-Results what stands behind its "i=1;".  Strings are in
   the arena, comments and quotes taken off.  What others write beyond the
   grammar (base64 without quotes, "action=none", a last semicolon) is
   understood. */
bool authres_parse(
    struct str value, struct arena *, struct authres *, const char **why);

/* RFC 8601 5: does this field claim, to any reader however lenient, to be a
   result of this host?  True for comments, quotes, other case, folds, a last
   dot, a version, escapes, and for a value that can't be parsed but has the
   name where an authserv-id could be, or hides it behind a crowd of names in
   UTF-8. */
bool authres_claims(const struct header_field *, struct str hostname);

/* ---- writing ---- */

struct authres_writer { /* folds at 78 columns */
	struct buf *out;
	size_t column; /* private */
	bool any; /* private: results so far */
};

/* "Authentication-Results: mail.example.com" */
void authres_begin(
    struct authres_writer *, struct buf *out, struct str hostname);
/* ";\r\n\tdkim=pass" */
void authres_result(
    struct authres_writer *, const char *method, const char *result);
/* " (text)": what isn't printable, parentheses and backslashes are shown as
   "?" */
void authres_comment(struct authres_writer *, struct str text);
/* " header.d=example.com"; quoted when the value is neither a token nor an
   address; left out when it is empty, or longer than any domain, address or
   signature in base64 is. */
void authres_property(
    struct authres_writer *, const char *name, struct str value);
void authres_end(struct authres_writer *); /* "\r\n"; "none" if none was */

#endif
