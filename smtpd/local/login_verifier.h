/*
 * login_verifier.h - what is kept instead of a password: RFC 5803, for
 * SCRAM-SHA-256 (RFC 7677).
 */
#ifndef SMTPD_LOCAL_LOGIN_VERIFIER_H
#define SMTPD_LOCAL_LOGIN_VERIFIER_H

#include "lib/base/str.h"

enum {
	VERIFIER_HASH = 32,
	VERIFIER_SALT = 64
};

struct verifier {
	uint64_t iterations;
	size_t salt_size;
	uint8_t salt[VERIFIER_SALT];
	uint8_t stored_key[VERIFIER_HASH];
	uint8_t server_key[VERIFIER_HASH];
};

/* Iterations, salt, StoredKey and ServerKey with one separator behind each of
   the first three: ",,," in config/users, ":$:" in SASL. */
bool verifier_parse(
    struct str text, const char separators[4], struct verifier *);
/* Costs as much CPU time as the iterations say. */
bool verifier_matches(const struct verifier *, struct str password);

#endif
