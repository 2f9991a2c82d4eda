#include "keygen/keygen.h"

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/file.h"
#include "lib/trust/dkim_key.h"
#include "tests/fakes/clock.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
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
	WORDS = 4
};

static char said[1024];

/* main.c's, which tests aren't linked with. */
enum keygen_exit
keygen_say(enum keygen_exit code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(said, sizeof said, format, arguments);
	va_end(arguments);
	return code;
}

/* ---- a data folder of its own for each test ---- */

struct bench {
	char data[32];
	struct keygen keygen;
};

static int
setup(void **state)
{
	static struct bench b;
	b = (struct bench){ .data = "/tmp/postern-keygen-XXXXXX" };
	if (!mkdtemp(b.data))
		return -1;
	b.keygen.data = b.data;
	*state = &b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	struct buf command = { 0 };
	buf_addf(&command, "rm -rf %s", b->data);
	int status = system(buf_cstr(&command));
	buf_free(&command);
	buf_free(&b->keygen.output);
	arena_free(&b->keygen.arena);
	return status;
}

static const char *
path_of(struct bench *b, const char *name)
{
	return arena_printf(&b->keygen.arena, "%s/%s", b->data, name).p;
}

/* Runs a command, its words ended by NULL or their full number. */
static enum keygen_exit
run(struct bench *b, enum keygen_exit (*command)(struct keygen *),
    const char *const words[WORDS])
{
	char *copies[WORDS];
	struct keygen *k = &b->keygen;
	buf_clear(&k->output);
	said[0] = '\0';
	k->words = copies;
	for (k->count = 0; k->count < WORDS && words[k->count]; k->count++)
		copies[k->count] = mem_cstr(str_of(words[k->count]));
	enum keygen_exit code = command(k);
	for (size_t i = 0; i < k->count; i++)
		free(copies[i]);
	return code;
}

static unsigned
mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(0, stat(path, &st));
	return st.st_mode & 07777;
}

static struct buf
bytes_of(const char *path)
{
	struct buf b = { 0 };
	assert_true(file_read(path, 65536, &b));
	return b;
}

/* ---- DKIM ---- */

struct type_case {
	const char *words[WORDS];
	const char *file; /* below the data folder */
	enum sign_algorithm algorithm;
	int bits;
	const char *record; /* how it begins */
};

static const struct type_case types[] = {
	{ { "example.com", "postern" }, "keys/example.com/postern.pem",
	    SIGN_RSA_SHA256, 2048, "v=DKIM1; k=rsa; p=MIIBIjANBgkqh" },
	{ { "Example.COM", "b", "--type", "rsa2048" }, "keys/example.com/b.pem",
	    SIGN_RSA_SHA256, 2048, "v=DKIM1; k=rsa; p=MIIBIjANBgkqh" },
	{ { "example.com", "c", "--type", "ed25519" }, "keys/example.com/c.pem",
	    SIGN_ED25519_SHA256, 256, "v=DKIM1; k=ed25519; p=" },
};

/* The record's key is the public half of the file's. */
static void
check_record(const struct dkim_key *key, struct str record)
{
	struct str text = str_from(record, str_search(record, STR("p=")) + 2);
	struct buf bytes = { 0 };
	assert_true(base64_read(&bytes, str_trim(text)));
	const unsigned char *der = (unsigned char *)bytes.p;
	EVP_PKEY *public = key->algorithm == SIGN_RSA_SHA256
	    ? d2i_PUBKEY(NULL, &der, (long)bytes.n)
	    : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, der, bytes.n);
	assert_int_equal(1, EVP_PKEY_eq(public, key->pkey));
	EVP_PKEY_free(public);
	buf_free(&bytes);
}

static void
dkim_keys_are_made(void **state)
{
	struct bench *b = *state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct type_case *c = &types[i];
		const char *path = path_of(b, c->file);
		const char *show[WORDS] = { c->words[0], c->words[1] };
		struct dkim_key key;
		assert_int_equal(KEYGEN_DONE, run(b, dkim_make, c->words));
		assert_int_equal(mode_of(path), 0400);
		assert_null(dkim_key_read(&key, path));
		assert_int_equal(key.algorithm, c->algorithm);
		assert_int_equal(EVP_PKEY_get_bits(key.pkey), c->bits);
		struct buf made = buf_take(&b->keygen.output);
		assert_true(str_starts(buf_str(&made), str_of(c->record)));
		assert_true(str_ends(buf_str(&made), STR("\n")));
		check_record(&key, buf_str(&made));
		assert_int_equal(KEYGEN_DONE, run(b, dkim_show, show));
		assert_string_equal(
		    buf_cstr(&b->keygen.output), buf_cstr(&made));
		buf_free(&made);
		dkim_key_free(&key);
	}
	assert_int_equal(mode_of(path_of(b, "keys")), 0700);
	assert_int_equal(mode_of(path_of(b, "keys/example.com")), 0700);
}

