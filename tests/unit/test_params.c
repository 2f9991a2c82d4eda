#include "lib/mail/params.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	size_t count; /* 0 of a text that isn't empty: refused */
	const char *names[3], *values[3];
} cases[] = {
	{ "", 0, { 0 }, { 0 } },
	{ "SIZE=1000", 1, { "SIZE" }, { "1000" } },
	{ "size=1 Body=8BITMIME", 2, { "size", "Body" }, { "1", "8BITMIME" } },
	{ "SMTPUTF8", 1, { "SMTPUTF8" }, { NULL } },
	{ "  A=1  B  ", 2, { "A", "B" }, { "1", NULL } },
	{ "AUTH=<> X-Y=a/b,c:d+3D", 2, { "AUTH", "X-Y" },
	    { "<>", "a/b,c:d+3D" } },
	{ "1A=~!", 1, { "1A" }, { "~!" } },
	{ "SIZE=", 0, { 0 }, { 0 } },
	{ "=1", 0, { 0 }, { 0 } },
	{ "=", 0, { 0 }, { 0 } },
	{ "-A=1", 0, { 0 }, { 0 } },
	{ "A_B=1", 0, { 0 }, { 0 } },
	{ "A=1=2", 0, { 0 }, { 0 } },
	{ "A=1\tB=2", 0, { 0 }, { 0 } },
	{ "A=\xc3\xa4", 0, { 0 }, { 0 } },
	{ "A=\x7f", 0, { 0 }, { 0 } },
	{ "SIZE=1 size=2", 0, { 0 }, { 0 } },
	{ "A B C D E F G H I", 0, { 0 }, { 0 } },
};

static void
parses_what_the_grammar_allows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct params params;
		bool good = params_parse(str_of(cases[i].text), &params);
		assert_int_equal(good, cases[i].count || !*cases[i].text);
		if (!good)
			continue;
		assert_int_equal(params.count, cases[i].count);
		for (size_t k = 0; k < params.count; k++) {
			struct param *param = &params.all[k];
			assert_str(param->name, str_of(cases[i].names[k]));
			assert_str(param->value, str_of(cases[i].values[k]));
			assert_int_equal(
			    param->value.p == NULL, !cases[i].values[k]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_the_grammar_allows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
