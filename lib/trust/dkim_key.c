#include "lib/trust/dkim_key.h"

#include "lib/base/codec.h"
#include "lib/base/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FILE_LIMIT = 65536,
	RSA_LEAST = 2048, /* RFC 8301 3.2: signers should use no less */
	RSA_MOST = 8 * SIGN_SIGNATURE,
};

static const char *
judge(const EVP_PKEY *pkey, enum sign_algorithm *algorithm)
{
	if (!pkey)
		return "it holds no private key in plain PEM";
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*algorithm = SIGN_ED25519_SHA256;
		return NULL;
	}
	if (!EVP_PKEY_is_a(pkey, "RSA"))
		return "it is neither RSA nor Ed25519";
	int bits = EVP_PKEY_get_bits(pkey);
	if (bits < RSA_LEAST || bits > RSA_MOST)
		return "an RSA key must have 2048 to 4096 bits";
	*algorithm = SIGN_RSA_SHA256;
	return NULL;
}

const char *
dkim_key_of(struct dkim_key *key, EVP_PKEY *pkey)
{
	*key = (struct dkim_key){ .pkey = pkey };
	const char *why = judge(pkey, &key->algorithm);
	if (why)
		dkim_key_free(key);
	return why;
}

void
dkim_key_free(struct dkim_key *key)
{
	EVP_PKEY_free(key->pkey);
	*key = (struct dkim_key){ 0 };
}

/* ---- its file ---- */

static EVP_PKEY *
parse_pem(struct str text)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	if (!bio)
		abort(); /* out of memory */
	char none[] = ""; /* or OpenSSL would ask the terminal */
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, none);
	BIO_free(bio);
	ERR_clear_error();
	return pkey;
}

const char *
dkim_key_read(struct dkim_key *key, const char *path)
{
	struct stat st;
	struct buf text = { 0 };
	*key = (struct dkim_key){ 0 };
	if (stat(path, &st) != 0)
		return strerror(errno);
	if (st.st_mode & 077)
		return "group or others may use it: chmod 0400";
	if (!file_read(path, FILE_LIMIT, &text))
		return strerror(errno);
	const char *why = dkim_key_of(key, parse_pem(buf_str(&text)));
	if (text.n)
		OPENSSL_cleanse(text.p, text.n);
	buf_free(&text);
	return why;
}

/* ---- its record ---- */

static bool
add_rsa(struct buf *out, const EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);
	if (n > 0)
		base64_add(out, (struct str){ (char *)der, (size_t)n });
	OPENSSL_free(der);
	return n > 0;
}

/* RFC 8463 4.2: the 32 octets themselves */
static bool
add_ed25519(struct buf *out, const EVP_PKEY *pkey)
{
	unsigned char raw[32];
	size_t n = sizeof raw;
	if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
		return false;
	base64_add(out, (struct str){ (char *)raw, n });
	return true;
}

bool
dkim_key_record(const struct dkim_key *key, struct buf *out)
{
	bool rsa = key->algorithm == SIGN_RSA_SHA256;
	buf_addf(out, "v=DKIM1; k=%s; p=", rsa ? "rsa" : "ed25519");
	return rsa ? add_rsa(out, key->pkey) : add_ed25519(out, key->pkey);
}
