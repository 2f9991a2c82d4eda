/*
 * sign_wire.h - the records between smtpd and signer, read by both ends.
 *
 * Fixed size, over an unnamed SOCK_SEQPACKET pair whose both ends PID 1 keeps,
 * so that either side may restart: no EOF ever comes.  The answer repeats id
 * and digest; what doesn't match is thrown away.  Host byte order: both ends
 * are one build on one machine.
 */
#ifndef LIB_TRUST_SIGN_WIRE_H
#define LIB_TRUST_SIGN_WIRE_H

#include <stdint.h>

enum {
	SIGN_DIGEST = 32, /* SHA-256 */
	SIGN_DOMAIN = 256, /* with its NUL */
	SIGN_SELECTOR = 64,
	SIGN_SIGNATURE = 512, /* RSA-4096 */
	SIGN_KEYS = 32, /* of a domain: each makes a field */
};

enum sign_algorithm {
	SIGN_RSA_SHA256 = 1,
	SIGN_ED25519_SHA256 = 2
};

enum sign_status {
	SIGN_OK = 0,
	SIGN_NO_KEY = 1, /* no such domain (or selector) */
	SIGN_FAILED = 2,
};

/* Asks for the signature over a digest by one key of a domain.  keys are
   numbered from 0 in the order of their selectors' names; the first request
   about a domain may have an all-zero digest and kind SIGN_LIST: what keys
   are there. */
enum sign_kind {
	SIGN_LIST = 1,
	SIGN_SIGN = 2
};

struct sign_question {
	uint64_t id; /* starts at random */
	uint32_t kind;
	uint32_t key;
	uint8_t digest[SIGN_DIGEST];
	char domain[SIGN_DOMAIN]; /* lower case, padded with NULs */
};

struct sign_answer {
	uint64_t id;
	uint32_t status;
	uint32_t algorithm; /* of the key asked about */
	uint32_t keys; /* how many the domain has */
	uint32_t length; /* of signature */
	uint8_t digest[SIGN_DIGEST];
	char selector[SIGN_SELECTOR]; /* of the key asked about */
	uint8_t signature[SIGN_SIGNATURE];
};

#endif
