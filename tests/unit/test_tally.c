#include "smtpd/store/tally.h"

#include "tests/fakes/loop.h"
#include "tests/fakes/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	TODAY = 20777,
	WRITE_MS = 10000,
	ROWS = 300,
	TOPIC_ROWS = 20,
	BYTES = 8000,
	DAYS = 3,
};

static const struct tally_kind kind = {
	.row_tag = "test-row",
	.topic_tag = "test-note",
	.rows = ROWS,
	.topic_rows = TOPIC_ROWS,
	.bytes = BYTES,
	.days = DAYS,
};

static const struct tally_kind noteless = {
	.row_tag = "bare-row",
	.rows = ROWS,
	.topic_rows = TOPIC_ROWS,
	.bytes = BYTES,
	.days = DAYS,
};

static const struct tally_kind *used;
static struct loop *loop;
static struct tally *tally;
static unsigned idles;

static bool
count(uint32_t day, const char *domain, const char *note, const char *what)
{
	const struct tally_topic topic = { day, str_of(domain), str_of(note) };
	struct buf key = { 0 };
	row_key_put(&key, used->row_tag, day, topic.domain);
	buf_adds(&key, what);
	bool counted = tally_count(tally, &topic, buf_str(&key));
	buf_free(&key);
	return counted;
}

static uint64_t
sum(const struct row_sheet *sheet)
{
	uint64_t all = 0;
	for (size_t i = 0; i < sheet->count; i++)
		all += sheet->rows[i].count;
	return all;
}

/* "day domain note rows/count;" of each topic. */
static const char *
look(void)
{
	static char text[4096];
	size_t n = 0;
	const struct tally_topic *topic = NULL;
	*text = 0;
	while ((topic = tally_next(tally, topic))) {
		struct row_sheet sheet;
		tally_copy(tally, topic, &sheet);
		n += (size_t)snprintf(text + n, sizeof text - n,
		    "%d %.*s %.*s %zu/%llu;", (int)topic->day - TODAY,
		    STR_ARG(topic->domain), STR_ARG(topic->note), sheet.count,
		    (unsigned long long)sum(&sheet));
		row_sheet_free(&sheet);
	}
	return text;
}

static void
open_tally(const struct tally_kind *k)
{
	used = k;
	tally = tally_open(loop, fake_pairs.store, k);
}

static int
set_up(void **state)
{
	(void)state;
	loop = loop_new();
	fake_pairs_open(loop);
	idles = 0;
	open_tally(&kind);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fake_pairs_let_go();
	tally_free(tally);
	fake_loop_settle(loop);
	fake_pairs_close();
	loop_free(loop);
	return 0;
}

static void
die_and_start(void)
{
	tally_free(tally);
	fake_loop_settle(loop);
	open_tally(used);
}

static void
on_idle(struct tally *t)
{
	assert_ptr_equal(t, tally);
	idles++;
}

/* ---- counting ---- */

static void
the_same_again_is_one_row(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		count(TODAY, "a.test", "x", "1");
	count(TODAY, "a.test", "x", "2");
	count(TODAY, "b.test", "", "1");
	assert_string_equal(look(), "0 a.test x 2/6;0 b.test  1/1;");
}

static void
counts_are_written_after_some_seconds(void **state)
{
	(void)state;
	count(TODAY, "a.test", "x", "1");
	count(TODAY, "a.test", "x", "1");
	fake_loop_advance(loop, WRITE_MS - 1);
	assert_int_equal(fake_pairs.writes, 0);
	fake_loop_advance(loop, 1);
	assert_int_equal(fake_pairs.writes, 2); /* a note and a row */
	count(TODAY, "a.test", "x", "1");
	fake_loop_advance(loop, WRITE_MS);
	assert_int_equal(fake_pairs.writes, 3);
	fake_loop_advance(loop, 10 * WRITE_MS);
	assert_int_equal(fake_pairs.writes, 3);
	count(TODAY, "a.test", "x", "1");
	die_and_start(); /* before they were */
	assert_string_equal(look(), "0 a.test x 1/3;");
	count(TODAY, "a.test", "x", "1");
	assert_string_equal(look(), "0 a.test x 1/4;");
}

