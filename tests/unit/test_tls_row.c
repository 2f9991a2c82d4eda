#include "lib/report/tls_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tls_row full = {
	.day = 20777,
	.domain = { "a.test", 6 },
	.policy_domain = { "mx1.a.test", 10 },
	.type = TLS_POLICY_STS,
	.string_count = 2,
	.strings = { { "version: STSv1", 14 }, { "mode: testing", 13 } },
	.mx_count = 1,
	.mx = { { "*.a.test", 8 } },
	.result = { "certificate-expired", 19 },
	.sender = { 4, { 192, 0, 2, 1 } },
	.host = { "mx1.a.test", 10 },
	.receiver = { 6, { 0x20, 0x01, 0x0d, 0xb8 } },
	.reason = { "it is old", 9 },
};

static struct buf
key_of(const struct tls_row *row)
{
	struct buf key = { 0 };
	tls_row_encode(row, &key);
	return key;
}

static void
a_row_comes_back_as_it_was(void **state)
{
	(void)state;
	struct tls_row read;
	struct buf key = key_of(&full);
	assert_true(tls_row_decode(buf_str(&key), &read));
	assert_int_equal(read.day, full.day);
	assert_true(str_eq(read.domain, full.domain));
	assert_true(str_eq(read.policy_domain, full.policy_domain));
	assert_int_equal(read.type, TLS_POLICY_STS);
	assert_int_equal(read.string_count, 2);
	assert_true(str_eq(read.strings[1], STR("mode: testing")));
	assert_true(str_eq(read.mx[0], STR("*.a.test")));
	assert_true(str_eq(read.result, full.result));
	assert_true(ip_eq(read.sender, full.sender));
	assert_true(str_eq(read.host, full.host));
	assert_true(ip_eq(read.receiver, full.receiver));
	assert_true(str_eq(read.reason, full.reason));
	buf_free(&key);
}

static void
what_went_well_has_no_hosts(void **state)
{
	(void)state;
	struct tls_row row = full, read;
	row.result = STR("");
	struct buf key = key_of(&row);
	assert_true(tls_row_decode(buf_str(&key), &read));
	assert_true(str_empty(read.host));
	assert_int_equal(read.sender.family, 0);
	row.host = STR("mx2.a.test");
	struct buf other = key_of(&row);
	assert_true(str_eq(buf_str(&key), buf_str(&other)));
	buf_free(&key);
	buf_free(&other);
}

static void
what_is_too_long_is_cut_off(void **state)
{
	(void)state;
	static char text[600];
	memset(text, 'x', sizeof text);
	struct str many = { text, sizeof text };
	struct tls_row row = full, read;
	row.domain = row.host = row.reason = row.strings[0] = row.mx[0] = many;
	row.string_count = TLS_ROW_STRINGS;
	struct buf key = key_of(&row);
	assert_true(tls_row_decode(buf_str(&key), &read));
	assert_int_equal(read.domain.n, ROW_NAME);
	assert_int_equal(read.host.n, ROW_NAME);
	assert_int_equal(read.reason.n, TLS_ROW_REASON);
	assert_int_equal(read.strings[0].n, TLS_ROW_STRING);
	assert_int_equal(read.string_count, TLS_ROW_STRINGS);
	buf_free(&key);
}

static void
rows_of_one_policy_begin_alike(void **state)
{
	(void)state;
	struct tls_row good = full, other = full;
	good.result = STR("");
	other.mx_count = 0;
	struct buf a = key_of(&full), b = key_of(&good), c = key_of(&other);
	assert_true(
	    str_eq(tls_row_policy(buf_str(&a)), tls_row_policy(buf_str(&b))));
	assert_false(
	    str_eq(tls_row_policy(buf_str(&a)), tls_row_policy(buf_str(&c))));
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
}

static void
another_form_is_refused(void **state)
{
	(void)state;
	struct tls_row row;
	struct buf key = key_of(&full);
	for (size_t n = 0; n < key.n; n++)
		assert_false(
		    tls_row_decode(str_sub(buf_str(&key), 0, n), &row));
	buf_addc(&key, 0);
	assert_false(tls_row_decode(buf_str(&key), &row));
	buf_cut(&key, key.n - 1);
	key.p[strlen(TLS_ROW_TAG)]++; /* the version */
	assert_false(tls_row_decode(buf_str(&key), &row));
	buf_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_comes_back_as_it_was),
		cmocka_unit_test(what_went_well_has_no_hosts),
		cmocka_unit_test(what_is_too_long_is_cut_off),
		cmocka_unit_test(rows_of_one_policy_begin_alike),
		cmocka_unit_test(another_form_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
