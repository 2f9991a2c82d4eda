/*
 * rua.h - where reports go: the URIs of rua=, RFC 9989 4.8 and RFC 8460 3.
 *
 * Mail addresses and, for TLS reports, HTTPS.  A mailto's own header fields
 * are not taken over.  It knows no DNS and asks nobody for consent.
 */
#ifndef LIB_REPORT_RUA_H
#define LIB_REPORT_RUA_H

#include "lib/mail/path.h"

enum {
	RUA_MAX = 4, /* of one list that are used; the rest isn't read */
};

enum rua_kind {
	RUA_MAIL,
	RUA_HTTPS,
};

struct rua { /* strings are in the arena */
	enum rua_kind kind;
	struct address address; /* of MAIL */
	uint64_t limit; /* octets that are accepted; 0: any number */
	struct str host, path; /* of HTTPS: lower case; with its query */
	uint16_t port;
};

struct rua_list {
	size_t count;
	struct rua all[RUA_MAX];
};

/* False: nothing that can be used; why says. */
bool rua_parse(struct str uri, struct arena *, struct rua *, const char **why);
/* Those of a list with commas that can be used, each place once. */
void rua_parse_list(struct str, struct arena *, struct rua_list *);
/* Another one, if it isn't there yet and there is room. */
void rua_list_add(struct rua_list *, const struct rua *);
struct str rua_host(const struct rua *); /* behind the @, or of HTTPS */

#endif
