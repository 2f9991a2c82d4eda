/*
 * sign.h - DKIM signatures made before a message is accepted: RFC 6376 5.
 *
 * It builds the DKIM-Signature fields (one per key of the author domain),
 * relaxed/relaxed, and asks the signer for the signatures over its socket.
 * The signer may be away: a deadline, one retry, then failure.  It knows
 * neither users nor what a failure costs.
 */
#ifndef LIB_TRUST_SIGN_H
#define LIB_TRUST_SIGN_H

#include "lib/mail/header.h"
#include "lib/net/loop.h"

struct sign_channel; /* one per process */
struct sign_work;

enum sign_result {
	SIGN_DONE,
	SIGN_NOT_OURS, /* the signer has no key for the domain */
	SIGN_AWAY, /* no answer in time, twice, or it failed: 451 */
};

struct sign_request { /* {0} is idle */
	/* the question; kept by the asker until done() */
	const struct header *header;
	struct str domain; /* author domain, lower case */
	uint8_t body_hash[32]; /* SHA-256 of the relaxed body */
	int64_t wall_ms; /* t= */
	/* the answer */
	enum sign_result result;
	struct buf fields; /* whole fields with CR LF, to be put in front; the
			      asker frees it */
	void (*done)(struct sign_request *);
	struct sign_work *work; /* private */
};

/* Takes the socket over (non-blocking from now on). */
struct sign_channel *sign_channel_new(struct loop *, int socket);
void sign_channel_free(struct sign_channel *); /* cancels what is asked */
void sign_start(struct sign_channel *, struct sign_request *,
    void (*done)(struct sign_request *));
void sign_cancel(struct sign_request *);

#endif
