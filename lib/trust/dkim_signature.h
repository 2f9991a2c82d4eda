/*
 * dkim_signature.h - the tags of a DKIM-Signature, checked: RFC 6376 3.5.
 *
 * ARC-Message-Signature and ARC-Seal (RFC 8617 4.1) have the same tags with
 * small differences; the kind says which rules hold.  It knows neither keys
 * nor DNS nor the time.
 */
#ifndef LIB_TRUST_DKIM_SIGNATURE_H
#define LIB_TRUST_DKIM_SIGNATURE_H

#include "lib/mail/header.h"
#include "lib/trust/dkim_canon.h"
#include "lib/trust/sign_wire.h"

enum dkim_kind {
	DKIM_KIND_SIGNATURE, /* RFC 6376 3.5 */
	DKIM_KIND_ARC_MESSAGE, /* i= is the instance, no v=, no h=ARC-Seal */
	DKIM_KIND_ARC_SEAL, /* a= b= cv= d= i= s= t= alone, never h= */
};

enum {
	DKIM_MAX_NAMES = 512, /* in h=; more is malformed */
	DKIM_HASH = 32, /* octets of SHA-256 */
};

struct dkim_signature { /* strings are in the arena, or views of the field */
	enum sign_algorithm algorithm;
	struct str algorithm_text; /* "rsa-sha256", as in a=, even when it is
				      none that we verify */
	bool known_algorithm; /* of RFC 8301 and RFC 8463; not rsa-sha1 */
	struct str domain; /* d=, lower-case A-labels */
	struct str selector; /* s=, the same */
	struct str identity; /* i= as text, "@" and d= by default; "" in ARC */
	struct str identity_domain; /* of i=, as d= is; it is d= or below */
	struct str signature; /* b=, decoded */
	struct str signature_text; /* b= without white space, for header.b */
	struct str body_hash; /* bh=, decoded: 32 octets */
	enum dkim_canon header_canon, body_canon;
	bool has_length;
	uint64_t length; /* l= */
	int64_t signed_at, expires; /* t=, x=: Unix time, 0 when absent */
	size_t name_count;
	struct str *names; /* of h=, without empty ones */
	unsigned instance; /* ARC's i= */
	struct str chain_validation; /* ARC-Seal's cv= */
};

/* False: malformed, and why says; domain, selector, algorithm_text and
   signature_text are filled in as far as they could be read. */
bool dkim_signature_parse(enum dkim_kind, struct str value, struct arena *,
    struct dkim_signature *, const char **why);

/* Does h= name it?  RFC 6376 5.4 wants From there, RFC 8617 doesn't. */
bool dkim_signature_signs(const struct dkim_signature *, const char *name);

/* What the signature is over: RFC 6376 3.7, 5.4.2.  The fields of h= from the
   bottom up, then the signature's own field with an empty b=.  The own field
   is never one of those that h= picks. */
void dkim_signature_input(const struct dkim_signature *, const struct header *,
    const struct header_field *own, struct buf *);
/* SHA-256 of the same. */
void dkim_signature_digest(const struct dkim_signature *, const struct header *,
    const struct header_field *own, uint8_t digest[DKIM_HASH]);
/* A signature's own field, canonical, b= emptied, without its last CR LF. */
void dkim_signature_own(enum dkim_canon, const struct header_field *own,
    struct arena *, struct buf *);

#endif
