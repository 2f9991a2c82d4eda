#include "lib/trust/spf_target.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 7208 7.4 */
static struct spf_macros
values(const char *ip)
{
	struct spf_macros macros = {
		.sender = STR("strong-bad@email.example.com"),
		.local = STR("strong-bad"),
		.sender_domain = STR("email.example.com"),
		.domain = STR("email.example.com"),
		.validated = STR("mx.example.org"),
		.helo = STR("mta.example.net"),
		.receiver = STR("mx.here.test"),
		.now = 1795184403,
	};
	assert_true(ip_parse(str_of(ip), &macros.ip));
	return macros;
}

static const struct {
	struct str text;
	const char *ip, *wanted;
} expansions[] = {
	/* RFC 7208 7.4 */
	{ TEXT("%{s}"), NULL, "strong-bad@email.example.com" },
	{ TEXT("%{o}"), NULL, "email.example.com" },
	{ TEXT("%{d}"), NULL, "email.example.com" },
	{ TEXT("%{d4}"), NULL, "email.example.com" },
	{ TEXT("%{d3}"), NULL, "email.example.com" },
	{ TEXT("%{d2}"), NULL, "example.com" },
	{ TEXT("%{d1}"), NULL, "com" },
	{ TEXT("%{dr}"), NULL, "com.example.email" },
	{ TEXT("%{d2r}"), NULL, "example.email" },
	{ TEXT("%{l}"), NULL, "strong-bad" },
	{ TEXT("%{l-}"), NULL, "strong.bad" },
	{ TEXT("%{lr}"), NULL, "strong-bad" },
	{ TEXT("%{lr-}"), NULL, "bad.strong" },
	{ TEXT("%{l1r-}"), NULL, "strong" },
	{ TEXT("%{ir}.%{v}._spf.%{d2}"), NULL,
	    "3.2.0.192.in-addr._spf.example.com" },
	{ TEXT("%{lr-}.lp._spf.%{d2}"), NULL,
	    "bad.strong.lp._spf.example.com" },
	{ TEXT("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}"), NULL,
	    "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
	{ TEXT("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}"), NULL,
	    "3.2.0.192.in-addr.strong.lp._spf.example.com" },
	{ TEXT("%{d2}.trusted-domains.example.net"), NULL,
	    "example.com.trusted-domains.example.net" },
	{ TEXT("%{ir}.%{v}._spf.%{d2}"), "2001:db8::cb01",
	    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6._spf.example.com" },
	/* the other letters */
	{ TEXT("%{i} %{c}"), NULL, "192.0.2.3 192.0.2.3" },
	{ TEXT("%{i} %{c}"), "2001:db8::cb01",
	    "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1 "
	    "2001:db8::cb01" },
	{ TEXT("%{i} %{v}"), "::ffff:192.0.2.3", "192.0.2.3 in-addr" },
	{ TEXT("%{p} %{h} %{r} %{t}"), NULL,
	    "mx.example.org mta.example.net mx.here.test 1795184403" },
	/* literals */
	{ TEXT("a%%b%_c%-d"), NULL, "a%b c%20d" },
	{ TEXT("%%{d}"), NULL, "%{d}" },
	{ TEXT(""), NULL, "" },
	/* upper case: escaped, after everything else */
	{ TEXT("%{S}"), NULL, "strong-bad%40email.example.com" },
	{ TEXT("%{SR@}"), NULL, NULL },
	{ TEXT("%{LR-} %{H2}"), NULL, "bad.strong example.net" },
	/* transformers */
	{ TEXT("%{dR}"), NULL, "com.example.email" },
	{ TEXT("%{s2r.-}"), NULL, "bad@email.strong" },
	{ TEXT("%{d128} %{d99999999999999999999}"), NULL,
	    "email.example.com email.example.com" },
	{ TEXT("%{d0}"), NULL, NULL },
	{ TEXT("%{d00}"), NULL, NULL },
	{ TEXT("%{d02}"), NULL, "example.com" },
	{ TEXT("%{dr2}"), NULL, NULL },
	{ TEXT("%{d.-+,/_=}"), NULL, "email.example.com" },
	/* malformed */
	{ TEXT("%"), NULL, NULL },
	{ TEXT("a%"), NULL, NULL },
	{ TEXT("%a"), NULL, NULL },
	{ TEXT("%("), NULL, NULL },
	{ TEXT("%{"), NULL, NULL },
	{ TEXT("%{}"), NULL, NULL },
	{ TEXT("%{d"), NULL, NULL },
	{ TEXT("%{x}"), NULL, NULL },
	{ TEXT("%{a}"), NULL, NULL },
	{ TEXT("%{ d}"), NULL, NULL },
	{ TEXT("%{dd}"), NULL, NULL },
	{ TEXT("%{d!}"), NULL, NULL },
	{ TEXT("%{\0}"), NULL, NULL },
	{ TEXT("\x80"), NULL, NULL },
	{ TEXT("a\tb"), NULL, NULL },
	{ TEXT("a\x7f"), NULL, NULL },
};

static void
letters_stand_for_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof expansions / sizeof *expansions; i++) {
		struct str text = expansions[i].text;
		const char *ip = expansions[i].ip;
		struct spf_macros macros = values(ip ? ip : "192.0.2.3");
		struct buf out = { 0 };
		bool good = spf_macro_check(text, SPF_MACRO_EXPLANATION);
		if (good)
			spf_macro_expand(&out, text, &macros);
		if (expansions[i].wanted)
			assert_str(good ? buf_str(&out) : STR("malformed"),
			    str_of(expansions[i].wanted));
		else
			assert_str(good ? text : STR(""), STR(""));
		buf_free(&out);
	}
}

