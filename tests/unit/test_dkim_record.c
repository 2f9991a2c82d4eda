#include "lib/trust/dkim_record.h"

#include "lib/base/codec.h"
#include "lib/trust/dkim_public_key.h"
#include "tests/unit/assert_str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 8463 A.2 */
#define ED25519_KEY "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
/* 1024 bits, and the same without SubjectPublicKeyInfo around it */
#define RSA_KEY \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5" \
	"V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb" \
	"3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hst" \
	"T5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

static struct dkim_signature rsa, ed25519, subdomain;

static int
set_up(void **state)
{
	(void)state;
	rsa = (struct dkim_signature){ .algorithm = SIGN_RSA_SHA256,
		.known_algorithm = true,
		.domain = STR("example.com"),
		.selector = STR("sel"),
		.identity = STR("@example.com"),
		.identity_domain = STR("example.com") };
	ed25519 = rsa;
	ed25519.algorithm = SIGN_ED25519_SHA256;
	subdomain = rsa;
	subdomain.identity = STR("ann@sub.example.com");
	subdomain.identity_domain = STR("sub.example.com");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	dkim_public_key_forget();
	return 0;
}

/* ---- one record ---- */

static const struct {
	const struct dkim_signature *sig;
	const char *text;
	bool good;
} records[] = {
	{ &rsa, "v=DKIM1; k=rsa; p=" RSA_KEY, true },
	{ &rsa, "p=" RSA_KEY, true },
	{ &rsa, "p=" RSA_KEY "; v=DKIM1", false },
	{ &rsa, "v=DKIM2; p=" RSA_KEY, false },
	{ &rsa, "v=dkim1; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; ; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; p=" RSA_KEY "; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; unknown=1; n=a note; g=x; p=" RSA_KEY, true },
	/* k= must be that of the signature */
	{ &rsa, "v=DKIM1; k=ed25519; p=" ED25519_KEY, false },
	{ &rsa, "v=DKIM1; k=ed25519; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; k=dsa; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; k=; p=" RSA_KEY, false },
	{ &ed25519, "v=DKIM1; k=ed25519; p=" ED25519_KEY, true },
	{ &ed25519, "v=DKIM1; p=" ED25519_KEY, false },
	{ &ed25519, "v=DKIM1; k=ed25519; p=" RSA_KEY, false },
	/* h= must have sha256 */
	{ &rsa, "v=DKIM1; h=sha256; p=" RSA_KEY, true },
	{ &rsa, "v=DKIM1; h=sha1 : sha256; p=" RSA_KEY, true },
	{ &rsa, "v=DKIM1; h=sha1; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; h=; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; h=sha2567; p=" RSA_KEY, false },
	/* s= must have mail or everything */
	{ &rsa, "v=DKIM1; s=*; p=" RSA_KEY, true },
	{ &rsa, "v=DKIM1; s=email; p=" RSA_KEY, true },
	{ &rsa, "v=DKIM1; s=tlsrpt:email; p=" RSA_KEY, true },
	{ &rsa, "v=DKIM1; s=tlsrpt; p=" RSA_KEY, false },
	{ &rsa, "v=DKIM1; s=; p=" RSA_KEY, false },
	/* t=s wants i= of d= itself */
	{ &rsa, "v=DKIM1; t=s; p=" RSA_KEY, true },
	{ &subdomain, "v=DKIM1; t=s; p=" RSA_KEY, false },
	{ &subdomain, "v=DKIM1; t=y : s; p=" RSA_KEY, false },
	{ &subdomain, "v=DKIM1; t=y; p=" RSA_KEY, true },
	{ &subdomain, "v=DKIM1; t=; p=" RSA_KEY, true },
	/* p= */
	{ &rsa, "v=DKIM1; p=", false },
	{ &rsa, "v=DKIM1; p= ;", false },
	{ &rsa, "v=DKIM1; k=rsa", false },
	{ &rsa, "v=DKIM1; p=!!!!", false },
	{ &rsa, "v=DKIM1; p=AAAA!!!!", false },
	{ &rsa, "v=DKIM1; p=AAAA", false },
	{ &rsa, "v=DKIM1; p=" ED25519_KEY, false },
	{ &rsa, "v=spf1 -all", false },
	{ &rsa, "", false },
};

static void
records_are_read_as_the_rfc_says(void **state)
{
	struct arena arena = { 0 };
	struct dkim_record record;
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		const char *why = NULL;
		bool good = dkim_record_parse(str_of(records[i].text),
		    records[i].sig, &arena, &record, &why);
		if (good != records[i].good)
			fail_msg(
			    "%s: %s", good ? "accepted" : why, records[i].text);
		assert_int_equal(good, why == NULL);
	}
	arena_free(&arena);
}

