/*
 * scram.h - the client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as text:
 * RFC 5802, RFC 7677.
 *
 * First message, challenge, proof, and the server's own proof, without which
 * nobody is logged in.  It knows no sockets and no base64 around its messages.
 * The password's hash, which takes its time, is a function for a worker.
 */
#ifndef LIB_NET_SCRAM_H
#define LIB_NET_SCRAM_H

#include "lib/base/buf.h"

#include <stdint.h>

enum {
	SCRAM_HASH = 32, /* octets */
	SCRAM_SALT = 256, /* at most */
	SCRAM_LEAST = 4096, /* RFC 7677 4: iterations */
	SCRAM_MOST = 5000000, /* some seconds of a worker */
};

struct scram { /* {0} is idle */
	/* the challenge */
	struct buf salt;
	unsigned iterations;
	/* private */
	struct buf header; /* gs2-header and the channel binding */
	struct buf bare, challenge, nonce;
	uint8_t signature[SCRAM_HASH]; /* the server's, as it must be */
};

struct scram_names {
	struct str user;
	struct str nonce; /* printable, without a comma */
	struct str binding_type, binding; /* "": without channel binding */
	/* RFC 5802 6: we could bind, and the server seems not to offer it; if
	   that is a lie of somebody between, the server finds it out */
	bool binding_possible;
};

void scram_nonce(struct buf *); /* a random one */
/* client-first-message. */
void scram_first(struct scram *, const struct scram_names *, struct buf *out);
/* server-first-message. */
bool scram_challenge(struct scram *, struct str, const char **why);
/* SaltedPassword; blocks.  False: out of memory, or the like. */
bool scram_hash(struct str password, struct str salt, unsigned iterations,
    uint8_t hash[SCRAM_HASH]);
/* client-final-message, and what the server must answer. */
void scram_proof(
    struct scram *, const uint8_t hash[SCRAM_HASH], struct buf *out);
/* server-final-message: it knows the password, too. */
bool scram_verify(const struct scram *, struct str, const char **why);
void scram_free(struct scram *);

#endif
