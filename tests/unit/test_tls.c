#include "lib/net/tls.h"
#include "tests/unit/tls_pair.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_tls.XXXXXX";

static const char *
path(char text[64], const char *name)
{
	snprintf(text, 64, "%s/%s.pem", folder, name);
	return text;
}

static void
test_pairs(void **state)
{
	(void)state;
	static const struct {
		const char *certificate, *key, *why;
	} cases[] = {
		{ "a.cert", "a.key", NULL },
		{ "a.cert", "b.key",
		    "the key does not belong to the certificate" },
		{ "none", "a.key", "the certificate can't be read" },
		{ "a.key", "a.key", "the certificate can't be read" },
		{ "a.cert", "none", "the key can't be read" },
		{ "a.cert", "b.cert", "the key can't be read" },
		{ "a.cert", "locked.key", "the key can't be read" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char certificate[64], key[64];
		const char *why = "unset";
		struct tls_context *tls =
		    tls_server(path(certificate, cases[i].certificate),
			path(key, cases[i].key), false, &why);
		assert_int_equal(tls != NULL, cases[i].why == NULL);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
		tls_free(tls);
	}
}

static void
test_tickets_are_a_choice(void **state)
{
	(void)state;
	char certificate[64], key[64];
	for (int tickets = 0; tickets <= 1; tickets++) {
		const char *why;
		struct tls_context *tls =
		    tls_server(path(certificate, "a.cert"), path(key, "a.key"),
			tickets, &why);
		assert_non_null(tls);
		bool none = SSL_CTX_get_options(tls->ctx) & SSL_OP_NO_TICKET;
		assert_int_equal(none, !tickets);
		assert_int_equal(
		    SSL_CTX_get_num_tickets(tls->ctx) > 0, tickets);
		assert_true(
		    SSL_CTX_get_options(tls->ctx) & SSL_OP_NO_RENEGOTIATION);
		assert_int_equal(
		    SSL_CTX_get_min_proto_version(tls->ctx), TLS1_2_VERSION);
		tls_free(tls);
	}
}

static void
test_clients(void **state)
{
	(void)state;
	char authority[64];
	const char *why;
	struct tls_context *any = tls_client(TLS_OPPORTUNISTIC, "", &why);
	assert_non_null(any);
	assert_int_equal(SSL_CTX_get_security_level(any->ctx), 0);
	assert_int_equal(SSL_CTX_get_min_proto_version(any->ctx), TLS1_VERSION);
	assert_int_equal(SSL_CTX_get_verify_mode(any->ctx), SSL_VERIFY_NONE);
	tls_free(any);
	struct tls_context *sure =
	    tls_client(TLS_VERIFIED, path(authority, "a.cert"), &why);
	assert_non_null(sure);
	assert_int_equal(
	    SSL_CTX_get_min_proto_version(sure->ctx), TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_get_verify_mode(sure->ctx), SSL_VERIFY_PEER);
	tls_free(sure);
	assert_null(tls_client(TLS_VERIFIED, path(authority, "none"), &why));
	assert_string_equal(why, "the trust store can't be read");
	tls_free(NULL);
}

/* A key under a pass phrase. */
static void
lock_key(void)
{
	char from[64], to[64];
	FILE *file = fopen(path(from, "a.key"), "r");
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	file = fopen(path(to, "locked.key"), "w");
	assert_int_equal(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(),
			     (const unsigned char *)"secret", 6, NULL, NULL),
	    1);
	fclose(file);
	EVP_PKEY_free(key);
}

static int
set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	tls_pair_make(folder, "a");
	tls_pair_make(folder, "b");
	lock_key();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	static const char *const names[] = { "a.cert", "a.key", "b.cert",
		"b.key", "locked.key" };
	char text[64];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(path(text, names[i]));
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_tickets_are_a_choice),
		cmocka_unit_test(test_clients),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
