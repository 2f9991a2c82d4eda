#include "smtpd/local/login_verifier.h"

#include "lib/base/codec.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

/* Between least and most bytes of base64. */
static bool
read_bytes(
    struct str text, uint8_t *to, size_t least, size_t most, size_t *size)
{
	struct buf bytes = { 0 };
	bool good =
	    base64_read(&bytes, text) && bytes.n >= least && bytes.n <= most;
	if (good) {
		memcpy(to, bytes.p, bytes.n);
		*size = bytes.n;
	}
	buf_free(&bytes);
	return good;
}

bool
verifier_parse(struct str text, const char separators[4], struct verifier *v)
{
	size_t n;
	struct str iterations = str_cut(&text, separators[0]);
	struct str salt = str_cut(&text, separators[1]);
	struct str stored_key = str_cut(&text, separators[2]);
	return str_to_u64(iterations, &v->iterations) && v->iterations > 0 &&
	    v->iterations <= INT_MAX &&
	    read_bytes(salt, v->salt, 1, VERIFIER_SALT, &v->salt_size) &&
	    read_bytes(
		stored_key, v->stored_key, VERIFIER_HASH, VERIFIER_HASH, &n) &&
	    read_bytes(text, v->server_key, VERIFIER_HASH, VERIFIER_HASH, &n);
}

/* RFC 5802 3: StoredKey is H(HMAC(SaltedPassword, "Client Key")) */
bool
verifier_matches(const struct verifier *v, struct str password)
{
	uint8_t salted[VERIFIER_HASH], key[VERIFIER_HASH];
	static const uint8_t name[] = "Client Key";
	bool done = password.n <= INT_MAX &&
	    PKCS5_PBKDF2_HMAC(password.p, (int)password.n, v->salt,
		(int)v->salt_size, (int)v->iterations, EVP_sha256(),
		sizeof salted, salted) == 1 &&
	    HMAC(EVP_sha256(), salted, sizeof salted, name, sizeof name - 1,
		key, NULL) &&
	    SHA256(key, sizeof key, key);
	bool same = done && CRYPTO_memcmp(key, v->stored_key, sizeof key) == 0;
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(key, sizeof key);
	return same;
}
