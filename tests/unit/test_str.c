#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct str none = { NULL, 0 };

static void
comparing_knows_bytes_and_ascii_case(void **state)
{
	(void)state;
	static const struct {
		struct str a, b;
		bool equal, without_case;
		int order;
	} cases[] = {
		{ { "abc", 3 }, { "abc", 3 }, true, true, 0 },
		{ { "abc", 3 }, { "aBc", 3 }, false, true, 1 },
		{ { "abc", 3 }, { "abcd", 4 }, false, false, -1 },
		{ { "a\0b", 3 }, { "a\0c", 3 }, false, false, -1 },
		{ { "\xc3\xa4", 2 }, { "\xc3\x84", 2 }, false, false, 1 },
		{ { "[", 1 }, { "{", 1 }, false, false, -1 },
		{ { "@", 1 }, { "`", 1 }, false, false, -1 },
		{ { NULL, 0 }, { "", 0 }, true, true, 0 },
		{ { NULL, 0 }, { "a", 1 }, false, false, -1 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str a = cases[i].a, b = cases[i].b;
		int order = str_cmp(a, b);
		assert_int_equal(str_eq(a, b), cases[i].equal);
		assert_int_equal(str_eq_nocase(a, b), cases[i].without_case);
		assert_int_equal((order > 0) - (order < 0), cases[i].order);
	}
}

static void
starts_and_ends_are_found(void **state)
{
	(void)state;
	struct str s = STR("MAIL FROM:<>");
	assert_true(str_starts(s, STR("MAIL")));
	assert_false(str_starts(s, STR("mail")));
	assert_true(str_starts_nocase(s, STR("mail from:")));
	assert_false(str_starts_nocase(STR("mai"), STR("mail")));
	assert_true(str_ends(s, STR(":<>")));
	assert_false(str_ends(s, STR("from:<>")));
	assert_true(str_ends_nocase(s, STR("from:<>")));
	assert_false(str_ends(STR(">"), STR("<>")));
	assert_true(str_starts(none, STR("")));
	assert_true(str_ends(none, none));
}

static void
ascii_ends_at_127(void **state)
{
	(void)state;
	assert_true(str_is_ascii(none));
	assert_true(str_is_ascii((struct str){ "a\0\x7f", 3 }));
	assert_false(str_is_ascii(STR("\x80")));
	assert_false(str_is_ascii(STR("caf\xc3\xa9")));
}

static void
parts_never_leave_the_view(void **state)
{
	(void)state;
	struct str s = STR("hello");
	assert_true(str_eq(str_sub(s, 1, 3), STR("ell")));
	assert_true(str_eq(str_sub(s, 1, SIZE_MAX), STR("ello")));
	assert_true(str_eq(str_sub(s, 9, 3), STR("")));
	assert_true(str_eq(str_from(s, 4), STR("o")));
	assert_true(str_empty(str_from(s, 5)));
	assert_true(str_empty(str_from(s, SIZE_MAX)));
	assert_non_null(str_from(s, 6).p);
}

static void
finding_gives_a_place_or_the_length(void **state)
{
	(void)state;
	struct str s = { "a.b\0c.d", 7 };
	assert_int_equal(str_find(s, '.'), 1);
	assert_int_equal(str_find_last(s, '.'), 5);
	assert_int_equal(str_find(s, '\0'), 3);
	assert_int_equal(str_find(s, 'x'), 7);
	assert_int_equal(str_find_last(s, 'x'), 7);
	assert_int_equal(str_find(none, 'x'), 0);
	assert_int_equal(str_find_last(none, 'x'), 0);
	assert_true(str_has(s, 'd'));
	assert_false(str_has(none, 'd'));
	assert_int_equal(str_search(s, STR("c.")), 4);
	assert_int_equal(str_search(s, STR("c.e")), 7);
	assert_int_equal(str_search(s, STR("")), 0);
	assert_int_equal(str_search(none, STR("a")), 0);
}

static void
cutting_gives_every_part_once(void **state)
{
	(void)state;
	static const struct {
		const char *text, *joined;
	} cases[] = {
		{ "a,b,c", "a|b|c|" },
		{ "a", "a|" },
		{ "", "|" },
		{ ",", "||" },
		{ "a,,b,", "a||b||" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str rest = str_of(cases[i].text);
		char joined[32] = "";
		while (rest.p) {
			struct str part = str_cut(&rest, ',');
			strncat(joined, part.p, part.n);
			strncat(joined, "|", 2);
		}
		assert_string_equal(joined, cases[i].joined);
	}
}

static void
trimming_takes_white_space_at_both_ends(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t\r\na b\r\n")), STR("a b")));
	assert_true(str_empty(str_trim(STR(" \r\n "))));
	assert_true(str_empty(str_trim(none)));
	assert_true(str_eq(str_trim(STR("\va")), STR("\va")));
}

static void
numbers_are_digits_and_fit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ "1x", false, 0 },
		{ "\xb1", false, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t value = 0;
		bool good = str_to_u64(str_of(cases[i].text), &value);
		assert_int_equal(good, cases[i].good);
		assert_int_equal(value, cases[i].value);
	}
}

static void
c_strings_become_views(void **state)
{
	(void)state;
	assert_true(str_eq(str_of("ab"), STR("ab")));
	assert_true(str_empty(str_of(NULL)));
	assert_non_null(str_of(NULL).p);
}

static void
distance_counts_typing_errors(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "user", "user", 0 },
		{ "usr", "user", 1 },
		{ "userr", "user", 1 },
		{ "uzer", "user", 1 },
		{ "suer", "user", 1 }, /* neighbours swapped */
		{ "USER", "user", 4 },
		{ "lits", "list", 1 },
		{ "setup", "status", 3 },
		{ "12345678901234567890123456789012", "", 32 },
		{ "123456789012345678901234567890123", "", SIZE_MAX },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str a = str_of(cases[i].a), b = str_of(cases[i].b);
		assert_int_equal(str_distance(a, b), cases[i].distance);
		assert_int_equal(str_distance(b, a), cases[i].distance);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing_knows_bytes_and_ascii_case),
		cmocka_unit_test(starts_and_ends_are_found),
		cmocka_unit_test(ascii_ends_at_127),
		cmocka_unit_test(parts_never_leave_the_view),
		cmocka_unit_test(finding_gives_a_place_or_the_length),
		cmocka_unit_test(cutting_gives_every_part_once),
		cmocka_unit_test(trimming_takes_white_space_at_both_ends),
		cmocka_unit_test(numbers_are_digits_and_fit),
		cmocka_unit_test(c_strings_become_views),
		cmocka_unit_test(distance_counts_typing_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
