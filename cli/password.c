/*
 * password.c - verifiers of passwords: RFC 5802 3, RFC 7677 4.
 */
#include "cli/cli.h"

#include "lib/base/clock.h"
#include "lib/base/codec.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

enum {
	ITERATIONS = 15000, /* docs/reference.md: at least */
	SALT = 16,
	HASH = SHA256_DIGEST_LENGTH,
	INVENTED = 16, /* letters of 32: 80 bits */
};

static void
keyed(const uint8_t salted[HASH], const char *text, uint8_t out[HASH])
{
	struct str s = str_of(text);
	if (!HMAC(EVP_sha256(), salted, HASH, (const uint8_t *)s.p, s.n, out,
		NULL))
		abort();
}

static void
add_base64(struct buf *out, const uint8_t *bytes, size_t n)
{
	buf_addc(out, ',');
	base64_add(out, (struct str){ (const char *)bytes, n });
}

void
password_verifier(struct str password, struct buf *out)
{
	uint8_t salt[SALT], salted[HASH], client[HASH], stored[HASH],
	    server[HASH];
	random_bytes(salt, sizeof salt);
	if (!PKCS5_PBKDF2_HMAC(password.p, (int)password.n, salt, SALT,
		ITERATIONS, EVP_sha256(), HASH, salted))
		abort();
	keyed(salted, "Client Key", client);
	keyed(salted, "Server Key", server);
	SHA256(client, HASH, stored);
	buf_addf(out, "{SCRAM-SHA-256}%d", ITERATIONS);
	add_base64(out, salt, SALT);
	add_base64(out, stored, HASH);
	add_base64(out, server, HASH);
}

void
password_invent(struct buf *out)
{
	/* Without letters that look like others. */
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t bytes[INVENTED];
	random_bytes(bytes, sizeof bytes);
	for (int i = 0; i < INVENTED; i++) {
		if (i && i % 4 == 0)
			buf_addc(out, '-');
		buf_addc(out, letters[bytes[i] % 32]);
	}
}
