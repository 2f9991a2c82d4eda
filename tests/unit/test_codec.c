#include "lib/base/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

typedef bool reader(struct buf *, struct str);
typedef void adder(struct buf *, struct str);

static void
assert_both_ways(adder *add, reader *read, const char *bytes, const char *text)
{
	struct buf b = { 0 };
	add(&b, str_of(bytes));
	assert_string_equal(buf_cstr(&b), text);
	buf_clear(&b);
	assert_true(read(&b, str_of(text)));
	assert_string_equal(buf_cstr(&b), bytes);
	buf_free(&b);
}

static void
assert_refused(reader *read, struct str text)
{
	struct buf b = buf_of(STR("before"));
	assert_false(read(&b, text));
	assert_string_equal(buf_cstr(&b), "before");
	buf_free(&b);
}

/* RFC 4648 10 */
static void
base64_has_the_vectors_of_its_rfc(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" },
		{ "\xfb\xef", "++8=" },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_both_ways(
		    base64_add, base64_read, cases[i][0], cases[i][1]);
}

static void
base64_is_read_strictly(void **state)
{
	(void)state;
	static const struct str cases[] = {
		{ "Zg", 2 },
		{ "Zg=", 3 },
		{ "Zg===", 5 },
		{ "Zh==", 4 }, /* bits left over */
		{ "Zm9=", 4 },
		{ "Zg==Zg==", 8 },
		{ "Z===", 4 },
		{ "====", 4 },
		{ "=", 1 },
		{ "Zm9v\r\n", 6 },
		{ " Zm9v", 5 },
		{ "Zm-_", 4 },
		{ "Zm9v\0\0\0\0", 8 },
		{ "Z=9v", 4 },
		{ "Zm9vZ=9v", 8 },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(base64_read, cases[i]);
}

static void
hexadecimal_goes_both_ways(void **state)
{
	(void)state;
	assert_both_ways(hex_add, hex_read, "\x01\xaf\xff", "01afff");
	assert_both_ways(hex_add, hex_read, "", "");
	struct buf b = { 0 };
	assert_true(hex_read(&b, STR("4Ab0")));
	assert_true(str_eq(buf_str(&b), STR("J\xb0")));
	buf_free(&b);
	assert_refused(hex_read, STR("abc"));
	assert_refused(hex_read, STR("abgg"));
	assert_refused(hex_read, STR("ab "));
	assert_refused(hex_read, (struct str){ "a\0", 2 });
}

static void
base62_goes_both_ways(void **state)
{
	(void)state;
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 61, "z" },
		{ 62, "10" },
		{ 35, "Z" },
		{ UINT64_MAX, "LygHa16AHYF" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = { 0 };
		uint64_t n;
		base62_add(&b, cases[i].n);
		assert_string_equal(buf_cstr(&b), cases[i].text);
		assert_true(base62_read(buf_str(&b), &n));
		assert_int_equal(n, cases[i].n);
		buf_free(&b);
	}
}

static void
base62_refuses_what_is_no_number(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"a-b",
		"LygHa16AHYG", /* 2^64 */
		"zzzzzzzzzzz",
		"1000000000000000000000",
	};
	uint64_t n;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_false(base62_read(str_of(cases[i]), &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_has_the_vectors_of_its_rfc),
		cmocka_unit_test(base64_is_read_strictly),
		cmocka_unit_test(hexadecimal_goes_both_ways),
		cmocka_unit_test(base62_goes_both_ways),
		cmocka_unit_test(base62_refuses_what_is_no_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
