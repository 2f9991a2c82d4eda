#include "signer/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

/* RFC 6376 3.3: RSASSA-PKCS1-v1_5 over a digest that is already made. */
static bool
sign_rsa(EVP_PKEY *pkey, const uint8_t *digest, uint8_t *signature, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool good = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_sign(ctx, signature, n, digest, SIGN_DIGEST) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* RFC 8463 3: PureEdDSA, its message being the SHA-256 digest. */
static bool
sign_ed25519(
    EVP_PKEY *pkey, const uint8_t *digest, uint8_t *signature, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, signature, n, digest, SIGN_DIGEST) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static bool
sign(const struct dkim_key *key, const uint8_t *digest, struct sign_answer *a)
{
	size_t n = sizeof a->signature;
	bool good = key->algorithm == SIGN_RSA_SHA256
	    ? sign_rsa(key->pkey, digest, a->signature, &n)
	    : sign_ed25519(key->pkey, digest, a->signature, &n);
	ERR_clear_error();
	a->length = good ? (uint32_t)n : 0;
	return good;
}

static struct str
domain_of(const struct sign_question *q)
{
	return str_sub((struct str){ q->domain, SIGN_DOMAIN }, 0,
	    strnlen(q->domain, SIGN_DOMAIN));
}

void
signer_answer(const struct keyring *ring, const struct sign_question *q,
    struct sign_answer *a)
{
	*a = (struct sign_answer){ .id = q->id, .status = SIGN_NO_KEY };
	memcpy(a->digest, q->digest, SIGN_DIGEST);
	const struct key_domain *domain = keyring_find(ring, domain_of(q));
	if (!domain)
		return;
	a->keys = (uint32_t)domain->count;
	if (q->key >= domain->count)
		return;
	const struct signing_key *key = &domain->keys[q->key];
	a->algorithm = key->key.algorithm;
	memcpy(a->selector, key->selector.p, key->selector.n);
	bool good = q->kind == SIGN_LIST ||
	    (q->kind == SIGN_SIGN && sign(&key->key, q->digest, a));
	a->status = good ? SIGN_OK : SIGN_FAILED;
}

void
signer_warm_up(const struct keyring *ring)
{
	static const uint8_t digest[SIGN_DIGEST];
	bool warm[SIGN_ED25519_SHA256 + 1] = { false };
	struct sign_answer a;
	struct map_node *node = map_next(&ring->domains, NULL);
	for (; node; node = map_next(&ring->domains, node)) {
		struct key_domain *d =
		    container_of(node, struct key_domain, node);
		for (size_t i = 0; i < d->count; i++) {
			const struct dkim_key *key = &d->keys[i].key;
			if (!warm[key->algorithm])
				sign(key, digest, &a);
			warm[key->algorithm] = true;
		}
	}
}
