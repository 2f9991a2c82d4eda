#include "lib/net/scram.h"

#include "lib/base/codec.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char challenge[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char last[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct scram scram;

static int
tear_down(void **state)
{
	(void)state;
	scram_free(&scram);
	return 0;
}

static void
start(const char *user, const char *type, const char *binding, bool possible,
    const char *wanted)
{
	struct buf out = { 0 };
	struct scram_names names = {
		.user = str_of(user),
		.nonce = STR("rOprNGfwEbeRWgbNEkqO"),
		.binding_type = str_of(type),
		.binding = str_of(binding),
		.binding_possible = possible,
	};
	scram_free(&scram);
	scram_first(&scram, &names, &out);
	assert_str(buf_str(&out), str_of(wanted));
	buf_free(&out);
}

static void
prove(const char *wanted)
{
	uint8_t hash[SCRAM_HASH];
	struct buf out = { 0 };
	assert_true(scram_hash(
	    STR("pencil"), buf_str(&scram.salt), scram.iterations, hash));
	scram_proof(&scram, hash, &out);
	assert_true(str_starts(buf_str(&out), str_of(wanted)));
	buf_free(&out);
}

/* RFC 7677 3 */
static void
the_example_of_the_rfc(void **state)
{
	(void)state;
	const char *why;
	start("user", "", "", false, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	assert_true(scram_challenge(&scram, str_of(challenge), &why));
	assert_int_equal(scram.iterations, 4096);
	prove("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	assert_true(scram_verify(&scram, str_of(last), &why));
}

static void
names_and_bindings_stand_where_they_belong(void **state)
{
	(void)state;
	const char *why;
	start("a=b,c", "", "", true, "y,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO");
	start("user", "tls-exporter", "\001\377", true,
	    "p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	assert_true(scram_challenge(&scram, str_of(challenge), &why));
	/* base64 of "p=tls-exporter,," and the two octets */
	prove("c=cD10bHMtZXhwb3J0ZXIsLAH/,r=rOpr");
}

static void
a_bad_challenge_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"r=xOprNGfwEbeRWgbNEkqOmore,s=W22Z,i=4096",
		"r=rOpr,s=W22Z,i=4096",
		"s=W22Z,r=rOprNGfwEbeRWgbNEkqOmore,i=4096",
		"m=x,r=rOprNGfwEbeRWgbNEkqOmore,s=W22Z,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=W2!Z,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=W22Z",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=W22Z,i=",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=W22Z,i=4095",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=W22Z,i=5000001",
		"r=rOprNGfwEbeRWgbNEkqOmore,s=W22Z,i=99999999999999999999",
		"e=unknown-user",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *why = NULL;
		start(
		    "user", "", "", false, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
		if (scram_challenge(&scram, str_of(bad[i]), &why))
			fail_msg("taken: %s", bad[i]);
		assert_non_null(why);
	}
}

static void
a_server_that_does_not_know_the_password_is_found_out(void **state)
{
	static const char *const bad[] = {
		"",
		"v=",
		"e=invalid-proof",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==",
		"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};
	const char *why;
	(void)state;
	start("user", "", "", false, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	assert_true(scram_challenge(&scram, str_of(challenge), &why));
	prove("c=biws");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(scram_verify(&scram, str_of(bad[i]), &why));
}

static void
nonces_differ_and_have_no_comma(void **state)
{
	struct buf one = { 0 }, two = { 0 };
	(void)state;
	scram_nonce(&one);
	scram_nonce(&two);
	assert_int_equal(one.n, 24);
	assert_false(str_eq(buf_str(&one), buf_str(&two)));
	assert_false(str_has(buf_str(&one), ','));
	buf_free(&one);
	buf_free(&two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_example_of_the_rfc, tear_down),
		cmocka_unit_test_teardown(
		    names_and_bindings_stand_where_they_belong, tear_down),
		cmocka_unit_test_teardown(
		    a_bad_challenge_is_refused, tear_down),
		cmocka_unit_test_teardown(
		    a_server_that_does_not_know_the_password_is_found_out,
		    tear_down),
		cmocka_unit_test(nonces_differ_and_have_no_comma),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
