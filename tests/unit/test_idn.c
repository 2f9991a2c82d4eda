#include "lib/mail/idn.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	struct str name;
	const char *ascii; /* NULL: refused */
} cases[] = {
	{ TEXT("example.test"), "example.test" },
	{ TEXT("Example.TEST."), "example.test" },
	{ TEXT("xn--mnchen-3ya.de"), "xn--mnchen-3ya.de" },
	{ TEXT("m\xc3\xbcnchen.de"), "xn--mnchen-3ya.de" },
	{ TEXT("M\xc3\x9cNCHEN.DE"), "xn--mnchen-3ya.de" },
	/* the same with a combining mark */
	{ TEXT("mu\xcc\x88nchen.de"), "xn--mnchen-3ya.de" },
	/* RFC 5891, not its predecessor: the sharp s is itself */
	{ TEXT("stra\xc3\x9f"
	       "e.de"),
	    "xn--strae-oqa.de" },
	/* an ideographic full stop */
	{ TEXT("\xe4\xbe\x8b\xe3\x80\x82test"), "xn--fsq.test" },
	{ TEXT(""), NULL },
	{ TEXT("."), NULL },
	{ TEXT("a..b"), NULL },
	{ TEXT("a b.de"), NULL },
	{ TEXT("a_b.de"), NULL },
	{ TEXT("-a.de"), NULL },
	{ TEXT("\xc3\xbc b.de"), NULL },
	{ TEXT("\xc3\xbc_b.de"), NULL },
	{ TEXT("\xc3.de"), NULL },
	{ TEXT("\xff\xfe.de"), NULL },
	{ TEXT("a\0b.de"), NULL },
	{ TEXT("\xc3\xbc\0b.de"), NULL },
	{ TEXT("\xe2\x80\x8b.de"), NULL },
};

static void
makes_a_labels(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str ascii = STR("");
		const char *why = NULL;
		bool good = idn_to_ascii(cases[i].name, &arena, &ascii, &why);
		assert_int_equal(good, cases[i].ascii != NULL);
		if (good)
			assert_str(ascii, str_of(cases[i].ascii));
		else
			assert_non_null(why);
	}
	arena_free(&arena);
}

static void
refuses_what_is_too_long(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	static char name[100000];
	struct str ascii;
	const char *why;
	for (size_t i = 0; i < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xbc", 2);
	assert_false(idn_to_ascii(
	    (struct str){ name, sizeof name }, &arena, &ascii, &why));
	arena_free(&arena);
}

static void
leaves_to_others_what_has_no_a_labels(void **state)
{
	(void)state;
	static const struct {
		struct str domain, result;
	} domains[] = {
		{ TEXT("m\xc3\xbcnchen.de"), TEXT("xn--mnchen-3ya.de") },
		{ TEXT("Example.TEST"), TEXT("Example.TEST") },
		{ TEXT("[192.0.2.1]"), TEXT("[192.0.2.1]") },
		{ TEXT("\xff\xfe.de"), TEXT("\xff\xfe.de") },
		{ TEXT(""), TEXT("") },
	};
	struct arena arena = { 0 };
	for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
		assert_str(
		    idn_a_labels(domains[i].domain, &arena), domains[i].result);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_labels),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(leaves_to_others_what_has_no_a_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
