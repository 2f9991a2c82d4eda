/*
 * dkim_hashes.h - the body hashes that several signatures want of one body.
 *
 * Equal wishes are hashed once; the number bounds the work for each octet.
 */
#ifndef LIB_TRUST_DKIM_HASHES_H
#define LIB_TRUST_DKIM_HASHES_H

#include "lib/trust/dkim_signature.h"

enum {
	DKIM_HASHES = 5 /* as many as signatures are verified */
};

struct dkim_hash { /* after the end */
	uint8_t digest[DKIM_HASH]; /* of the body, or of its first l= octets */
	uint64_t length; /* of the whole canonical body */
	struct dkim_body body; /* private */
};

struct dkim_hashes { /* {0} is empty */
	size_t count;
	struct dkim_hash all[DKIM_HASHES];
};

/* The index of the hash that this signature is about; before the first add.
   At most DKIM_HASHES signatures. */
size_t dkim_hashes_want(struct dkim_hashes *, const struct dkim_signature *);
void dkim_hashes_add(struct dkim_hashes *, struct str piece);
void dkim_hashes_end(struct dkim_hashes *);
void dkim_hashes_cancel(struct dkim_hashes *); /* free on {0}, after the end */

#endif
