#include "smtpd/queue/row.h"

#include "smtpd/queue/item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct queue_item *
make_item(void)
{
	struct queue_item *item = item_new(99);
	item_count(item, 1);
	item_count(item, 3);
	item->attempts = 4;
	item->received_ms = 1111111111111;
	item->next_ms = 2222222222222;
	item->warned = true;
	item->held = true;
	item_set(item, 0, RECIPIENT_DELIVERED, 250, STR("250 2.0.0 ok"));
	item_set(item, 2, RECIPIENT_WAITING, 451, STR("451 no connection"));
	item->status[2].ours = true;
	return item;
}

static struct buf
encode(struct queue_item *item, bool dropped)
{
	struct buf bytes = { 0 }, states = item_states(item);
	row_encode(item, buf_str(&states), dropped, &bytes);
	buf_free(&states);
	return bytes;
}

static void
a_row_says_what_the_item_said(void **state)
{
	(void)state;
	struct queue_item *item = make_item();
	struct buf bytes = encode(item, false);
	struct row row;
	assert_true(row_decode(buf_str(&bytes), &row));
	assert_int_equal(row.attempts, 4);
	assert_int_equal(row.received_ms, 1111111111111);
	assert_int_equal(row.next_ms, 2222222222222);
	assert_true(row.warned);
	assert_true(row.held);
	assert_false(row.dropped);
	assert_int_equal(row.count, 3);
	assert_int_equal(row.status[0].state, RECIPIENT_DELIVERED);
	assert_string_equal(row.status[0].text, "250 2.0.0 ok");
	assert_int_equal(row.status[1].state, RECIPIENT_WAITING);
	assert_null(row.status[1].text);
	assert_int_equal(row.status[2].code, 451);
	assert_int_equal(row.status[2].state, RECIPIENT_WAITING);
	assert_true(row.status[2].ours);
	assert_false(row.status[0].ours);
	row_free(&row);
	for (size_t n = 0; n < bytes.n; n++)
		assert_false(row_decode(str_sub(buf_str(&bytes), 0, n), &row));
	buf_free(&bytes);
	item_free(item);
}

static void
a_drop_needs_no_recipients(void **state)
{
	(void)state;
	struct queue_item *item = item_new(7);
	struct buf bytes = encode(item, true);
	struct row row;
	assert_true(row_decode(buf_str(&bytes), &row));
	assert_true(row.dropped);
	assert_false(row.held);
	assert_int_equal(row.count, 0);
	row_free(&row);
	buf_free(&bytes);
	item_free(item);
}

/* A count or a state that can't be is no reason to allocate. */
static void
nonsense_is_refused(void **state)
{
	(void)state;
	struct queue_item *item = make_item();
	struct buf bytes = encode(item, false);
	struct row row;
	bytes.p[0]++;
	assert_false(row_decode(buf_str(&bytes), &row));
	bytes.p[0]--;
	bytes.p[22] = 0x7f; /* the count */
	assert_false(row_decode(buf_str(&bytes), &row));
	bytes.p[22] = 0;
	bytes.p[26] = 9; /* the first state */
	assert_false(row_decode(buf_str(&bytes), &row));
	buf_free(&bytes);
	item_free(item);
}

static void
long_replies_are_cut(void **state)
{
	(void)state;
	struct queue_item *item = make_item();
	char text[2 * QUEUE_REPLY];
	memset(text, 'x', sizeof text);
	item_set(
	    item, 1, RECIPIENT_FAILED, 550, (struct str){ text, sizeof text });
	assert_int_equal(strlen(item->status[1].text), QUEUE_REPLY);
	item_set(item, 1, RECIPIENT_FAILED, 0, STR("")); /* says nothing new */
	assert_int_equal(item->status[1].code, 550);
	item_free(item);
}

/* A host that takes nobody gives all its recipients one answer. */
static void
equal_replies_are_kept_once(void **state)
{
	(void)state;
	struct queue_item *item = make_item();
	struct str busy = STR("451 4.3.2 too busy"), gone = STR("550 gone");
	item_count(item, 4);
	for (size_t i = 0; i < 4; i++)
		item_set(item, i, RECIPIENT_WAITING, 451, busy);
	for (size_t i = 1; i < 4; i++)
		assert_ptr_equal(item->status[i].text, item->status[0].text);
	item_set(item, 0, RECIPIENT_FAILED, 550, gone);
	assert_string_equal(item->status[0].text, gone.p);
	assert_string_equal(item->status[3].text, busy.p);
	item_set(item, 2, RECIPIENT_WAITING, 451, str_of(item->status[2].text));
	assert_string_equal(item->status[2].text, busy.p);
	for (size_t i = 1; i < 4; i++)
		item_set(item, i, RECIPIENT_FAILED, 550, gone);
	assert_ptr_equal(item->status[3].text, item->status[0].text);
	item_free(item);
}

static void
keys_are_in_the_order_of_ids(void **state)
{
	(void)state;
	struct buf low = { 0 }, high = { 0 };
	uint64_t id;
	row_key(255, &low);
	row_key(256, &high);
	assert_true(str_cmp(buf_str(&low), buf_str(&high)) < 0);
	assert_true(row_read_key(buf_str(&high), &id));
	assert_int_equal(id, 256);
	buf_addc(&high, 'x');
	assert_false(row_read_key(buf_str(&high), &id));
	buf_free(&low);
	buf_free(&high);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_what_the_item_said),
		cmocka_unit_test(a_drop_needs_no_recipients),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(long_replies_are_cut),
		cmocka_unit_test(equal_replies_are_kept_once),
		cmocka_unit_test(keys_are_in_the_order_of_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
