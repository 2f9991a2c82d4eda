#include "signer/keyring.h"

#include "lib/base/file.h"
#include "signer/sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MANY = 10
};

/* A folder like DATA/keys, with good keys and bad ones. */
static char folder[] = "/tmp/postern-keyring-XXXXXX";
static EVP_PKEY *rsa, *ed25519;
static struct keyring ring;

static const char *
path_of(struct buf *path, const char *name)
{
	buf_clear(path);
	buf_addf(path, "%s/%s", folder, name);
	return buf_cstr(path);
}

static void
make_folder(const char *name)
{
	struct buf path = { 0 };
	assert_true(file_mkdirs(path_of(&path, name), 0700));
	buf_free(&path);
}

static void
write_text(const char *name, struct str text, mode_t mode)
{
	struct buf path = { 0 };
	assert_true(file_create(
	    path_of(&path, name), text, mode, (uid_t)-1, (gid_t)-1));
	buf_free(&path);
}

static void
write_key(
    const char *name, EVP_PKEY *pkey, const EVP_CIPHER *cipher, mode_t mode)
{
	char password[] = "secret", *text;
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(1,
	    PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher,
		cipher ? password : NULL, cipher ? 6 : 0, NULL, NULL));
	long n = BIO_get_mem_data(bio, &text);
	write_text(name, (struct str){ text, (size_t)n }, mode);
	BIO_free(bio);
}

/* What can't be used stands beside what can. */
static void
write_bad_ones(void)
{
	EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	EVP_PKEY *curve = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	write_key("example.com/small.pem", small, NULL, 0400);
	write_key("example.com/curve.pem", curve, NULL, 0400);
	write_key("example.com/group.pem", rsa, NULL, 0440);
	write_key("example.com/world.pem", rsa, NULL, 0404);
	write_key("example.com/locked.pem", rsa, EVP_aes_256_cbc(), 0400);
	write_key("example.com/two.labels.pem", rsa, NULL, 0400);
	write_key("example.com/notes.txt", rsa, NULL, 0400);
	write_key("example.com/.pem", rsa, NULL, 0400);
	write_text("example.com/garbage.pem", STR("not a key\n"), 0400);
	write_text("example.com/empty.pem", STR(""), 0400);
	write_key("not_a_domain/postern.pem", rsa, NULL, 0400);
	write_key("Upper.example/postern.pem", rsa, NULL, 0400);
	write_text("stray", STR("a file, no folder\n"), 0400);
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
}

static int
setup(void **state)
{
	static const char *const folders[] = { "example.com", "example.net",
		"many.example", "bare.example", "not_a_domain", "Upper.example",
		"example.com/folder.pem" };
	(void)state;
	rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!mkdtemp(folder) || !rsa || !ed25519)
		return -1;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		make_folder(folders[i]);
	write_key("example.com/postern.pem", rsa, NULL, 0400);
	write_key("example.com/a-second.pem", ed25519, NULL, 0600);
	write_key("example.net/postern.pem", rsa, NULL, 0400);
	for (int i = 0; i < MANY; i++) {
		struct buf name = { 0 };
		buf_addf(&name, "many.example/k%d.pem", 7 * i % MANY);
		write_key(buf_cstr(&name), ed25519, NULL, 0400);
		buf_free(&name);
	}
	write_bad_ones();
	keyring_load(&ring, folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	struct buf command = { 0 };
	keyring_free(&ring);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed25519);
	buf_addf(&command, "rm -rf %s", folder);
	int status = system(buf_cstr(&command));
	buf_free(&command);
	return status;
}

static void
good_keys_are_found_in_order(void **state)
{
	(void)state;
	const struct key_domain *d = keyring_find(&ring, STR("example.com"));
	assert_non_null(d);
	assert_int_equal(d->count, 2);
	assert_string_equal(d->keys[0].selector.p, "a-second");
	assert_int_equal(d->keys[0].key.algorithm, SIGN_ED25519_SHA256);
	assert_string_equal(d->keys[1].selector.p, "postern");
	assert_int_equal(d->keys[1].key.algorithm, SIGN_RSA_SHA256);
	d = keyring_find(&ring, STR("example.net"));
	assert_non_null(d);
	assert_int_equal(d->count, 1);
	d = keyring_find(&ring, STR("many.example"));
	assert_non_null(d);
	assert_int_equal(d->count, MANY);
	for (int i = 1; i < MANY; i++)
		assert_true(
		    str_cmp(d->keys[i - 1].selector, d->keys[i].selector) < 0);
}

static void
bad_keys_cost_only_themselves(void **state)
{
	static const char *const strangers[] = { "", "bare.example",
		"upper.example", "not_a_domain", "com", "www.example.com" };
	(void)state;
	assert_int_equal(ring.domains.count, 3);
	assert_int_equal(ring.key_count, 3 + MANY);
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		assert_null(keyring_find(&ring, str_of(strangers[i])));
}

