#include "lib/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
memory_is_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	enum {
		COUNT = 300
	};
	struct arena a = { 0 };
	unsigned char *parts[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		parts[i] = arena_alloc(&a, i);
		assert_int_equal(
		    (uintptr_t)parts[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(parts[i][k], 0);
		memset(parts[i], (int)(i % 255 + 1), i);
	}
	for (size_t i = 0; i < COUNT; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_equal(parts[i][k], i % 255 + 1);
	arena_free(&a);
	assert_null(a.blocks);
}

static void
an_idle_owner_takes_little(void **state)
{
	(void)state;
	struct arena a = { 0 };
	assert_int_equal(arena_size(&a), 0);
	arena_alloc(&a, 100);
	assert_true(arena_size(&a) >= 100);
	assert_true(arena_size(&a) <= 1024);
	arena_alloc(&a, 1000000);
	assert_true(arena_size(&a) >= 1000100);
	arena_alloc(&a, 40000);
	assert_true(arena_size(&a) < 1100000);
	arena_free(&a);
	assert_int_equal(arena_size(&a), 0);
}

static void
copies_are_their_own_and_end_in_nul(void **state)
{
	(void)state;
	struct arena a = { 0 };
	char text[] = "Ab\xc3\x84Z[";
	struct str copy = arena_str(&a, str_of(text));
	struct str low = arena_lower(&a, str_of(text));
	struct str printed = arena_printf(&a, "%s/%u", "path", 7u);
	struct str empty = arena_str(&a, (struct str){ NULL, 0 });
	text[0] = 'x';
	assert_string_equal(copy.p, "Ab\xc3\x84Z[");
	assert_string_equal(low.p, "ab\xc3\x84z[");
	assert_int_equal(low.n, copy.n);
	assert_string_equal(printed.p, "path/7");
	assert_int_equal(printed.n, 6);
	assert_string_equal(empty.p, "");
	arena_free(&a);
}

static void
plain_memory_is_zeroed_and_grows(void **state)
{
	(void)state;
	char *p = mem_alloc(0);
	assert_non_null(p);
	free(p);
	int *numbers = mem_array(NULL, 2, sizeof(int));
	numbers[1] = 7;
	numbers = mem_array(numbers, 500, sizeof(int));
	assert_int_equal(numbers[1], 7);
	free(mem_array(numbers, 0, sizeof(int)));
	char *c = mem_cstr((struct str){ "abc", 2 });
	assert_string_equal(c, "ab");
	free(c);
	c = mem_cstr((struct str){ NULL, 0 });
	assert_string_equal(c, "");
	free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(an_idle_owner_takes_little),
		cmocka_unit_test(copies_are_their_own_and_end_in_nul),
		cmocka_unit_test(plain_memory_is_zeroed_and_grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
