/*
 * dkim_public_key.h - public keys as DNS records carry them, and signatures
 * verified with them: RFC 8017 A.1.1, RFC 8463 4.2.
 *
 * What costs too much is refused before OpenSSL sees it.  Keys that OpenSSL
 * has prepared are kept for the next message: at most DKIM_KEYS_KEPT in a
 * process, the longest unused goes first.  For the loop's thread alone.  It
 * knows neither records nor what a failure means.
 */
#ifndef LIB_TRUST_DKIM_PUBLIC_KEY_H
#define LIB_TRUST_DKIM_PUBLIC_KEY_H

#include "lib/base/str.h"
#include "lib/trust/sign_wire.h"

enum {
	DKIM_KEYS_KEPT = 64, /* about 4 KB each */
	DKIM_ED25519_KEY = 32, /* octets */
	DKIM_EXPONENT = 4, /* octets of RSA's public one: more is slow */
};

struct dkim_rsa {
	struct str key; /* DER of the RSAPublicKey, a view */
	size_t bits; /* of the modulus */
};

/* A SubjectPublicKeyInfo or a bare RSAPublicKey.  False: neither, or numbers
   that no RSA key has. */
bool dkim_rsa_parse(struct str der, struct dkim_rsa *);

/* key: an RSAPublicKey, or the 32 octets of Ed25519. */
bool dkim_public_key_verify(enum sign_algorithm, struct str key,
    struct str signature, const uint8_t digest[SIGN_DIGEST]);
size_t dkim_public_key_kept(void);
void dkim_public_key_forget(void); /* all that are kept */

#endif