static void
everything_but_unreserved_is_escaped(void **state)
{
	(void)state;
	struct spf_macros macros = values("192.0.2.3");
	struct buf out = { 0 };
	macros.local = STR("~aZ09-._ !/@%\x80\xff\0");
	spf_macro_expand(&out, STR("%{L,}"), &macros);
	assert_str(buf_str(&out), STR("~aZ09-._%20%21%2F%40%25%80%FF%00"));
	buf_free(&out);
}

static void
empty_parts_stay(void **state)
{
	static const struct {
		struct str text, wanted;
	} cases[] = {
		{ TEXT("%{l}"), TEXT(".a..b.") },
		{ TEXT("%{lr}"), TEXT(".b..a.") },
		{ TEXT("%{l1}"), TEXT("") },
		{ TEXT("%{l2}"), TEXT("b.") },
		{ TEXT("%{l2r}"), TEXT("a.") },
		{ TEXT("%{l3r}"), TEXT(".a.") },
		{ TEXT("%{p}-%{r}"), TEXT("unknown-unknown") },
		{ TEXT("%{h}%{h2r-}"), TEXT("") },
	};
	(void)state;
	struct spf_macros macros = { .local = STR(".a..b.") };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = { 0 };
		spf_macro_expand(&out, cases[i].text, &macros);
		assert_str(buf_str(&out), cases[i].wanted);
		buf_free(&out);
	}
}

static void
some_belong_to_explanations_alone(void **state)
{
	static const struct str cases[] = { TEXT("%{c}"), TEXT("%{R}"),
		TEXT("%{t}"), TEXT("a b") };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(spf_macro_check(cases[i], SPF_MACRO_EXPLANATION));
		assert_false(spf_macro_check(cases[i], SPF_MACRO_DOMAIN));
		assert_false(spf_macro_is_domain(cases[i]));
	}
}

static void
letters_are_found_behind_others(void **state)
{
	(void)state;
	assert_true(spf_macro_has(STR("a%%p%{d}.%{P2r-}"), 'p'));
	assert_false(spf_macro_has(STR("p%%{p}%{d}.p"), 'p'));
}

static void
more_macros_than_labels_are_refused(void **state)
{
	(void)state;
	struct buf text = { 0 };
	for (int i = 0; i < SPF_MACROS_MAX; i++)
		buf_adds(&text, "%{s}");
	assert_true(spf_macro_is_domain(buf_str(&text)));
	buf_adds(&text, "%{s}");
	assert_false(spf_macro_is_domain(buf_str(&text)));
	buf_free(&text);
}

/* ---- names ---- */

static struct str
repeat(struct arena *arena, const char *what, size_t times, const char *end)
{
	struct buf text = { 0 };
	while (times-- > 0)
		buf_adds(&text, what);
	buf_adds(&text, end);
	struct str all = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return all;
}

static void
long_names_lose_labels_on_the_left(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct spf_macros macros = { 0 };
	struct str name, wanted = repeat(&arena, "abcdefg.", 31, "abcde");
	assert_int_equal(wanted.n, 253);
	static const char *const longer[] = { "%{h}", "x.%{h}", "xy%{h}",
		"a.b.c.%{h}.", "..%{h}" };
	macros.helo = wanted;
	assert_true(spf_target_expand(STR("%{h}"), &macros, &arena, &name));
	assert_str(name, wanted);
	assert_true(spf_target_expand(STR("x.%{h}."), &macros, &arena, &name));
	assert_str(name, wanted);
	assert_true(spf_target_expand(STR("xy%{h}"), &macros, &arena, &name));
	assert_str(name, str_from(wanted, 8));
	for (size_t i = 0; i < sizeof longer / sizeof *longer; i++)
		assert_true(spf_target_expand(
		    str_of(longer[i]), &macros, &arena, &name));
	macros.helo = repeat(&arena, "x", 300, "");
	assert_false(spf_target_expand(STR("a.%{h}"), &macros, &arena, &name));
	assert_str(name, STR(""));
	arena_free(&arena);
}

static void
names_have_labels_of_any_octets(void **state)
{
	static const struct {
		struct str helo;
		bool is;
	} cases[] = {
		{ TEXT("a.b"), true },
		{ TEXT("a"), true },
		{ TEXT("a.b."), true },
		{ TEXT("a b.\x80\0.c"), true },
		{ TEXT("[192.0.2.1]"), true },
		{ TEXT(""), false },
		{ TEXT("."), false },
		{ TEXT(".a"), false },
		{ TEXT("a..b"), false },
		{ TEXT("a.."), false },
	};
	(void)state;
	struct arena arena = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spf_macros macros = { .helo = cases[i].helo };
		struct str name;
		assert_int_equal(
		    spf_target_expand(STR("%{h}"), &macros, &arena, &name),
		    cases[i].is);
	}
	struct str label = repeat(&arena, "x", 63, "");
	assert_true(spf_target_is_name(label));
	assert_false(spf_target_is_name(repeat(&arena, "x", 64, ".b")));
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_stand_for_values),
		cmocka_unit_test(everything_but_unreserved_is_escaped),
		cmocka_unit_test(empty_parts_stay),
		cmocka_unit_test(some_belong_to_explanations_alone),
		cmocka_unit_test(letters_are_found_behind_others),
		cmocka_unit_test(more_macros_than_labels_are_refused),
		cmocka_unit_test(long_names_lose_labels_on_the_left),
		cmocka_unit_test(names_have_labels_of_any_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