static void
a_record_says_what_it_is(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_record record;
	const char *why;
	assert_true(dkim_record_parse(
	    STR("v=DKIM1; t=y:s; p=" RSA_KEY), &rsa, &arena, &record, &why));
	assert_int_equal(record.bits, 1024);
	assert_true(record.testing && record.strict);
	assert_true(dkim_record_parse(STR("v=DKIM1; k=ed25519; p=" ED25519_KEY),
	    &ed25519, &arena, &record, &why));
	assert_int_equal(record.key.n, 32);
	assert_false(record.testing || record.strict);
	assert_false(dkim_record_parse(
	    STR("v=DKIM1; t=y; p="), &rsa, &arena, &record, &why));
	assert_true(record.testing);
	assert_string_equal(why, "the key is revoked");
	assert_str(
	    dkim_record_name(&rsa, &arena), STR("sel._domainkey.example.com"));
	arena_free(&arena);
}

/* ---- what the DNS answers ---- */

enum {
	TEXTS = 4
};

static const struct {
	const struct dkim_signature *sig;
	enum dns_status dns;
	const char *texts[TEXTS];
	enum dkim_status status;
} answers[] = {
	{ &rsa, DNS_FOUND, { "p=" RSA_KEY }, DKIM_PASS },
	{ &rsa, DNS_NXDOMAIN, { NULL }, DKIM_PERMERROR },
	{ &rsa, DNS_NODATA, { NULL }, DKIM_PERMERROR },
	/* never a permanent error when we can't know */
	{ &rsa, DNS_TEMPFAIL, { NULL }, DKIM_TEMPERROR },
	/* two keys of one kind */
	{ &rsa, DNS_FOUND, { "p=" RSA_KEY, "v=DKIM1; p=" RSA_KEY },
	    DKIM_PERMERROR },
	{ &rsa, DNS_FOUND, { "v=DKIM1; p=" RSA_KEY, "v=DKIM1; p=" },
	    DKIM_PERMERROR },
	{ &rsa, DNS_FOUND, { "v=DKIM1; h=sha1; p=AAAA", "p=" RSA_KEY },
	    DKIM_PERMERROR },
	{ &rsa, DNS_FOUND, { "v=DKIM1; p=" RSA_KEY, "v=DKIM1; p" },
	    DKIM_PERMERROR },
	/* keys of two kinds */
	{ &rsa, DNS_FOUND,
	    { "v=DKIM1; k=ed25519; p=" ED25519_KEY, "v=DKIM1; p=" RSA_KEY },
	    DKIM_PASS },
	{ &ed25519, DNS_FOUND,
	    { "v=DKIM1; k=ed25519; p=" ED25519_KEY, "v=DKIM1; p=" RSA_KEY },
	    DKIM_PASS },
	{ &ed25519, DNS_FOUND, { "p=" RSA_KEY, "k=x; p=AAAA" },
	    DKIM_PERMERROR },
	/* records of other things */
	{ &rsa, DNS_FOUND,
	    { "v=spf1 -all", "p=" RSA_KEY, "v=DMARC1; p=none", "a note" },
	    DKIM_PASS },
	{ &rsa, DNS_FOUND, { "v=spf1 -all", "a note" }, DKIM_PERMERROR },
	{ &rsa, DNS_FOUND, { "v=spf1 -all" }, DKIM_PERMERROR },
};

static enum dkim_status
select_of(enum dns_status dns, const char *const texts[TEXTS],
    const struct dkim_signature *sig, struct arena *arena)
{
	struct dns_record all[TEXTS];
	struct dns_answer answer = { .status = dns, .records = all };
	struct dkim_record record;
	const char *why = NULL;
	for (size_t i = 0; i < TEXTS && texts[i]; i++)
		all[answer.count++] = (struct dns_record){ .type = DNS_TXT,
			.text = str_of(texts[i]) };
	enum dkim_status status =
	    dkim_record_select(&answer, sig, arena, &record, &why);
	assert_non_null(why);
	assert_int_equal(status == DKIM_PASS, record.key.n > 0 && !*why);
	return status;
}

static void
answers_are_judged_as_the_rfc_says(void **state)
{
	struct arena arena = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		enum dkim_status got = select_of(
		    answers[i].dns, answers[i].texts, answers[i].sig, &arena);
		if (got != answers[i].status)
			fail_msg("%zu: %d, not %d", i, (int)got,
			    (int)answers[i].status);
	}
	arena_free(&arena);
}

