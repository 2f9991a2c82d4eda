#include "lib/report/dmarc_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct dmarc_row full = {
	.day = 20777,
	.policy_domain = { "a.test", 6 },
	.p = DMARC_POLICY_REJECT,
	.sp = DMARC_POLICY_QUARANTINE,
	.np = DMARC_POLICY_NONE,
	.strict_dkim = true,
	.testing = true,
	.source = { 4, { 192, 0, 2, 1 } },
	.disposition = DMARC_DONE_QUARANTINE,
	.spf_aligned = true,
	.reason = DMARC_REASON_TRUSTED_FORWARDER,
	.comment = { "arc=pass", 8 },
	.header_from = { "news.a.test", 11 },
	.envelope_from = { "b.test", 6 },
	.has_spf = true,
	.spf = { DMARC_RESULT_SOFTFAIL, { "b.test", 6 }, { "", 0 },
	    { "too many", 8 } },
	.count = 2,
	.signatures = {
		{ DMARC_RESULT_PASS, { "c.test", 6 }, { "s1", 2 }, { "", 0 } },
		{ DMARC_RESULT_PERMERROR, { "", 0 }, { "", 0 },
		    { "no key", 6 } },
	},
};

static struct buf
key_of(const struct dmarc_row *row)
{
	struct buf key = { 0 };
	dmarc_row_encode(row, &key);
	return key;
}

static void
expect_same(const struct dmarc_row *row)
{
	struct dmarc_row read;
	struct buf key = key_of(row);
	assert_true(dmarc_row_decode(buf_str(&key), &read));
	struct buf again = key_of(&read);
	assert_true(str_eq(buf_str(&key), buf_str(&again)));
	buf_free(&key);
	buf_free(&again);
}

static void
a_row_comes_back_as_it_was(void **state)
{
	(void)state;
	struct dmarc_row read;
	struct buf key = key_of(&full);
	assert_true(dmarc_row_decode(buf_str(&key), &read));
	assert_int_equal(read.day, 20777);
	assert_true(str_eq(read.policy_domain, STR("a.test")));
	assert_int_equal(read.p, DMARC_POLICY_REJECT);
	assert_int_equal(read.sp, DMARC_POLICY_QUARANTINE);
	assert_int_equal(read.np, DMARC_POLICY_NONE);
	assert_true(read.strict_dkim && !read.strict_spf && read.testing);
	assert_true(ip_eq(read.source, full.source));
	assert_int_equal(read.disposition, DMARC_DONE_QUARANTINE);
	assert_true(!read.dkim_aligned && read.spf_aligned);
	assert_int_equal(read.reason, DMARC_REASON_TRUSTED_FORWARDER);
	assert_true(str_eq(read.comment, STR("arc=pass")));
	assert_true(str_eq(read.header_from, STR("news.a.test")));
	assert_true(str_eq(read.envelope_from, STR("b.test")));
	assert_true(read.has_spf);
	assert_int_equal(read.spf.result, DMARC_RESULT_SOFTFAIL);
	assert_true(str_eq(read.spf.human, STR("too many")));
	assert_int_equal(read.count, 2);
	assert_true(str_eq(read.signatures[0].selector, STR("s1")));
	assert_int_equal(read.signatures[1].result, DMARC_RESULT_PERMERROR);
	buf_free(&key);
	expect_same(&full);
}

static void
little_and_much_come_back_too(void **state)
{
	(void)state;
	struct dmarc_row row = { .source = { .family = 6, .bytes = { 0x20 } } };
	expect_same(&row);
	row.count = DMARC_ROW_SIGNATURES;
	expect_same(&row);
}

static void
what_is_too_long_is_cut(void **state)
{
	(void)state;
	char text[600];
	struct dmarc_row row = full, read;
	memset(text, 'x', sizeof text);
	row.header_from = row.comment = row.signatures[0].selector =
	    row.spf.human = (struct str){ text, sizeof text };
	struct buf key = key_of(&row);
	assert_true(dmarc_row_decode(buf_str(&key), &read));
	assert_int_equal(read.header_from.n, ROW_NAME);
	assert_int_equal(read.signatures[0].selector.n, ROW_NAME);
	assert_int_equal(read.comment.n, DMARC_ROW_TEXT);
	assert_int_equal(read.spf.human.n, DMARC_ROW_TEXT);
	buf_free(&key);
}

/* The report of a day and domain is one stretch of the store. */
static void
keys_are_in_the_order_of_days_and_domains(void **state)
{
	(void)state;
	struct dmarc_row later = full, other = full, source = full;
	later.day++;
	later.policy_domain = STR("0.test");
	other.policy_domain = STR("b.test");
	other.p = other.sp = DMARC_POLICY_NONE;
	source.source.bytes[0] = 255;
	struct buf keys[] = { key_of(&full), key_of(&source), key_of(&other),
		key_of(&later) };
	for (size_t i = 1; i < 4; i++)
		assert_true(
		    str_cmp(buf_str(&keys[i - 1]), buf_str(&keys[i])) < 0);
	for (size_t i = 0; i < 4; i++)
		buf_free(&keys[i]);
}

/* Any octet that is changed gives another row or none; none reads beyond. */
static void
damage_is_refused_or_seen(void **state)
{
	(void)state;
	struct dmarc_row read;
	struct buf key = key_of(&full);
	for (size_t n = 0; n < key.n; n++) {
		char *part = malloc(n + 1);
		memcpy(part, key.p, n);
		assert_false(dmarc_row_decode((struct str){ part, n }, &read));
		free(part);
	}
	for (size_t i = 0; i < key.n; i++) {
		key.p[i] ^= 0x40;
		if (dmarc_row_decode(buf_str(&key), &read)) {
			struct buf again = key_of(&read);
			assert_true(str_eq(buf_str(&again), buf_str(&key)));
			buf_free(&again);
		}
		key.p[i] ^= 0x40;
	}
	buf_addc(&key, 'x');
	assert_false(dmarc_row_decode(buf_str(&key), &read));
	buf_free(&key);
}

static void
another_version_is_refused(void **state)
{
	(void)state;
	struct dmarc_row read;
	uint64_t count;
	struct buf key = key_of(&full), value = { 0 };
	size_t at = strlen("dmarc-row");
	assert_int_equal(key.p[at], 1);
	key.p[at] = 2;
	assert_false(dmarc_row_decode(buf_str(&key), &read));
	row_count_encode(7, &value);
	assert_true(row_count_decode(buf_str(&value), &count));
	assert_int_equal(count, 7);
	value.p[0] = 2;
	assert_false(row_count_decode(buf_str(&value), &count));
	buf_free(&key);
	buf_free(&value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_comes_back_as_it_was),
		cmocka_unit_test(little_and_much_come_back_too),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(keys_are_in_the_order_of_days_and_domains),
		cmocka_unit_test(damage_is_refused_or_seen),
		cmocka_unit_test(another_version_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
