#include "lib/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
adding_keeps_every_byte(void **state)
{
	(void)state;
	struct buf b = { 0 };
	buf_adds(&b, "one");
	buf_addc(&b, '\0');
	buf_add(&b, STR("two"));
	buf_addf(&b, " %d-%s", 3, "four");
	assert_true(str_eq(buf_str(&b), (struct str){ "one\0two 3-four", 14 }));
	buf_free(&b);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
}

static void
an_empty_buffer_is_an_empty_view(void **state)
{
	(void)state;
	struct buf b = { 0 };
	buf_add(&b, (struct str){ NULL, 0 });
	assert_non_null(buf_str(&b).p);
	assert_true(str_empty(buf_str(&b)));
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void
growing_keeps_what_is_there(void **state)
{
	(void)state;
	enum {
		BYTES = 100000
	};
	struct buf b = { 0 };
	for (unsigned i = 0; i < BYTES; i++)
		buf_addc(&b, (char)(i % 251));
	assert_int_equal(b.n, BYTES);
	for (unsigned i = 0; i < BYTES; i++)
		assert_int_equal(b.p[i], (char)(i % 251));
	assert_string_equal(buf_cstr(&b) + BYTES, "");
	buf_free(&b);
}

static void
reserved_room_can_be_written_whole(void **state)
{
	(void)state;
	struct buf b = buf_of(STR("ab"));
	char *room = buf_reserve(&b, 5000);
	memset(room, 'x', 5000);
	b.n += 5000;
	assert_true(str_starts(buf_str(&b), STR("abxx")));
	assert_non_null(buf_reserve(&b, 0));
	buf_free(&b);
}

static void
long_formatted_text_is_whole(void **state)
{
	(void)state;
	struct buf b = { 0 };
	buf_addf(&b, "%0300d", 7);
	assert_int_equal(b.n, 300);
	assert_int_equal(b.p[299], '7');
	buf_free(&b);
}

static void
draining_and_cutting_leave_the_rest(void **state)
{
	(void)state;
	struct buf b = buf_of(STR("hello world"));
	buf_drain(&b, 6);
	assert_true(str_eq(buf_str(&b), STR("world")));
	buf_cut(&b, 9);
	assert_int_equal(b.n, 5);
	buf_cut(&b, 3);
	assert_true(str_eq(buf_str(&b), STR("wor")));
	buf_drain(&b, 99);
	assert_int_equal(b.n, 0);
	buf_drain(&b, 0);
	buf_adds(&b, "x");
	buf_clear(&b);
	assert_true(str_empty(buf_str(&b)));
	buf_free(&b);
}

static void
taking_moves_the_memory(void **state)
{
	(void)state;
	struct buf b = buf_of(STR("text"));
	const char *p = b.p;
	struct buf taken = buf_take(&b);
	assert_ptr_equal(taken.p, p);
	assert_null(b.p);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.cap, 0);
	buf_free(&taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding_keeps_every_byte),
		cmocka_unit_test(an_empty_buffer_is_an_empty_view),
		cmocka_unit_test(growing_keeps_what_is_there),
		cmocka_unit_test(reserved_room_can_be_written_whole),
		cmocka_unit_test(long_formatted_text_is_whole),
		cmocka_unit_test(draining_and_cutting_leave_the_rest),
		cmocka_unit_test(taking_moves_the_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
