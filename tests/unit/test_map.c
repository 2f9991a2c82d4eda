#include "lib/base/map.h"
#include "lib/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	MANY = 5000
};

struct entry {
	struct map_node node;
	char text[12];
	bool seen;
};

static struct entry entries[MANY];

static struct str
key_of(size_t i)
{
	struct entry *e = &entries[i];
	int n = snprintf(e->text, sizeof(e->text), "key %zu", i);
	return (struct str){ e->text, (size_t)n };
}

static size_t
count_of(const struct map *m)
{
	size_t n = 0;
	for (struct map_node *i = map_next(m, NULL); i; i = map_next(m, i))
		n++;
	return n;
}

static void
what_was_added_is_found(void **state)
{
	(void)state;
	struct map m = { 0 };
	assert_null(map_find(&m, STR("key 0")));
	assert_null(map_next(&m, NULL));
	for (size_t i = 0; i < MANY; i++)
		map_add(&m, &entries[i].node, key_of(i));
	assert_int_equal(m.count, MANY);
	assert_true(m.size >= MANY); /* chains stay short */
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(map_find(&m, key_of(i)), &entries[i].node);
	assert_null(map_find(&m, STR("key")));
	assert_null(map_find(&m, STR("KEY 1")));
	map_free(&m);
	assert_int_equal(m.count, 0);
}

static void
walking_meets_each_once_and_may_remove_behind_itself(void **state)
{
	(void)state;
	struct map m = { 0 };
	for (size_t i = 0; i < MANY; i++)
		map_add(&m, &entries[i].node, key_of(i));
	struct map_node *next, *n;
	for (n = map_next(&m, NULL); n; n = next) {
		struct entry *e = container_of(n, struct entry, node);
		next = map_next(&m, n);
		assert_false(e->seen);
		e->seen = true;
		if ((e - entries) % 2)
			map_remove(&m, n);
	}
	assert_int_equal(m.count, MANY / 2);
	assert_int_equal(count_of(&m), MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(map_find(&m, key_of(i)) != NULL, i % 2 == 0);
	map_free(&m);
}

static void
keys_are_bytes(void **state)
{
	(void)state;
	struct map m = { 0 };
	struct map_node one, two, three;
	map_add(&m, &one, (struct str){ "a\0b", 3 });
	map_add(&m, &two, (struct str){ "a\0c", 3 });
	map_add(&m, &three, STR(""));
	assert_ptr_equal(map_find(&m, (struct str){ "a\0b", 3 }), &one);
	assert_ptr_equal(map_find(&m, (struct str){ "a\0c", 3 }), &two);
	assert_ptr_equal(map_find(&m, (struct str){ NULL, 0 }), &three);
	assert_null(map_find(&m, STR("a")));
	map_free(&m);
}

/* From vectors.h of the reference implementation: key 00..0f, input 00..(n-1).
 */
static void
the_hash_is_siphash_2_4(void **state)
{
	(void)state;
	static const uint64_t key[2] = {
		0x0706050403020100,
		0x0f0e0d0c0b0a0908,
	};
	static const struct {
		size_t n;
		uint64_t hash;
	} cases[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
	};
	static const char input[] = "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16";
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
		    siphash(key, (struct str){ input, cases[i].n }),
		    cases[i].hash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found),
		cmocka_unit_test(
		    walking_meets_each_once_and_may_remove_behind_itself),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(the_hash_is_siphash_2_4),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
