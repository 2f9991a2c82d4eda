#include "lib/base/buf.h"
#include "lib/base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
what_is_put_is_read_back(void **state)
{
	(void)state;
	struct buf b = { 0 };
	put_u8(&b, 0xfe);
	put_u16(&b, 0xfedc);
	put_u32(&b, 0xfedcba98);
	put_u64(&b, 0xfedcba9876543210);
	put_str(&b, STR("text"));
	put_str(&b, STR(""));
	buf_adds(&b, "rest");
	struct cursor c = cursor_of(buf_str(&b));
	assert_int_equal(cursor_u8(&c), 0xfe);
	assert_int_equal(cursor_u16(&c), 0xfedc);
	assert_int_equal(cursor_u32(&c), 0xfedcba98);
	assert_int_equal(cursor_u64(&c), 0xfedcba9876543210);
	assert_true(str_eq(cursor_str(&c), STR("text")));
	assert_true(str_empty(cursor_str(&c)));
	assert_true(str_eq(cursor_rest(&c), STR("rest")));
	assert_false(cursor_end(&c));
	assert_true(str_eq(cursor_bytes(&c, 4), STR("rest")));
	assert_true(cursor_end(&c));
	buf_free(&b);
}

static void
numbers_are_big_endian(void **state)
{
	(void)state;
	struct buf b = { 0 };
	put_u32(&b, 0x61626364);
	assert_true(str_eq(buf_str(&b), STR("abcd")));
	buf_free(&b);
}

static void
an_error_sticks(void **state)
{
	(void)state;
	struct cursor c = cursor_of(STR("abc"));
	assert_int_equal(cursor_u32(&c), 0);
	assert_true(c.failed);
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(str_empty(cursor_bytes(&c, 1)));
	assert_true(str_empty(cursor_rest(&c)));
	assert_false(cursor_end(&c));
}

static void
a_length_beyond_the_end_fails(void **state)
{
	(void)state;
	struct cursor c = cursor_of((struct str){ "\xff\xff\xff\xff!", 5 });
	assert_true(str_empty(cursor_str(&c)));
	assert_true(c.failed);
	c = cursor_of(STR("ab"));
	cursor_u8(&c);
	assert_true(str_empty(cursor_bytes(&c, SIZE_MAX)));
	assert_true(c.failed);
}

static void
nothing_is_at_its_end(void **state)
{
	(void)state;
	struct cursor c = cursor_of((struct str){ NULL, 0 });
	assert_true(cursor_end(&c));
	assert_true(str_empty(cursor_bytes(&c, 0)));
	assert_true(cursor_end(&c));
	cursor_u8(&c);
	assert_false(cursor_end(&c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_read_back),
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(an_error_sticks),
		cmocka_unit_test(a_length_beyond_the_end_fails),
		cmocka_unit_test(nothing_is_at_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