static void
a_stop_writes_what_has_changed(void **state)
{
	(void)state;
	count(TODAY, "a.test", "x", "1");
	fake_pairs.hold = true;
	tally_stop(tally, on_idle);
	fake_loop_settle(loop);
	assert_int_equal(idles, 0);
	fake_pairs_let_go();
	fake_loop_settle(loop);
	assert_int_equal(idles, 1);
	die_and_start();
	assert_string_equal(look(), "0 a.test x 1/1;");
	tally_stop(tally, on_idle);
	assert_int_equal(idles, 1); /* later, never from within the call */
	fake_loop_settle(loop);
	assert_int_equal(idles, 2);
	tally_expire(tally, TODAY + 100); /* what is written later changes */
	fake_loop_settle(loop); /* nothing of that */
	assert_int_equal(idles, 2);
}

static void
without_space_it_is_tried_again(void **state)
{
	(void)state;
	fake_pairs.result = STORE_FULL;
	count(TODAY, "a.test", "x", "1");
	fake_loop_advance(loop, 3 * WRITE_MS);
	assert_int_equal(fake_pairs.count, 0);
	fake_pairs.result = STORE_DONE;
	fake_loop_advance(loop, WRITE_MS);
	assert_int_equal(fake_pairs.count, 2);
	fake_pairs.result = STORE_LOST;
	count(TODAY, "a.test", "x", "1");
	fake_loop_advance(loop, 3 * WRITE_MS);
	assert_string_equal(look(), "0 a.test x 1/2;");
	fake_pairs.result = STORE_FULL;
	count(TODAY, "a.test", "x", "1");
	tally_stop(tally, on_idle);
	fake_loop_settle(loop);
	assert_int_equal(idles, 1); /* a stop doesn't wait for space */
}

/* Else it would come back at the next start, and be reported again. */
static void
without_space_it_is_removed_later(void **state)
{
	(void)state;
	count(TODAY, "a.test", "x", "1");
	count(TODAY, "b.test", "x", "1");
	fake_loop_advance(loop, WRITE_MS);
	assert_int_equal(fake_pairs.count, 4);
	fake_pairs.result = STORE_FULL;
	tally_expire(tally, TODAY + 100);
	fake_loop_advance(loop, 3 * WRITE_MS);
	count(TODAY, "b.test", "x", "1");
	fake_pairs.result = STORE_DONE;
	fake_loop_advance(loop, WRITE_MS);
	assert_int_equal(fake_pairs.count, 2);
	die_and_start();
	assert_string_equal(look(), "0 b.test x 1/1;");
	fake_pairs.result = STORE_FULL;
	tally_expire(tally, TODAY + 100);
	fake_loop_settle(loop); /* what is left to do goes with the tally */
}

static void
the_newest_note_counts(void **state)
{
	(void)state;
	count(TODAY, "a.test", "old", "1");
	fake_loop_advance(loop, WRITE_MS);
	count(TODAY, "a.test", "new", "1");
	fake_loop_advance(loop, WRITE_MS);
	die_and_start();
	assert_string_equal(look(), "0 a.test new 1/2;");
}

static void
there_may_be_no_notes(void **state)
{
	(void)state;
	tally_free(tally);
	open_tally(&noteless);
	count(TODAY, "a.test", "", "1");
	count(TODAY, "a.test", "", "2");
	fake_loop_advance(loop, WRITE_MS);
	assert_int_equal(fake_pairs.count, 2);
	die_and_start();
	assert_string_equal(look(), "0 a.test  2/2;");
}

/* ---- bounds ---- */

static void
days_go_after_a_while(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < DAYS + 3; i++)
		count(TODAY + i, "a.test", "x", "1");
	fake_loop_advance(loop, WRITE_MS);
	assert_string_equal(look(),
	    "2 a.test x 1/1;3 a.test x 1/1;4 a.test x 1/1;5 a.test x 1/1;");
	assert_int_equal(fake_pairs.count, 8);
	die_and_start();
	tally_expire(tally, TODAY + 100);
	fake_loop_settle(loop);
	assert_string_equal(look(), "");
	assert_int_equal(fake_pairs.count, 0);
}

