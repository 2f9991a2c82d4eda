#include "lib/trust/spf_record.h"

#include "lib/base/buf.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "-a<d>/24/64", "+ip4:192.0.2.0/24", "redirect=d" ... */
static void
describe(const struct spf_record *record, struct buf *out)
{
	static const char *const names[] = { [SPF_ALL] = "all",
		[SPF_INCLUDE] = "include",
		[SPF_A] = "a",
		[SPF_MX] = "mx",
		[SPF_PTR] = "ptr",
		[SPF_IP4] = "ip4",
		[SPF_IP6] = "ip6",
		[SPF_EXISTS] = "exists" };
	struct spf_directive d;
	struct str rest = record->terms;
	char ip[IP_TEXT];
	while (spf_record_next(&rest, &d)) {
		buf_addf(out, "%s%c%s", out->n ? " " : "", d.qualifier,
		    names[d.mechanism]);
		if (d.domain.n > 0)
			buf_addf(out, "<%.*s>", STR_ARG(d.domain));
		ip_print(d.net, ip);
		if (*ip)
			buf_addf(out, ":%s", ip);
		if (d.bits4 != 32 || d.bits6 != 128)
			buf_addf(out, "/%u/%u", d.bits4, d.bits6);
	}
	if (record->redirect.n > 0)
		buf_addf(out, " redirect=%.*s", STR_ARG(record->redirect));
	if (record->explanation.n > 0)
		buf_addf(out, " exp=%.*s", STR_ARG(record->explanation));
}