static void
dkim_keys_are_never_overwritten(void **state)
{
	struct bench *b = *state;
	static const char *const words[WORDS] = { "example.com", "postern",
		"--type", "ed25519" };
	const char *path = path_of(b, "keys/example.com/postern.pem");
	assert_int_equal(KEYGEN_DONE, run(b, dkim_make, words));
	struct buf before = bytes_of(path);
	assert_int_equal(KEYGEN_EXISTS, run(b, dkim_make, words));
	assert_int_equal(b->keygen.output.n, 0);
	assert_non_null(strstr(said, path));
	struct buf after = bytes_of(path);
	assert_string_equal(buf_cstr(&before), buf_cstr(&after));
	buf_free(&before);
	buf_free(&after);
}

static void
bad_words_are_refused(void **state)
{
	static const char *const cases[][WORDS] = {
		{ "example..com", "postern" },
		{ "", "postern" },
		{ "../example.com", "postern" },
		{ "example.com", "" },
		{ "example.com", "a.b" },
		{ "example.com", "../a" },
		{ "example.com", "a", "--type" },
		{ "example.com", "a", "--type", "rsa1024" },
		{ "example.com", "a", "--sort", "rsa2048" },
	};
	struct bench *b = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(KEYGEN_USAGE, run(b, dkim_make, cases[i]));
		assert_true(said[0] != '\0');
	}
	assert_false(file_exists(path_of(b, "keys")));
}

static void
unusable_keys_are_told_apart(void **state)
{
	struct bench *b = *state;
	static const char *const words[WORDS] = { "example.com", "postern" };
	const char *path = path_of(b, "keys/example.com/postern.pem");
	assert_int_equal(KEYGEN_MISSING, run(b, dkim_show, words));
	assert_true(file_mkdirs(path_of(b, "keys/example.com"), 0700));
	assert_true(
	    file_create(path, STR("garbage"), 0400, (uid_t)-1, (gid_t)-1));
	assert_int_equal(KEYGEN_FAILED, run(b, dkim_show, words));
	assert_int_equal(KEYGEN_EXISTS, run(b, dkim_make, words));
	/* a folder that can't be made: a file stands there */
	static const char *const other[WORDS] = { "example.net", "postern",
		"--type", "ed25519" };
	assert_true(file_create(path_of(b, "keys/example.net"), STR(""), 0400,
	    (uid_t)-1, (gid_t)-1));
	assert_int_equal(KEYGEN_FAILED, run(b, dkim_make, other));
}

/* ---- certificates ---- */

static const char *const names[WORDS] = { "Mail.example.com",
	"mta-sts.example.com" };

