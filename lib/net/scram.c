#include "lib/net/scram.h"

#include "lib/base/codec.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>

enum {
	NONCE = 18 /* octets: 24 of base64 */
};

/* ---- hashes ---- */

static void
mac(const uint8_t key[SCRAM_HASH], struct str text, uint8_t out[SCRAM_HASH])
{
	HMAC(EVP_sha256(), key, SCRAM_HASH, (const unsigned char *)text.p,
	    text.n, out, NULL);
}

bool
scram_hash(struct str password, struct str salt, unsigned iterations,
    uint8_t hash[SCRAM_HASH])
{
	return password.n <= INT_MAX && salt.n <= SCRAM_SALT &&
	    iterations <= SCRAM_MOST &&
	    PKCS5_PBKDF2_HMAC(password.p, (int)password.n,
		(const unsigned char *)salt.p, (int)salt.n, (int)iterations,
		EVP_sha256(), SCRAM_HASH, hash) == 1;
}

/* ---- the first message ---- */

/* RFC 5802 5.1: a comma and an equals sign would end the name */
static void
add_name(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '=')
			buf_adds(out, "=3D");
		else if (name.p[i] == ',')
			buf_adds(out, "=2C");
		else
			buf_addc(out, name.p[i]);
	}
}

void
scram_nonce(struct buf *nonce)
{
	unsigned char bytes[NONCE];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		abort();
	base64_add(nonce, (struct str){ (char *)bytes, sizeof bytes });
}

void
scram_first(
    struct scram *scram, const struct scram_names *names, struct buf *out)
{
	/* RFC 5802 7: gs2-cbind-flag */
	if (names->binding_type.n > 0)
		buf_addf(
		    &scram->header, "p=%.*s,,", STR_ARG(names->binding_type));
	else
		buf_adds(
		    &scram->header, names->binding_possible ? "y,," : "n,,");
	buf_adds(&scram->bare, "n=");
	add_name(&scram->bare, names->user);
	buf_adds(&scram->bare, ",r=");
	buf_add(&scram->bare, names->nonce);
	buf_add(&scram->nonce, names->nonce);
	buf_add(out, buf_str(&scram->header));
	buf_add(out, buf_str(&scram->bare));
	buf_add(&scram->header, names->binding);
}

/* ---- the challenge ---- */

/* "x=value" of the message; false: something else stands there. */
static bool
take(struct str *text, const char *name, struct str *value)
{
	*value = str_cut(text, ',');
	if (!str_starts(*value, str_of(name)))
		return false;
	*value = str_from(*value, 2);
	return true;
}

bool
scram_challenge(struct scram *scram, struct str text, const char **why)
{
	struct str nonce, salt, count, own = buf_str(&scram->nonce);
	uint64_t iterations;
	buf_add(&scram->challenge, text);
	*why = "The SCRAM challenge can't be read";
	if (!take(&text, "r=", &nonce) || !take(&text, "s=", &salt) ||
	    !take(&text, "i=", &count) || !str_to_u64(count, &iterations) ||
	    !base64_read(&scram->salt, salt) || scram->salt.n == 0 ||
	    scram->salt.n > SCRAM_SALT)
		return false;
	/* RFC 5802 5.1: ours, and something of the server's behind it */
	*why = "The SCRAM challenge is for somebody else";
	if (!str_starts(nonce, own) || nonce.n == own.n)
		return false;
	*why = "The SCRAM challenge wants too few or too many iterations";
	if (iterations < SCRAM_LEAST || iterations > SCRAM_MOST)
		return false;
	scram->iterations = (unsigned)iterations;
	buf_clear(&scram->nonce);
	buf_add(&scram->nonce, nonce);
	return true;
}

/* ---- the proof ---- */

static struct buf
final_without_proof(const struct scram *scram)
{
	struct buf text = { 0 };
	buf_adds(&text, "c=");
	base64_add(&text, buf_str(&scram->header));
	buf_adds(&text, ",r=");
	buf_add(&text, buf_str(&scram->nonce));
	return text;
}

/* RFC 5802 3: AuthMessage */
static struct buf
auth_message(const struct scram *scram, struct str final)
{
	struct buf text = { 0 };
	buf_add(&text, buf_str(&scram->bare));
	buf_addc(&text, ',');
	buf_add(&text, buf_str(&scram->challenge));
	buf_addc(&text, ',');
	buf_add(&text, final);
	return text;
}

void
scram_proof(
    struct scram *scram, const uint8_t hash[SCRAM_HASH], struct buf *out)
{
	uint8_t key[SCRAM_HASH], stored[SCRAM_HASH], proof[SCRAM_HASH];
	struct buf final = final_without_proof(scram);
	struct buf message = auth_message(scram, buf_str(&final));
	mac(hash, STR("Server Key"), key);
	mac(key, buf_str(&message), scram->signature);
	mac(hash, STR("Client Key"), key);
	SHA256(key, sizeof key, stored);
	mac(stored, buf_str(&message), proof);
	for (int i = 0; i < SCRAM_HASH; i++)
		proof[i] ^= key[i];
	buf_add(out, buf_str(&final));
	buf_adds(out, ",p=");
	base64_add(out, (struct str){ (char *)proof, sizeof proof });
	OPENSSL_cleanse(key, sizeof key);
	buf_free(&message);
	buf_free(&final);
}

bool
scram_verify(const struct scram *scram, struct str text, const char **why)
{
	struct str value;
	struct buf signature = { 0 };
	*why = "The server doesn't know the password";
	bool good = take(&text, "v=", &value) &&
	    base64_read(&signature, value) && signature.n == SCRAM_HASH &&
	    CRYPTO_memcmp(signature.p, scram->signature, SCRAM_HASH) == 0;
	buf_free(&signature);
	return good;
}

void
scram_free(struct scram *scram)
{
	buf_free(&scram->salt);
	buf_free(&scram->header);
	buf_free(&scram->bare);
	buf_free(&scram->challenge);
	buf_free(&scram->nonce);
	OPENSSL_cleanse(scram->signature, sizeof scram->signature);
	*scram = (struct scram){ 0 };
}