static void
one_domain_cant_fill_it(void **state)
{
	(void)state;
	char what[16];
	for (int i = 0; i < TOPIC_ROWS + 5; i++) {
		snprintf(what, sizeof what, "%d", i);
		assert_int_equal(
		    count(TODAY, "a.test", "x", what), i < TOPIC_ROWS);
	}
	assert_int_equal(tally_dropped(tally), 5);
	assert_true(count(TODAY, "a.test", "x", "0")); /* it is there */
	assert_true(count(TODAY, "b.test", "x", "0"));
	assert_int_equal(tally_dropped(tally), 5);
}

static void
all_domains_together_cant_either(void **state)
{
	(void)state;
	char name[24], what[200];
	for (int way = 0; way < 2; way++) {
		/* many rows, then long ones */
		memset(what, 'x', sizeof what);
		what[way ? sizeof what - 1 : 1] = 0;
		for (int i = 0; i < ROWS; i++) {
			snprintf(name, sizeof name, "%d.test", i);
			count(TODAY, name, "x", what);
		}
		assert_in_range(tally_dropped(tally), ROWS / 2, ROWS);
		fake_loop_advance(loop, WRITE_MS);
		assert_in_range(fake_pairs.count, 1, ROWS);
		fake_pairs_close();
		fake_pairs_open(loop);
		die_and_start();
	}
}

static void
strange_pairs_are_left_alone(void **state)
{
	(void)state;
	count(TODAY, "a.test", "x", "1");
	fake_loop_advance(loop, WRITE_MS);
	fake_pairs_put(STR("sts policy"), STR("another owner's"));
	fake_pairs_put(STR("test-row\x01"), STR("damaged"));
	die_and_start();
	tally_expire(tally, TODAY + 100);
	fake_loop_settle(loop);
	assert_string_equal(look(), "");
	assert_int_equal(fake_pairs.count, 2);
	assert_true(fake_pairs_has(STR("sts policy")));
}

/* ---- reports ---- */

static void
what_is_reported_is_deducted(void **state)
{
	(void)state;
	struct row_sheet sheet;
	count(TODAY, "a.test", "x", "2");
	count(TODAY, "a.test", "x", "1");
	count(TODAY, "a.test", "x", "1");
	tally_copy(tally, tally_find(tally, TODAY, STR("a.test")), &sheet);
	assert_int_equal(sheet.count, 2);
	assert_true(str_cmp(buf_str(&sheet.rows[0].key),
			buf_str(&sheet.rows[1].key)) < 0);
	assert_int_equal(sheet.rows[0].count, 2);
	count(TODAY, "a.test", "x", "1"); /* meanwhile */
	count(TODAY, "a.test", "x", "3");
	tally_deduct(tally, TODAY, STR("a.test"), &sheet);
	row_sheet_free(&sheet);
	assert_string_equal(look(), "0 a.test x 2/2;");
	fake_loop_advance(loop, WRITE_MS);
	die_and_start();
	assert_string_equal(look(), "0 a.test x 2/2;");
}

static void
what_is_reported_whole_is_gone(void **state)
{
	(void)state;
	struct row_sheet sheet;
	count(TODAY, "a.test", "x", "1");
	fake_loop_advance(loop, WRITE_MS);
	tally_copy(tally, tally_find(tally, TODAY, STR("a.test")), &sheet);
	tally_deduct(tally, TODAY, STR("a.test"), &sheet);
	tally_deduct(tally, TODAY, STR("a.test"), &sheet); /* nothing */
	row_sheet_free(&sheet);
	fake_loop_settle(loop);
	assert_string_equal(look(), "");
	assert_int_equal(fake_pairs.count, 0);
	assert_null(tally_find(tally, TODAY, STR("a.test")));
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_same_again_is_one_row),
		CASE(counts_are_written_after_some_seconds),
		CASE(a_stop_writes_what_has_changed),
		CASE(without_space_it_is_tried_again),
		CASE(without_space_it_is_removed_later),
		CASE(the_newest_note_counts),
		CASE(there_may_be_no_notes),
		CASE(days_go_after_a_while),
		CASE(one_domain_cant_fill_it),
		CASE(all_domains_together_cant_either),
		CASE(strange_pairs_are_left_alone),
		CASE(what_is_reported_is_deducted),
		CASE(what_is_reported_whole_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
