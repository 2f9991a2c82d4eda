#include "smtpd/queue/record.h"

#include "lib/base/crc.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	SEED = 0x12345678,
	LAP = 7,
	COUNT = 5
};

static struct buf bytes;
static size_t ends[COUNT + 1]; /* of the first record, the second, ... */

static void
add(uint32_t seed, uint64_t lap, uint64_t id, struct str body)
{
	struct envelope *e = envelope_new();
	struct message *m = message_new();
	e->id = id;
	e->sender = STR("ann@sender.example");
	buf_adds(&m->header, "Subject: x\r\n");
	buf_add(&m->body, body);
	record_write(&bytes, seed, lap, e, m);
	envelope_free(e);
	message_free(m);
}

static int
set_up(void **state)
{
	(void)state;
	buf_clear(&bytes);
	for (size_t i = 0; i < COUNT; i++) {
		char body[200];
		memset(body, 'a' + (int)i, sizeof body);
		ends[i] = bytes.n;
		add(SEED, LAP, 100 + i, (struct str){ body, 11 * i + 1 });
	}
	ends[COUNT] = bytes.n;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_free(&bytes);
	return 0;
}

/* The ids of the whole records as digits above 100; "!" for a damaged one. */
static const char *
found_in(struct str b)
{
	static char text[64];
	struct record_scan scan = { .bytes = b, .seed = SEED };
	struct record r;
	size_t n = 0;
	while (record_next(&scan, &r) && n + 1 < sizeof text)
		text[n++] = r.whole ? (char)('0' + r.id - 100) : '!';
	text[n] = '\0';
	return text;
}

static void
records_are_read_as_they_were_written(void **state)
{
	(void)state;
	struct record_scan scan = { .bytes = buf_str(&bytes), .seed = SEED };
	struct record r;
	struct payload p;
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(record_next(&scan, &r));
		assert_true(r.whole);
		assert_int_equal(r.lap, LAP);
		assert_int_equal(r.id, 100 + i);
		assert_int_equal(r.at, ends[i]);
		assert_int_equal(r.end, ends[i + 1]);
		assert_true(payload_read(&p, r.payload, r.kind, r.id, "spool"));
		assert_int_equal(p.message->body.n, 11 * i + 1);
		assert_string_equal(
		    buf_cstr(&p.message->header), "Subject: x\r\n");
		assert_str(p.envelope->sender, STR("ann@sender.example"));
		payload_free(&p);
		assert_false(
		    payload_read(&p, r.payload, r.kind, r.id + 1, "spool"));
	}
	assert_false(record_next(&scan, &r));
}

static void
a_large_body_is_named_by_its_id(void **state)
{
	(void)state;
	struct envelope *e = envelope_new();
	struct message *m = message_new();
	struct payload p;
	struct record r;
	e->id = 62;
	buf_adds(&m->file, "/data/spool/10.body");
	m->file_size = 123456789012;
	m->file_crc = 0xdeadbeef;
	buf_clear(&bytes);
	record_write(&bytes, SEED, LAP, e, m);
	struct record_scan scan = { .bytes = buf_str(&bytes), .seed = SEED };
	assert_true(record_next(&scan, &r));
	assert_int_equal(r.kind, PAYLOAD_FILE);
	assert_true(payload_read(&p, r.payload, r.kind, 62, "/data/spool"));
	assert_string_equal(buf_cstr(&p.message->file), buf_cstr(&m->file));
	assert_int_equal(p.message->file_size, m->file_size);
	assert_int_equal(p.message->file_crc, m->file_crc);
	payload_free(&p);
	envelope_free(e);
	message_free(m);
}

/* SCAN: any octet may rot; only its own record is lost. */
static void
a_bad_octet_costs_its_own_record_only(void **state)
{
	(void)state;
	for (size_t at = 0; at < bytes.n; at++) {
		char expected[COUNT + 1] = "01234";
		size_t mine = 0;
		while (ends[mine + 1] <= at)
			mine++;
		bytes.p[at] ^= 0x40;
		const char *found = found_in(buf_str(&bytes));
		bytes.p[at] ^= 0x40;
		char without[COUNT + 1] = "";
		for (size_t i = 0, n = 0; i < COUNT; i++)
			if (i != mine)
				without[n++] = expected[i];
		expected[mine] = '!';
		/* The padding and the last field of the head don't count. */
		if (strcmp(found, "01234") != 0 && strcmp(found, without) != 0)
			assert_string_equal(found, expected);
		if (at - ends[mine] < 36)
			assert_string_equal(found, without);
	}
}

static void
the_tail_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n <= bytes.n; n++) {
		char *copy = malloc(n + 1);
		memcpy(copy, bytes.p, n);
		size_t whole = 0;
		while (whole < COUNT && ends[whole + 1] <= n)
			whole++;
		const char *found = found_in((struct str){ copy, n });
		assert_true(strlen(found) >= whole);
		assert_memory_equal(found, "01234", whole);
		assert_true(strlen(found) <= whole + 1);
		free(copy);
	}
}

/* A record inside a message isn't believed, not even when what holds it is
   damaged: it can't know the seed. */
static void
a_forged_record_is_not_believed(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 2; seed++) {
		buf_clear(&bytes);
		add(seed, LAP + 1, 109, STR("believe me"));
		struct buf forged = buf_take(&bytes);
		add(SEED, LAP, 100, buf_str(&forged));
		assert_string_equal(found_in(buf_str(&bytes)), "0");
		for (size_t shift = 0; shift < RECORD_ALIGN; shift++) {
			buf_clear(&bytes);
			struct buf body = { 0 };
			memset(buf_reserve(&body, shift), ' ', shift);
			body.n = shift;
			buf_add(&body, buf_str(&forged));
			add(SEED, LAP, 100, buf_str(&body));
			memset(bytes.p, 0xff, RECORD_HEAD);
			assert_string_equal(found_in(buf_str(&bytes)), "");
			buf_free(&body);
		}
		buf_free(&forged);
	}
}

static void
records_of_other_laps_are_told_apart(void **state)
{
	(void)state;
	struct buf old = buf_take(&bytes);
	add(SEED, LAP + 1, 108, STR("newer"));
	memcpy(old.p, bytes.p, bytes.n); /* over the first two or so */
	struct record_scan scan = { .bytes = buf_str(&old), .seed = SEED };
	struct record r;
	assert_true(record_next(&scan, &r));
	assert_int_equal(r.lap, LAP + 1);
	assert_int_equal(r.id, 108);
	while (record_next(&scan, &r))
		assert_int_equal(r.lap, LAP);
	buf_free(&old);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(records_are_read_as_they_were_written),
		CASE(a_large_body_is_named_by_its_id),
		CASE(a_bad_octet_costs_its_own_record_only),
		CASE(the_tail_may_be_cut_anywhere),
		CASE(a_forged_record_is_not_believed),
		CASE(records_of_other_laps_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