/* ---- RSA keys ---- */

/* DER: tag, length in two octets, contents. */
static void
add_element(struct buf *out, char tag, struct str inside)
{
	buf_addc(out, tag);
	buf_addc(out, (char)0x82);
	buf_addc(out, (char)(inside.n >> 8));
	buf_addc(out, (char)(inside.n & 255));
	buf_add(out, inside);
}

/* RSAPublicKey with a modulus of that many bits, all of them set. */
static struct buf
key_of(size_t bits, struct str exponent)
{
	struct buf modulus = { 0 }, inside = { 0 }, out = { 0 };
	if (bits % 8 == 0)
		buf_addc(&modulus, 0);
	else
		buf_addc(&modulus, (char)((1 << bits % 8) - 1));
	for (size_t i = 0; i < bits / 8; i++)
		buf_addc(&modulus, (char)255);
	add_element(&inside, 2, buf_str(&modulus));
	add_element(&inside, 2, exponent);
	add_element(&out, 0x30, buf_str(&inside));
	buf_free(&modulus);
	buf_free(&inside);
	return out;
}

static const struct {
	size_t bits;
	struct str exponent;
	bool good;
} rsa_keys[] = {
	{ 1024, TEXT("\1\0\1"), true },
	{ 1023, TEXT("\1\0\1"), true },
	{ 2048, TEXT("\3"), true },
	{ 16384, TEXT("\1\0\1"), true }, /* judged by its record */
	{ 2048, TEXT("\0\xff\xff\xff\xff"), true },
	{ 2048, TEXT("\1"), false },
	{ 2048, TEXT("\2"), false },
	{ 2048, TEXT("\0"), false },
	{ 2048, TEXT(""), false },
	{ 2048, TEXT("\xff"), false },
	{ 2048, TEXT("\0\0\1\0\1"), false },
	{ 2048, TEXT("\1\0\0\0\1"), false },
};

static void
rsa_keys_have_sensible_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rsa_keys / sizeof *rsa_keys; i++) {
		struct dkim_rsa key;
		struct buf der = key_of(rsa_keys[i].bits, rsa_keys[i].exponent);
		assert_int_equal(
		    dkim_rsa_parse(buf_str(&der), &key), rsa_keys[i].good);
		if (rsa_keys[i].good)
			assert_int_equal(key.bits, rsa_keys[i].bits);
		buf_free(&der);
	}
}

static void
keys_come_with_or_without_their_wrapping(void **state)
{
	(void)state;
	struct dkim_rsa wrapped, bare;
	struct buf der = { 0 };
	assert_true(base64_read(&der, STR(RSA_KEY)));
	assert_true(dkim_rsa_parse(buf_str(&der), &wrapped));
	assert_true(dkim_rsa_parse(wrapped.key, &bare));
	assert_str(bare.key, wrapped.key);
	assert_int_equal(bare.bits, 1024);
	buf_free(&der);
}

/* Each prefix, and each octet changed: read or refused, but within bounds. */
static void
damaged_keys_are_harmless(void **state)
{
	(void)state;
	struct dkim_rsa key;
	struct buf der = { 0 };
	assert_true(base64_read(&der, STR(RSA_KEY)));
	for (size_t n = 0; n < der.n; n++) {
		struct buf part = buf_of(str_sub(buf_str(&der), 0, n));
		assert_false(dkim_rsa_parse(buf_str(&part), &key));
		buf_free(&part);
	}
	for (size_t i = 0; i < 28; i++) { /* up to the modulus */
		struct buf odd = buf_of(buf_str(&der));
		odd.p[i] ^= 0x40;
		assert_false(dkim_rsa_parse(buf_str(&odd), &key));
		buf_free(&odd);
	}
	buf_addc(&der, 0);
	assert_false(dkim_rsa_parse(buf_str(&der), &key));
	buf_free(&der);
}

static const struct {
	size_t bits;
	enum dkim_status status;
} sizes[] = {
	{ 512, DKIM_POLICY },
	{ 1023, DKIM_POLICY },
	{ 1024, DKIM_PASS },
	{ 4096, DKIM_PASS },
	{ 4097, DKIM_POLICY },
	{ 16384, DKIM_POLICY },
};