static X509 *
read_certificate(struct bench *b)
{
	FILE *f = fopen(path_of(b, "tls/cert.pem"), "r");
	assert_non_null(f);
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static EVP_PKEY *
read_tls_key(struct bench *b)
{
	FILE *f = fopen(path_of(b, "tls/key.pem"), "r");
	assert_non_null(f);
	EVP_PKEY *pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(pkey);
	return pkey;
}

static int64_t
seconds_of(const ASN1_TIME *t)
{
	struct tm tm;
	assert_int_equal(1, ASN1_TIME_to_tm(t, &tm));
	return (int64_t)timegm(&tm);
}

static void
certificate_fits_its_key_and_names(void **state)
{
	struct bench *b = *state;
	assert_int_equal(KEYGEN_DONE, run(b, certificate_make, names));
	assert_int_equal(mode_of(path_of(b, "tls/cert.pem")), 0640);
	assert_int_equal(mode_of(path_of(b, "tls/key.pem")), 0640);
	X509 *x = read_certificate(b);
	EVP_PKEY *pkey = read_tls_key(b);
	assert_true(EVP_PKEY_is_a(pkey, "EC"));
	assert_int_equal(EVP_PKEY_get_bits(pkey), 256);
	assert_int_equal(1, X509_check_private_key(x, pkey));
	assert_int_equal(1, X509_verify(x, pkey));
	assert_int_equal(1, X509_check_host(x, "mail.example.com", 0, 0, NULL));
	assert_int_equal(
	    1, X509_check_host(x, "mta-sts.example.com", 0, 0, NULL));
	assert_int_equal(0, X509_check_host(x, "example.com", 0, 0, NULL));
	assert_int_equal(0, X509_check_ca(x));
	int64_t now = fake_clock.wall_ms / 1000;
	assert_int_equal(seconds_of(X509_get0_notBefore(x)), now - 3600);
	assert_int_equal(seconds_of(X509_get0_notAfter(x)), now + 825 * 86400);
	assert_true(ASN1_INTEGER_get(X509_get0_serialNumber(x)) != 0);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static void
long_names_are_names_too(void **state)
{
	static const char *const words[WORDS] = {
		"a-name-of-more-than-sixty-four-octets."
		"which-is-what-a-common-name-may-have.example",
	};
	struct bench *b = *state;
	assert_int_equal(KEYGEN_DONE, run(b, certificate_make, words));
	X509 *x = read_certificate(b);
	assert_int_equal(1, X509_check_host(x, words[0], 0, 0, NULL));
	X509_free(x);
}

static void
certificate_is_never_overwritten(void **state)
{
	struct bench *b = *state;
	assert_int_equal(KEYGEN_DONE, run(b, certificate_make, names));
	struct buf before = bytes_of(path_of(b, "tls/cert.pem"));
	assert_int_equal(KEYGEN_EXISTS, run(b, certificate_make, names));
	struct buf after = bytes_of(path_of(b, "tls/cert.pem"));
	assert_string_equal(buf_cstr(&before), buf_cstr(&after));
	buf_free(&before);
	buf_free(&after);
}

/* The certificate that is there now, after making one for that name again. */
static X509 *
made_again(struct bench *b, const char *name, enum keygen_exit wanted)
{
	const char *const words[WORDS] = { name };
	assert_int_equal(wanted, run(b, certificate_make, words));
	assert_int_equal(mode_of(path_of(b, "tls/cert.pem")), 0640);
	return read_certificate(b);
}

/* RFC 6698: what TLSA says of the key holds on. */
static void
new_host_name_gets_a_new_certificate_of_the_same_key(void **state)
{
	struct bench *b = *state;
	X509 *x = made_again(b, "mail.example.com", KEYGEN_DONE);
	X509_free(x);
	EVP_PKEY *pkey = read_tls_key(b);
	x = made_again(b, "mx.example.net", KEYGEN_DONE);
	assert_int_equal(1, X509_check_host(x, "mx.example.net", 0, 0, NULL));
	assert_int_equal(0, X509_check_host(x, "mail.example.com", 0, 0, NULL));
	assert_int_equal(1, X509_check_private_key(x, pkey));
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static void
certificate_is_made_anew_a_month_before_it_expires(void **state)
{
	const int64_t day_ms = 86400000;
	struct bench *b = *state;
	X509_free(made_again(b, "mail.example.com", KEYGEN_DONE));
	fake_clock.wall_ms += (825 - 31) * day_ms;
	X509_free(made_again(b, "mail.example.com", KEYGEN_EXISTS));
	fake_clock.wall_ms += 2 * day_ms;
	X509 *x = made_again(b, "mail.example.com", KEYGEN_DONE);
	assert_int_equal(seconds_of(X509_get0_notAfter(x)),
	    fake_clock.wall_ms / 1000 + 825 * 86400);
	X509_free(x);
}

/* In tls/ by hand: an authority's, or garbage. */
static void
certificate_of_somebody_else_stays(void **state)
{
	static const char garbage[] = "-----BEGIN CERTIFICATE-----\n";
	struct bench *b = *state;
	const char *path = path_of(b, "tls/cert.pem");
	X509 *x = made_again(b, "mail.example.com", KEYGEN_DONE);
	EVP_PKEY *pkey = read_tls_key(b);
	X509_NAME *name = X509_NAME_new();
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
	    (const unsigned char *)"Authority", -1, -1, 0);
	X509_set_issuer_name(x, name);
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	assert_int_equal(0, unlink(path));
	assert_true(pem_write_certificate(path, x, 0640, false));
	X509_free(x);
	x = made_again(b, "mx.example.net", KEYGEN_EXISTS);
	assert_int_equal(1, X509_check_host(x, "mail.example.com", 0, 0, NULL));
	X509_NAME_free(name);
	X509_free(x);
	EVP_PKEY_free(pkey);
	assert_true(
	    file_replace(path, str_of(garbage), 0640, (uid_t)-1, (gid_t)-1));
	assert_int_equal(KEYGEN_EXISTS, run(b, certificate_make, names));
	struct buf after = bytes_of(path);
	assert_string_equal(buf_cstr(&after), garbage);
	buf_free(&after);
}

/* The key is written first. */
static void
key_that_a_crash_left_is_used(void **state)
{
	struct bench *b = *state;
	assert_int_equal(KEYGEN_DONE, run(b, certificate_make, names));
	struct buf before = bytes_of(path_of(b, "tls/key.pem"));
	assert_int_equal(0, unlink(path_of(b, "tls/cert.pem")));
	assert_int_equal(KEYGEN_DONE, run(b, certificate_make, names));
	struct buf after = bytes_of(path_of(b, "tls/key.pem"));
	assert_string_equal(buf_cstr(&before), buf_cstr(&after));
	X509 *x = read_certificate(b);
	EVP_PKEY *pkey = read_tls_key(b);
	assert_int_equal(1, X509_check_private_key(x, pkey));
	X509_free(x);
	EVP_PKEY_free(pkey);
	buf_free(&before);
	buf_free(&after);
}

static void
unusable_tls_key_is_left_alone(void **state)
{
	struct bench *b = *state;
	const char *path = path_of(b, "tls/key.pem");
	assert_true(file_mkdirs(path_of(b, "tls"), 0750));
	assert_true(
	    file_create(path, STR("garbage"), 0640, (uid_t)-1, (gid_t)-1));
	assert_int_equal(KEYGEN_FAILED, run(b, certificate_make, names));
	assert_false(file_exists(path_of(b, "tls/cert.pem")));
}

static void
names_that_are_none_are_refused(void **state)
{
	static const char *const cases[][WORDS] = {
		{ "" },
		{ "mail.example.com", "a,DNS:b" },
		{ "mail example.com" },
		{ "-a.example" },
	};
	struct bench *b = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
		    KEYGEN_USAGE, run(b, certificate_make, cases[i]));
	assert_false(file_exists(path_of(b, "tls")));
}

/* RFC 6698 2.1.1: the SubjectPublicKeyInfo is the key's, whatever the
   certificate */
static void
tlsa_names_the_key(void **state)
{
	static const char *const nothing[WORDS] = { NULL };
	struct bench *b = *state;
	assert_int_equal(KEYGEN_MISSING, run(b, certificate_tlsa, nothing));
	assert_int_equal(KEYGEN_DONE, run(b, certificate_make, names));
	assert_int_equal(KEYGEN_DONE, run(b, certificate_tlsa, nothing));
	EVP_PKEY *pkey = read_tls_key(b);
	unsigned char *der = NULL, digest[32];
	int n = i2d_PUBKEY(pkey, &der);
	assert_true(n > 0);
	EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL);
	struct buf wanted = { 0 };
	buf_adds(&wanted, "3 1 1 ");
	hex_add(&wanted, (struct str){ (char *)digest, 32 });
	buf_addc(&wanted, '\n');
	assert_string_equal(buf_cstr(&b->keygen.output), buf_cstr(&wanted));
	buf_free(&wanted);
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(dkim_keys_are_made),
		BENCH_TEST(dkim_keys_are_never_overwritten),
		BENCH_TEST(bad_words_are_refused),
		BENCH_TEST(unusable_keys_are_told_apart),
		BENCH_TEST(certificate_fits_its_key_and_names),
		BENCH_TEST(long_names_are_names_too),
		BENCH_TEST(certificate_is_never_overwritten),
		BENCH_TEST(
		    new_host_name_gets_a_new_certificate_of_the_same_key),
		BENCH_TEST(certificate_is_made_anew_a_month_before_it_expires),
		BENCH_TEST(certificate_of_somebody_else_stays),
		BENCH_TEST(key_that_a_crash_left_is_used),
		BENCH_TEST(unusable_tls_key_is_left_alone),
		BENCH_TEST(names_that_are_none_are_refused),
		BENCH_TEST(tlsa_names_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