static const struct {
	struct str text;
	const char *terms; /* NULL: a syntax error */
} records[] = {
	{ TEXT("v=spf1"), "" },
	{ TEXT("v=spf1 "), "" },
	{ TEXT("V=SPF1   all  -ALL "), "+all -all" },
	{ TEXT("v=spf1 +all -all ~all ?all"), "+all -all ~all ?all" },
	{ TEXT("v=spf1 all."), NULL },
	{ TEXT("v=spf1 all:x.test"), NULL },
	{ TEXT("v=spf1 all/8"), NULL },
	{ TEXT("v=spf1 --all"), NULL },
	{ TEXT("v=spf1 -"), NULL },
	{ TEXT("v=spf1 -all moo"), NULL },
	{ TEXT("v=spf1\tall"), NULL },
	{ TEXT("v=spf1 mx\tall"), NULL },
	{ TEXT("v=spf1 mx\r\n"), NULL },
	{ TEXT("v=spf1 \x80"
	       "all"),
	    NULL },
	{ TEXT("v=spf1 a:x.test\0"), NULL },
	{ TEXT("v=spf10 all"), NULL },
	/* hosts */
	{ TEXT("v=spf1 a mx ptr"), "+a +mx +ptr" },
	{ TEXT("v=spf1 a/24 mx//64 a/0//0"), "+a/24/128 +mx/32/64 +a/0/0" },
	{ TEXT("v=spf1 a:x.test/24//64"), "+a<x.test>/24/64" },
	{ TEXT("v=spf1 a:x.test. mx:%{d}"), "+a<x.test.> +mx<%{d}>" },
	{ TEXT("v=spf1 a:%{d}/24 a:%{i/}.x"), "+a<%{d}>/24/128 +a<%{i/}.x>" },
	{ TEXT("v=spf1 a:a:b/c.x.test"), "+a<a:b/c.x.test>" },
	{ TEXT("v=spf1 a:a/24.x.test//7"), "+a<a/24.x.test>/32/7" },
	{ TEXT("v=spf1 a/33"), NULL },
	{ TEXT("v=spf1 a//129"), NULL },
	{ TEXT("v=spf1 a/024"), NULL },
	{ TEXT("v=spf1 a/00"), NULL },
	{ TEXT("v=spf1 a/4294967328"), NULL },
	{ TEXT("v=spf1 a/"), NULL },
	{ TEXT("v=spf1 a//"), NULL },
	{ TEXT("v=spf1 a/24/64"), NULL },
	{ TEXT("v=spf1 a//64/24"), NULL },
	{ TEXT("v=spf1 a/24///64"), NULL },
	{ TEXT("v=spf1 a:/24"), NULL },
	{ TEXT("v=spf1 a:x.test/24/64"), NULL },
	{ TEXT("v=spf1 a:"), NULL },
	{ TEXT("v=spf1 ptr/24"), NULL },
	{ TEXT("v=spf1 ptr:"), NULL },
	/* domain-specs */
	{ TEXT("v=spf1 a:museum"), NULL },
	{ TEXT("v=spf1 a:museum."), NULL },
	{ TEXT("v=spf1 a:1.2.3.4"), NULL },
	{ TEXT("v=spf1 a:x.-test"), NULL },
	{ TEXT("v=spf1 a:x.test-"), NULL },
	{ TEXT("v=spf1 a:x.te_st"), NULL },
	{ TEXT("v=spf1 a:x.test:8080"), NULL },
	{ TEXT("v=spf1 a:x.xn--abc"), "+a<x.xn--abc>" },
	{ TEXT("v=spf1 a:x.1-2"), "+a<x.1-2>" },
	{ TEXT("v=spf1 a:%{d}x"), NULL },
	{ TEXT("v=spf1 a:%{d}.x.test"), "+a<%{d}.x.test>" },
	{ TEXT("v=spf1 a:x.test%%"), "+a<x.test%%>" },
	/* include, exists */
	{ TEXT("v=spf1 -include:x.test ?exists:%{ir}.x.test"),
	    "-include<x.test> ?exists<%{ir}.x.test>" },
	{ TEXT("v=spf1 include"), NULL },
	{ TEXT("v=spf1 include:"), NULL },
	{ TEXT("v=spf1 include:x.test/24"), NULL },
	{ TEXT("v=spf1 exists"), NULL },
	{ TEXT("v=spf1 exists:x.test/24"), NULL },
	{ TEXT("v=spf1 include=x.test"), "" },
	/* networks */
	{ TEXT("v=spf1 ip4:192.0.2.1 IP4:10.0.0.0/8 ip4:0.0.0.0/0"),
	    "+ip4:192.0.2.1 +ip4:10.0.0.0/8/128 +ip4:0.0.0.0/0/128" },
	{ TEXT("v=spf1 ip4"), NULL },
	{ TEXT("v=spf1 ip4:"), NULL },
	{ TEXT("v=spf1 ip4/24"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2.01"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2.1:25"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2.1/"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2.1/33"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2.1/08"), NULL },
	{ TEXT("v=spf1 ip4:192.0.2.1//32"), NULL },
	{ TEXT("v=spf1 ip4:2001:db8::1"), NULL },
	{ TEXT("v=spf1 ip4:::ffff:192.0.2.1"), NULL },
	{ TEXT("v=spf1 ip6:2001:DB8::/32 ip6:::1"),
	    "+ip6:2001:db8::/32/32 +ip6:::1" },
	{ TEXT("v=spf1 ip6:::ffff:192.0.2.1/96"),
	    "+ip6:::ffff:192.0.2.1/32/96" },
	{ TEXT("v=spf1 ip6"), NULL },
	{ TEXT("v=spf1 ip6:192.0.2.1"), NULL },
	{ TEXT("v=spf1 ip6::2001::1"), NULL },
	{ TEXT("v=spf1 ip6:2001:db8::/129"), NULL },
	{ TEXT("v=spf1 ip6:2001:db8:://33"), NULL },
	{ TEXT("v=spf1 ip6:fe80::1%eth0"), NULL },
	/* modifiers */
	{ TEXT("v=spf1 redirect=x.test exp=%{d}.y.test"),
	    " redirect=x.test exp=%{d}.y.test" },
	{ TEXT("v=spf1 REDIRECT=x.test EXP=y.test"),
	    " redirect=x.test exp=y.test" },
	{ TEXT("v=spf1 redirect:x.test"), NULL },
	{ TEXT("v=spf1 redirect="), NULL },
	{ TEXT("v=spf1 redirect=x"), NULL },
	{ TEXT("v=spf1 redirect=%{d} redirect=x.test"), NULL },
	{ TEXT("v=spf1 exp="), NULL },
	{ TEXT("v=spf1 exp=-all"), NULL },
	{ TEXT("v=spf1 exp=%{r}.x.test"), NULL },
	{ TEXT("v=spf1 exp=x.test exp=x.test"), NULL },
	{ TEXT("v=spf1 +exp=x.test"), NULL },
	{ TEXT("v=spf1 a=1 moo.cow-far_out=man:dog/cat m= a"), "+a" },
	{ TEXT("v=spf1 1up=x"), NULL },
	{ TEXT("v=spf1 =x"), NULL },
	{ TEXT("v=spf1 moo/cow=x"), NULL },
	{ TEXT("v=spf1 moo:cow=x"), NULL },
	{ TEXT("v=spf1 moo=%x"), NULL },
	{ TEXT("v=spf1 moo=%{x}"), NULL },
	{ TEXT("v=spf1 moo=\x80"), NULL },
};

static void
the_grammar_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		struct spf_record record;
		struct buf terms = { 0 };
		const char *why = NULL;
		bool good = spf_record_parse(records[i].text, &record, &why);
		assert_non_null(why);
		if (good)
			describe(&record, &terms);
		if (!records[i].terms)
			assert_str(good ? records[i].text : STR(""), STR(""));
		else
			assert_str(good ? buf_str(&terms) : str_of(why),
			    str_of(records[i].terms));
		assert_true(good == (*why == '\0'));
		buf_free(&terms);
	}
}

static void
a_directive_is_quoted_as_written(void **state)
{
	(void)state;
	struct str rest = STR("  -A:X.test/24  moo=cow ~all");
	struct spf_directive d;
	assert_true(spf_record_next(&rest, &d));
	assert_str(d.text, STR("A:X.test/24"));
	assert_true(spf_record_next(&rest, &d));
	assert_str(d.text, STR("all"));
	assert_int_equal(d.qualifier, '~');
	assert_false(spf_record_next(&rest, &d));
}

static void
only_the_first_version_is_one_of_spf(void **state)
{
	static const struct {
		struct str text;
		bool is;
	} cases[] = {
		{ TEXT("v=spf1"), true },
		{ TEXT("V=sPf1 all"), true },
		{ TEXT("v=spf1 \xff"), true },
		{ TEXT("v=spf10"), false },
		{ TEXT("v=spf1\tall"), false },
		{ TEXT("v=spf1all"), false },
		{ TEXT(" v=spf1"), false },
		{ TEXT("v=spf"), false },
		{ TEXT("spf2.0/pra all"), false },
		{ TEXT(""), false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(spf_record_is(cases[i].text), cases[i].is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_is_kept),
		cmocka_unit_test(a_directive_is_quoted_as_written),
		cmocka_unit_test(only_the_first_version_is_one_of_spf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
