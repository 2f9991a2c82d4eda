#include "lib/base/saslprep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool
idle(const char *text)
{
	return saslprep_is_idle(str_of(text));
}

static void
common_text_is_left_as_it_is(void **state)
{
	(void)state;
	assert_true(idle(""));
	assert_true(idle("user"));
	assert_true(idle("USER"));
	assert_true(idle(" p,s=s~w\"rd\\"));
	assert_true(idle("p\xc3\xa4ssw\xc3\xb6rd\xc3\x9f\xe2\x82\xac"));
	assert_true(idle("\xce\xbb\xd0\xb6\xe1\xbb\xb9"));
	assert_true(idle("\xe5\xaf\x86\xe7\xa0\x81\xed\x95\x9c\xe3\x81\x8b"));
}

/* RFC 4013 3, what isn't its own result there. */
static void
examples_of_the_rfc_are_not(void **state)
{
	(void)state;
	assert_false(idle("I\xc2\xadX")); /* becomes IX */
	assert_false(idle("\xc2\xaa")); /* becomes a */
	assert_false(idle("\xe2\x85\xa8")); /* becomes IX */
	assert_false(idle("\x07")); /* prohibited */
	assert_false(idle("\xd8\xa7\x31")); /* right to left, and then not */
}

static void
what_would_change_is_not(void **state)
{
	static const char *const texts[] = {
		"a\xcc\x88", /* decomposed: a and its dots */
		"\xc2\xa0", /* becomes a space */
		"\xe3\x80\x80", /* the same */
		"\xe2\x80\x8b", /* vanishes */
		"\xef\xbc\xa1", /* becomes A */
		"\xef\xac\x81", /* becomes fi */
		"\xe1\x84\x80\xe1\x85\xa1", /* become one syllable */
		"\xc2\x85", /* a control character */
		"\x7f", "\xe2\x80\xae", /* turns the direction */
		"\xf0\x9f\x94\x91", /* newer than Unicode 3.2 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(idle(texts[i]));
	assert_false(saslprep_is_idle((struct str){ "a\0b", 3 }));
}

static void
what_is_no_utf8_is_not(void **state)
{
	static const char *const texts[] = { "\xe4", "p\xe4ss", "\x80", "\xc3",
		"\xe5\xaf", "\xe5\xafz", "\xc1\x81", /* A, too long */
		"\xe0\x83\xa4", /* a letter, too long */
		"\xe0\x81\x81", "\xed\xa0\x80", "\xff\xbf" };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(idle(texts[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_text_is_left_as_it_is),
		cmocka_unit_test(examples_of_the_rfc_are_not),
		cmocka_unit_test(what_would_change_is_not),
		cmocka_unit_test(what_is_no_utf8_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