static void
missing_folder_is_an_empty_ring(void **state)
{
	(void)state;
	struct keyring none = { 0 };
	keyring_load(&none, "/nonexistent/keys");
	assert_int_equal(none.key_count, 0);
	assert_null(keyring_find(&none, STR("example.com")));
	keyring_free(&none);
}

/* ---- answers ---- */

struct answer_case {
	const char *domain;
	uint32_t kind, key;
	enum sign_status status;
	const char *selector;
	enum sign_algorithm algorithm;
	uint32_t keys, length;
};

static const struct answer_case answers[] = {
	{ "example.com", SIGN_LIST, 0, SIGN_OK, "a-second", SIGN_ED25519_SHA256,
	    2, 0 },
	{ "example.com", SIGN_LIST, 1, SIGN_OK, "postern", SIGN_RSA_SHA256, 2,
	    0 },
	{ "example.com", SIGN_SIGN, 0, SIGN_OK, "a-second", SIGN_ED25519_SHA256,
	    2, 64 },
	{ "example.com", SIGN_SIGN, 1, SIGN_OK, "postern", SIGN_RSA_SHA256, 2,
	    256 },
	{ "example.com", SIGN_SIGN, 2, SIGN_NO_KEY, "", 0, 2, 0 },
	{ "example.com", SIGN_SIGN, UINT32_MAX, SIGN_NO_KEY, "", 0, 2, 0 },
	{ "example.net", SIGN_SIGN, 0, SIGN_OK, "postern", SIGN_RSA_SHA256, 1,
	    256 },
	{ "example.org", SIGN_LIST, 0, SIGN_NO_KEY, "", 0, 0, 0 },
	{ "example.org", SIGN_SIGN, 0, SIGN_NO_KEY, "", 0, 0, 0 },
	{ "Example.com", SIGN_LIST, 0, SIGN_NO_KEY, "", 0, 0, 0 },
	{ "", SIGN_LIST, 0, SIGN_NO_KEY, "", 0, 0, 0 },
	{ "example.com", 0, 0, SIGN_FAILED, "a-second", SIGN_ED25519_SHA256, 2,
	    0 },
	{ "example.com", 3, 0, SIGN_FAILED, "a-second", SIGN_ED25519_SHA256, 2,
	    0 },
};

static bool
verifies(const struct sign_answer *a)
{
	bool good;
	if (a->algorithm == SIGN_RSA_SHA256) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
		good = EVP_PKEY_verify_init(ctx) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		    EVP_PKEY_verify(ctx, a->signature, a->length, a->digest,
			SIGN_DIGEST) == 1;
		EVP_PKEY_CTX_free(ctx);
	} else {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, ed25519) &&
		    EVP_DigestVerify(ctx, a->signature, a->length, a->digest,
			SIGN_DIGEST) == 1;
		EVP_MD_CTX_free(ctx);
	}
	return good;
}

static void
questions_are_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		const struct answer_case *c = &answers[i];
		struct sign_question q = {
			.id = 0x123456789abcdef0, .kind = c->kind, .key = c->key
		};
		struct sign_answer a;
		snprintf(q.domain, sizeof q.domain, "%s", c->domain);
		memset(q.digest, (int)i, sizeof q.digest);
		signer_answer(&ring, &q, &a);
		assert_int_equal(a.id, q.id);
		assert_memory_equal(a.digest, q.digest, SIGN_DIGEST);
		assert_int_equal(a.status, c->status);
		assert_string_equal(a.selector, c->selector);
		assert_int_equal(a.algorithm, c->algorithm);
		assert_int_equal(a.keys, c->keys);
		assert_int_equal(a.length, c->length);
		if (c->length)
			assert_true(verifies(&a));
	}
}

/* What smtpd sends need not end in NUL. */
static void
unterminated_domain_is_nobodys(void **state)
{
	(void)state;
	struct sign_question q = { .kind = SIGN_LIST };
	struct sign_answer a;
	memset(q.domain, 'a', sizeof q.domain);
	signer_answer(&ring, &q, &a);
	assert_int_equal(a.status, SIGN_NO_KEY);
}

static void
warm_up_signs_with_what_there_is(void **state)
{
	(void)state;
	struct keyring none = { 0 };
	signer_warm_up(&none);
	signer_warm_up(&ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_keys_are_found_in_order),
		cmocka_unit_test(bad_keys_cost_only_themselves),
		cmocka_unit_test(missing_folder_is_an_empty_ring),
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(unterminated_domain_is_nobodys),
		cmocka_unit_test(warm_up_signs_with_what_there_is),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
