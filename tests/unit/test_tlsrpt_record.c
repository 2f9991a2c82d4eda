#include "lib/trust/tlsrpt_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
records(void **state)
{
	static const struct {
		const char *text, *rua; /* NULL: malformed */
	} cases[] = {
		{ "v=TLSRPTv1;rua=mailto:r@a.test", "mailto:r@a.test" },
		{ "v=TLSRPTv1; rua=mailto:r@a.test;", "mailto:r@a.test" },
		{ "v=TLSRPTv1 ; rua=mailto:r@a.test , https://a.test/x=1 ; ",
		    "mailto:r@a.test , https://a.test/x=1" },
		{ "v=TLSRPTv1; new.tag-1=x; rua=mailto:r@a.test",
		    "mailto:r@a.test" },
		{ "v=TLSRPTv1", NULL },
		{ "v=TLSRPTv1;", NULL },
		{ "v=TLSRPTv1; rua=", NULL },
		{ "v=TLSRPTv1;; rua=mailto:r@a.test", NULL },
		{ "v=TLSRPTv1; rua=mailto:r@a.test; rua=mailto:s@a.test",
		    NULL },
		{ "v=TLSRPTv1; RUA=mailto:r@a.test", NULL },
		{ "v=TLSRPTv1; rua=mailto:\x01@a.test", NULL },
		{ "v=TLSRPTv1; rua=mailto:r@a.test; x", NULL },
		{ "v=TLSRPTv1; rua=mailto:r@a.test; x=a b", NULL },
		{ "v=TLSRPTv1; rua=mailto:r@a.test; _x=a", NULL },
		{ "v=tlsrptv1; rua=mailto:r@a.test", NULL },
		{ "v=TLSRPTv2; rua=mailto:r@a.test", NULL },
		{ "rua=mailto:r@a.test; v=TLSRPTv1", NULL },
		{ "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str rua;
		const char *why = NULL;
		bool good =
		    tlsrpt_record_parse(str_of(cases[i].text), &rua, &why);
		if (good != (cases[i].rua != NULL))
			print_error("%s\n", cases[i].text);
		assert_int_equal(good, cases[i].rua != NULL);
		if (good)
			assert_true(str_eq(rua, str_of(cases[i].rua)));
		else
			assert_non_null(why);
	}
}

static bool
selects(const char *first, const char *second)
{
	struct arena arena = { 0 };
	struct str rua;
	const char *why;
	struct dns_record all[] = {
		{ .type = DNS_TXT, .text = str_of(first) },
		{ .type = DNS_TXT, .text = str_of(second) },
	};
	struct dns_answer answer = {
		.status = DNS_FOUND, .count = 2, .records = all
	};
	bool good = tlsrpt_record_select(&answer, &arena, &rua, &why);
	arena_free(&arena);
	return good;
}

static void
one_record_counts(void **state)
{
	(void)state;
	const char *record = "v=TLSRPTv1; rua=mailto:r@a.test";
	assert_true(selects(record, "v=spf1 -all"));
	assert_true(selects("", record));
	assert_false(selects(record, record));
	assert_false(selects(record, "v=TLSRPTv1; rua=x"));
	assert_false(selects("v=spf1 -all", "x"));
}

static void
a_long_list_is_malformed(void **state)
{
	(void)state;
	struct str rua;
	const char *why;
	struct buf text = buf_of(STR("v=TLSRPTv1; rua="));
	for (int i = 0; i < TLSRPT_RUA_MAX; i++)
		buf_addc(&text, 'x');
	assert_true(tlsrpt_record_parse(buf_str(&text), &rua, &why));
	buf_addc(&text, 'x');
	assert_false(tlsrpt_record_parse(buf_str(&text), &rua, &why));
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(one_record_counts),
		cmocka_unit_test(a_long_list_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