/* RFC 8301 3.2 */
static void
keys_that_are_too_short_or_too_long_are_not_used(void **state)
{
	struct arena arena = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buf der = key_of(sizes[i].bits, STR("\1\0\1"));
		struct buf text = { 0 };
		struct dns_record record = { .type = DNS_TXT };
		struct dns_answer answer = { .count = 1, .records = &record };
		struct dkim_record parsed;
		const char *why;
		buf_adds(&text, "v=DKIM1; p=");
		base64_add(&text, buf_str(&der));
		record.text = buf_str(&text);
		assert_int_equal(
		    dkim_record_select(&answer, &rsa, &arena, &parsed, &why),
		    sizes[i].status);
		assert_int_equal(parsed.bits, sizes[i].bits);
		buf_free(&der);
		buf_free(&text);
	}
	arena_free(&arena);
}

/* TXT of 64 KB: nothing is decoded that no key needs. */
static void
huge_records_cost_little(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct dkim_record record;
	struct buf text = { 0 };
	const char *why;
	buf_adds(&text, "v=DKIM1; p=");
	while (text.n < 65000)
		buf_adds(&text, "AAAA");
	assert_false(
	    dkim_record_parse(buf_str(&text), &rsa, &arena, &record, &why));
	assert_in_range(arena_size(&arena), 0, 4096);
	buf_free(&text);
	arena_free(&arena);
}

/* ---- signatures ---- */

static struct str
rsa_key_of(EVP_PKEY *pkey, struct arena *arena)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);
	assert_true(n > 0);
	struct dkim_rsa key;
	struct str copy =
	    arena_str(arena, (struct str){ (char *)der, (size_t)n });
	OPENSSL_free(der);
	assert_true(dkim_rsa_parse(copy, &key));
	return key.key;
}

static struct str
sign(EVP_PKEY *pkey, const uint8_t digest[32], struct arena *arena)
{
	unsigned char out[512];
	size_t n = sizeof out;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	assert_int_equal(1, EVP_PKEY_sign_init(ctx));
	assert_int_equal(1, EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()));
	assert_int_equal(1, EVP_PKEY_sign(ctx, out, &n, digest, 32));
	EVP_PKEY_CTX_free(ctx);
	return arena_str(arena, (struct str){ (char *)out, n });
}

static void
signatures_fit_their_key_and_digest_alone(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	uint8_t digest[32] = { 1 }, other[32] = { 2 };
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	struct str key = rsa_key_of(pkey, &arena);
	struct str good = sign(pkey, digest, &arena);
	struct buf bad = buf_of(good);
	bad.p[100] ^= 1;
	for (int twice = 0; twice < 2; twice++) {
		assert_true(
		    dkim_public_key_verify(SIGN_RSA_SHA256, key, good, digest));
		assert_false(
		    dkim_public_key_verify(SIGN_RSA_SHA256, key, good, other));
		assert_false(dkim_public_key_verify(
		    SIGN_RSA_SHA256, key, buf_str(&bad), digest));
		assert_false(dkim_public_key_verify(
		    SIGN_RSA_SHA256, key, str_from(good, 1), digest));
		assert_false(dkim_public_key_verify(
		    SIGN_RSA_SHA256, key, STR("x"), digest));
	}
	assert_int_equal(dkim_public_key_kept(), 1);
	buf_free(&bad);
	EVP_PKEY_free(pkey);
	arena_free(&arena);
}

static void
the_number_of_kept_keys_is_bounded(void **state)
{
	(void)state;
	uint8_t digest[32] = { 0 }, key[32] = { 0 };
	char signature[64] = { 0 };
	struct str octets = { (char *)key, sizeof key };
	struct str bytes = { signature, sizeof signature };
	for (unsigned i = 0; i < 3 * DKIM_KEYS_KEPT; i++) {
		key[0] = (uint8_t)i;
		key[1] = 0x5a;
		dkim_public_key_verify(
		    SIGN_ED25519_SHA256, octets, bytes, digest);
		assert_in_range(dkim_public_key_kept(), 1, DKIM_KEYS_KEPT);
	}
	assert_int_equal(dkim_public_key_kept(), DKIM_KEYS_KEPT);
	dkim_public_key_forget();
	assert_int_equal(dkim_public_key_kept(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_the_rfc_says),
		cmocka_unit_test(a_record_says_what_it_is),
		cmocka_unit_test(answers_are_judged_as_the_rfc_says),
		cmocka_unit_test(rsa_keys_have_sensible_numbers),
		cmocka_unit_test(keys_come_with_or_without_their_wrapping),
		cmocka_unit_test(damaged_keys_are_harmless),
		cmocka_unit_test(
		    keys_that_are_too_short_or_too_long_are_not_used),
		cmocka_unit_test(huge_records_cost_little),
		cmocka_unit_test_teardown(
		    signatures_fit_their_key_and_digest_alone, tear_down),
		cmocka_unit_test_teardown(
		    the_number_of_kept_keys_is_bounded, tear_down),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
