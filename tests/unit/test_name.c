#include "lib/base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Labels of 63 octets with dots between, cut to n octets. */
static struct str
long_name(size_t n)
{
	static char text[300];
	for (size_t i = 0; i < n; i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	return (struct str){ text, n };
}

static void
host_names_are_letters_digits_hyphens(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool host, dns;
	} cases[] = {
		{ "example.com", true, true },
		{ "localhost", true, true },
		{ "3com.example", true, true },
		{ "xn--bcher-kva.example", true, true },
		{ "a-b.c--d", true, true },
		{ "_dmarc.example.com", false, true },
		{ "sel_ector._domainkey.example", false, true },
		{ "", false, false },
		{ ".", false, false },
		{ "example.com.", false, false },
		{ ".example.com", false, false },
		{ "example..com", false, false },
		{ "-a.example", false, false },
		{ "a-.example", false, false },
		{ "a b.example", false, false },
		{ "b\xc3\xbc"
		  "cher.example",
		    false, false },
		{ "*.example", false, false },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str s = str_of(cases[i].text);
		assert_int_equal(name_is_host(s), cases[i].host);
		assert_int_equal(name_is_dns(s), cases[i].dns);
	}
	assert_false(name_is_dns((struct str){ "a\0b", 3 }));
	assert_false(name_is_host((struct str){ NULL, 0 }));
}

static void
lengths_end_where_the_rfc_ends_them(void **state)
{
	(void)state;
	assert_true(name_is_host(long_name(63)));
	assert_true(name_is_host(long_name(253)));
	assert_false(name_is_host(long_name(254)));
	char label[64];
	memset(label, 'a', sizeof(label));
	assert_false(name_is_host((struct str){ label, sizeof(label) }));
}

static void
names_compare_without_case_and_last_dot(void **state)
{
	(void)state;
	assert_true(name_eq(STR("Example.COM."), STR("example.com")));
	assert_false(name_eq(STR("example.com"), STR("example.co")));
	assert_true(str_eq(name_strip_dot(STR("a.")), STR("a")));
	assert_true(str_empty(name_strip_dot(STR("."))));
	assert_true(str_eq(name_strip_dot(STR("a..")), STR("a.")));
}

static void
below_means_at_a_label(void **state)
{
	(void)state;
	static const struct {
		const char *name, *parent;
		bool below;
	} cases[] = {
		{ "mail.example.com", "example.com", true },
		{ "example.com", "EXAMPLE.com.", true },
		{ "mail.example.com.", "com", true },
		{ "badexample.com", "example.com", false },
		{ "example.com", "mail.example.com", false },
		{ "example.com", "", true },
		{ "example.com", ".", true },
		{ "", "com", false },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(name_is_below(str_of(cases[i].name),
				     str_of(cases[i].parent)),
		    cases[i].below);
}

static void
parents_end_at_the_root(void **state)
{
	(void)state;
	struct str s = STR("a.b.c");
	assert_int_equal(name_labels(s), 3);
	s = name_parent(s);
	assert_true(str_eq(s, STR("b.c")));
	s = name_parent(name_parent(s));
	assert_true(str_empty(s));
	assert_int_equal(name_labels(s), 0);
	assert_true(str_empty(name_parent(s)));
	assert_int_equal(name_labels(STR("a.b.")), 2);
}

static void
the_wire_form_has_lengths(void **state)
{
	(void)state;
	static const struct {
		struct str text, wire;
	} cases[] = {
		{ { "Mx.example.com", 14 }, { "\2Mx\7example\3com\0", 16 } },
		{ { "com.", 4 }, { "\3com\0", 5 } },
		{ { "", 0 }, { "\0", 1 } },
		{ { "a b._x", 6 }, { "\3a b\2_x\0", 8 } },
		/* RFC 1035 5.1 */
		{ { "a\\.b\\\\.\\000\\255", 15 }, { "\4a.b\\\2\0\377\0", 9 } },
		{ { "a\\.", 3 }, { "\2a.\0", 4 } },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = { 0 };
		assert_true(name_to_wire(cases[i].text, &b));
		assert_true(str_eq(buf_str(&b), cases[i].wire));
		buf_free(&b);
	}
}

static void
what_has_no_wire_form_leaves_nothing(void **state)
{
	(void)state;
	const struct str cases[] = {
		STR(".a"),
		STR("a..b"),
		STR("a.."),
		STR("a\\"),
		STR("a\\25"),
		STR("a\\2x5"),
		STR("a\\256"),
		long_name(254),
		STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaa.b"),
	};
	struct buf b = buf_of(STR("before"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_false(name_to_wire(cases[i], &b));
		assert_string_equal(buf_cstr(&b), "before");
	}
	assert_true(name_to_wire(long_name(253), &b));
	assert_int_equal(b.n, 6 + 255);
	buf_free(&b);
}

static void
escaped_names_come_out_as_they_were(void **state)
{
	(void)state;
	struct str octets = STR("A b.\\\0\x7f\xff.c~!");
	struct buf text = { 0 }, wire = { 0 };
	name_escape(&text, octets);
	assert_string_equal(buf_cstr(&text), "A\\032b.\\\\\\000\\127\\255.c~!");
	assert_true(name_to_wire(buf_str(&text), &wire));
	assert_true(str_eq(buf_str(&wire), STR("\3A b\4\\\0\x7f\xff\3c~!\0")));
	buf_free(&wire);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_names_are_letters_digits_hyphens),
		cmocka_unit_test(lengths_end_where_the_rfc_ends_them),
		cmocka_unit_test(names_compare_without_case_and_last_dot),
		cmocka_unit_test(below_means_at_a_label),
		cmocka_unit_test(parents_end_at_the_root),
		cmocka_unit_test(the_wire_form_has_lengths),
		cmocka_unit_test(what_has_no_wire_form_leaves_nothing),
		cmocka_unit_test(escaped_names_come_out_as_they_were),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
