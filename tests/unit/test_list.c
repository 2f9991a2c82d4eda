#include "lib/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct item {
	int padding;
	struct list_node node;
	char name;
};

static struct item a = { .name = 'a' }, b = { .name = 'b' },
		   c = { .name = 'c' };

/* The names in order, which are walked in both directions. */
static const char *
names(struct list *l)
{
	static char text[8];
	size_t n = 0;
	for (struct list_node *i = list_first(l); i; i = list_next(l, i)) {
		assert_ptr_equal(i->next->prev, i);
		assert_ptr_equal(i->prev->next, i);
		text[n++] = container_of(i, struct item, node)->name;
	}
	text[n] = '\0';
	return text;
}

static void
order_is_as_pushed(void **state)
{
	(void)state;
	struct list l;
	list_init(&l);
	assert_true(list_empty(&l));
	assert_null(list_first(&l));
	list_push(&l, &b.node);
	list_push(&l, &c.node);
	list_push_front(&l, &a.node);
	assert_false(list_empty(&l));
	assert_string_equal(names(&l), "abc");
	list_remove(&c.node);
	list_insert_before(&b.node, &c.node);
	assert_string_equal(names(&l), "acb");
	assert_ptr_equal(list_pop(&l), &a.node);
	assert_ptr_equal(list_pop(&l), &c.node);
	assert_ptr_equal(list_pop(&l), &b.node);
	assert_null(list_pop(&l));
}

static void
removing_twice_is_free(void **state)
{
	(void)state;
	struct list l;
	list_init(&l);
	list_push(&l, &a.node);
	list_push(&l, &b.node);
	assert_true(list_linked(&a.node));
	list_remove(&a.node);
	assert_false(list_linked(&a.node));
	list_remove(&a.node);
	assert_string_equal(names(&l), "b");
	list_remove(&b.node);
	assert_true(list_empty(&l));
}

static void
one_list_takes_all_of_another(void **state)
{
	(void)state;
	struct list to, from;
	list_init(&to);
	list_init(&from);
	list_take(&to, &from);
	assert_true(list_empty(&to));
	list_push(&to, &a.node);
	list_push(&from, &b.node);
	list_push(&from, &c.node);
	list_take(&to, &from);
	assert_string_equal(names(&to), "abc");
	assert_true(list_empty(&from));
	list_take(&from, &to);
	assert_string_equal(names(&from), "abc");
	while (list_pop(&from))
		;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_as_pushed),
		cmocka_unit_test(removing_twice_is_free),
		cmocka_unit_test(one_list_takes_all_of_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
