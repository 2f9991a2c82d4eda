#include "cli/cli.h"
#include "smtpd/local/login_verifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct str scheme = { "{SCRAM-SHA-256}", 15 };

/* smtpd's own code reads what we write. */
static void
verifiers_match_their_password_alone(void **state)
{
	(void)state;
	struct buf line = { 0 };
	struct verifier v;
	password_verifier(STR("correct horse"), &line);
	assert_true(str_starts(buf_str(&line), scheme));
	assert_true(
	    verifier_parse(str_from(buf_str(&line), scheme.n), ",,,", &v));
	assert_int_equal(v.iterations, 15000);
	assert_int_equal(v.salt_size, 16);
	assert_true(verifier_matches(&v, STR("correct horse")));
	assert_false(verifier_matches(&v, STR("Correct horse")));
	assert_false(verifier_matches(&v, STR("")));
	assert_false(str_has(buf_str(&line), ':')); /* it ends the field */
	buf_free(&line);
}

static void
salts_differ(void **state)
{
	(void)state;
	struct buf a = { 0 }, b = { 0 };
	password_verifier(STR("correct horse"), &a);
	password_verifier(STR("correct horse"), &b);
	assert_false(str_eq(buf_str(&a), buf_str(&b)));
	buf_free(&a);
	buf_free(&b);
}

/* "abcd-efgh-ijkm-npqr", without letters that look like others. */
static void
invented_ones_are_easy_to_type(void **state)
{
	enum {
		MANY = 200
	};
	struct buf last = { 0 };
	(void)state;
	for (int i = 0; i < MANY; i++) {
		struct buf now = { 0 };
		password_invent(&now);
		assert_int_equal(now.n, 19);
		for (size_t k = 0; k < now.n; k++)
			if (k % 5 == 4)
				assert_int_equal(now.p[k], '-');
			else
				assert_non_null(
				    strchr("abcdefghijkmnpqrstuvwxyz23456789",
					now.p[k]));
		assert_false(str_eq(buf_str(&now), buf_str(&last)));
		buf_free(&last);
		last = now;
	}
	buf_free(&last);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifiers_match_their_password_alone),
		cmocka_unit_test(salts_differ),
		cmocka_unit_test(invented_ones_are_easy_to_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
