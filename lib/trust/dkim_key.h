/*
 * dkim_key.h - a DKIM private key out of its file, and the record that
 * publishes its public half: RFC 6376 3.6.1.
 *
 * For signer and keygen alone; smtpd never sees a private key.
 */
#ifndef LIB_TRUST_DKIM_KEY_H
#define LIB_TRUST_DKIM_KEY_H

#include "lib/base/buf.h"
#include "lib/trust/sign_wire.h"

struct evp_pkey_st; /* OpenSSL's */

struct dkim_key { /* {0} is none */
	enum sign_algorithm algorithm;
	struct evp_pkey_st *pkey;
};

/* PEM; RSA of 2048 to 4096 bits or Ed25519; no password; readable by its owner
   alone.  NULL, or why the file can't be used. */
const char *dkim_key_read(struct dkim_key *, const char *path);
/* Takes the key over, whatever it says; NULL, or why it can't be used. */
const char *dkim_key_of(struct dkim_key *, struct evp_pkey_st *);
void dkim_key_free(struct dkim_key *);
bool dkim_key_record(
    const struct dkim_key *, struct buf *); /* "v=DKIM1; ..." */

#endif
