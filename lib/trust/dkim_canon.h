/*
 * dkim_canon.h - DKIM canonicalisation: RFC 6376 3.4, streamed.
 *
 * Bodies come in pieces of any size; memory is constant.  It knows SHA-256
 * and nothing of keys.
 */
#ifndef LIB_TRUST_DKIM_CANON_H
#define LIB_TRUST_DKIM_CANON_H

#include "lib/base/buf.h"
#include "lib/mail/header.h"

enum dkim_canon {
	DKIM_SIMPLE,
	DKIM_RELAXED
};

struct evp_md_ctx_st; /* OpenSSL's */

struct dkim_body {
	enum dkim_canon canon;
	struct evp_md_ctx_st *hash; /* private */
	uint64_t blank_lines; /* private: CR LFs held back, 3.4.3 and 3.4.4 */
	bool space, cr; /* private: held back too */
	uint64_t length; /* canonical octets so far */
	uint64_t limit; /* private: octets to be hashed */
};

void dkim_body_start(struct dkim_body *, enum dkim_canon);
/* RFC 6376 3.5, l=: hashes no more octets than this; all are counted.  Right
   after the start. */
void dkim_body_limit(struct dkim_body *, uint64_t limit);
void dkim_body_add(struct dkim_body *, struct str piece); /* CR LF line ends */
void dkim_body_end(struct dkim_body *, uint8_t digest[32]); /* and frees */
void dkim_body_cancel(struct dkim_body *); /* free on {0} and after the end */

/* One field, canonical, with its CR LF: 3.4.1 and 3.4.2. */
void dkim_header_canon(
    enum dkim_canon, const struct header_field *, struct buf *);

#endif
