#include "lib/trust/dkim_public_key.h"

#include "lib/base/arena.h"
#include "lib/base/cursor.h"
#include "lib/base/map.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

/* ---- DER ---- */

enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	SEQUENCE = 0x30,
};

static size_t
read_length(struct cursor *c)
{
	uint8_t first = cursor_u8(c);
	if (first < 0x80)
		return first;
	if (first == 0x81)
		return cursor_u8(c);
	if (first == 0x82)
		return cursor_u16(c);
	c->failed = true; /* no key that could be used is longer */
	return 0;
}

/* The contents of the next element, which must be of that kind. */
static struct cursor
enter(struct cursor *c, uint8_t kind)
{
	if (cursor_u8(c) != kind)
		c->failed = true;
	size_t n = read_length(c);
	struct cursor inside = cursor_of(cursor_bytes(c, n));
	inside.failed = c->failed;
	return inside;
}

/* A number above zero, its leading zero octet taken off. */
static bool
read_integer(struct cursor *c, struct str *octets)
{
	struct cursor inside = enter(c, INTEGER);
	struct str s = cursor_rest(&inside);
	if (inside.failed || s.n == 0 || s.p[0] & 0x80)
		return false;
	if (s.p[0] == 0)
		s = str_from(s, 1);
	*octets = s;
	return s.n > 0 && s.p[0] != 0;
}

static size_t
bits_of(struct str octets)
{
	size_t bits = octets.n * 8;
	for (unsigned top = (unsigned char)octets.p[0]; !(top & 0x80);
	     top <<= 1)
		bits--;
	return bits;
}

static bool
is_odd(struct str octets)
{
	return octets.p[octets.n - 1] & 1;
}

/* RFC 8017 A.1.1: RSAPublicKey.  An exponent is odd and not 1; a long one is
   a way to make us work. */
static bool
parse_rsa_key(struct str der, struct dkim_rsa *rsa)
{
	struct str modulus, exponent;
	struct cursor all = cursor_of(der);
	struct cursor numbers = enter(&all, SEQUENCE);
	if (!read_integer(&numbers, &modulus) ||
	    !read_integer(&numbers, &exponent) || !cursor_end(&numbers) ||
	    !cursor_end(&all))
		return false;
	rsa->key = der;
	rsa->bits = bits_of(modulus);
	return is_odd(modulus) && is_odd(exponent) && bits_of(exponent) > 1 &&
	    exponent.n <= DKIM_EXPONENT;
}

/* RFC 3279 2.3.1: rsaEncryption; some leave its NULL parameters out */
static bool
is_rsa_encryption(struct str algorithm)
{
	if (str_ends(algorithm, STR("\x05\x00")))
		algorithm.n -= 2;
	return str_eq(
	    algorithm, STR("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"));
}

/* RFC 5280 4.1: SubjectPublicKeyInfo; the bits are whole octets */
static bool
unwrap(struct str der, struct str *key)
{
	struct cursor all = cursor_of(der);
	struct cursor info = enter(&all, SEQUENCE);
	struct cursor algorithm = enter(&info, SEQUENCE);
	struct cursor bits = enter(&info, BIT_STRING);
	bool whole = cursor_u8(&bits) == 0;
	*key = cursor_rest(&bits);
	return whole && !bits.failed && cursor_end(&info) && cursor_end(&all) &&
	    is_rsa_encryption(cursor_rest(&algorithm));
}

bool
dkim_rsa_parse(struct str der, struct dkim_rsa *rsa)
{
	struct str key;
	*rsa = (struct dkim_rsa){ 0 };
	return parse_rsa_key(unwrap(der, &key) ? key : der, rsa);
}

/* ---- keys that are kept ---- */

/* Preparing a key takes OpenSSL 3.0 as long as using it. */
struct kept_key {
	struct map_node node;
	struct list_node age; /* in kept.ages, the longest unused first */
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *rsa; /* ready to verify; NULL for Ed25519 */
	char *bytes; /* the map's key */
};

static struct {
	struct map keys;
	struct list ages;
} kept;

/* For want of memory alone. */
static void *
check(void *p)
{
	if (!p)
		abort();
	return p;
}

static EVP_PKEY_CTX *
prepare_rsa(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = check(EVP_PKEY_CTX_new(pkey, NULL));
	if (EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static void
forget(struct kept_key *k)
{
	if (list_linked(&k->age)) {
		list_remove(&k->age);
		map_remove(&kept.keys, &k->node);
	}
	EVP_PKEY_CTX_free(k->rsa);
	EVP_PKEY_free(k->pkey);
	free(k->bytes);
	free(k);
}

/* NULL: OpenSSL doesn't like it. */
static struct kept_key *
prepare(enum sign_algorithm algorithm, struct str key)
{
	const unsigned char *p = (const unsigned char *)key.p;
	bool is_rsa = algorithm == SIGN_RSA_SHA256;
	struct kept_key *k = mem_alloc(sizeof *k);
	k->bytes = mem_cstr(key);
	if (is_rsa)
		k->pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)key.n);
	else
		k->pkey = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, p, key.n);
	if (is_rsa && k->pkey)
		k->rsa = prepare_rsa(k->pkey);
	if (k->pkey && (k->rsa || !is_rsa))
		return k;
	forget(k);
	return NULL;
}

static void
keep(struct kept_key *k, size_t n)
{
	if (kept.keys.count == DKIM_KEYS_KEPT)
		forget(
		    container_of(list_first(&kept.ages), struct kept_key, age));
	map_add(&kept.keys, &k->node, (struct str){ k->bytes, n });
	list_push(&kept.ages, &k->age);
}

/* No RSA key is as short as one of Ed25519, so that the octets alone tell
   keys apart. */
static struct kept_key *
find_key(enum sign_algorithm algorithm, struct str key)
{
	struct map_node *node = map_find(&kept.keys, key);
	if (!kept.ages.head.next)
		list_init(&kept.ages);
	if (node) {
		struct kept_key *k = container_of(node, struct kept_key, node);
		list_remove(&k->age);
		list_push(&kept.ages, &k->age);
		return k;
	}
	struct kept_key *k = prepare(algorithm, key);
	if (k)
		keep(k, key.n);
	return k;
}

/* ---- signatures ---- */

/* RFC 8463 3: PureEdDSA over the digest */
static bool
verify_ed25519(EVP_PKEY *pkey, const unsigned char *signature, size_t n,
    const uint8_t *digest)
{
	EVP_MD_CTX *ctx = check(EVP_MD_CTX_new());
	bool good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, signature, n, digest, SIGN_DIGEST) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

bool
dkim_public_key_verify(enum sign_algorithm algorithm, struct str key,
    struct str signature, const uint8_t digest[SIGN_DIGEST])
{
	const unsigned char *bytes = (const unsigned char *)signature.p;
	struct kept_key *k = find_key(algorithm, key);
	bool good = false;
	if (k && k->rsa)
		good = EVP_PKEY_verify(k->rsa, bytes, signature.n, digest,
			   SIGN_DIGEST) == 1;
	else if (k)
		good = verify_ed25519(k->pkey, bytes, signature.n, digest);
	ERR_clear_error();
	return good;
}

size_t
dkim_public_key_kept(void)
{
	return kept.keys.count;
}

void
dkim_public_key_forget(void)
{
	struct list_node *node;
	while (kept.ages.head.next && (node = list_first(&kept.ages)))
		forget(container_of(node, struct kept_key, age));
	map_free(&kept.keys);
}
