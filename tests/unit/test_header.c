#include "lib/mail/header.h"

#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *bytes;
	size_t end;
} ends[] = {
	{ "", 0 },
	{ "\r\n", 2 },
	{ "\r\nbody", 2 },
	{ "A: b\r\n", 0 },
	{ "A: b\r\n\r\n", 8 },
	{ "A: b\r\n\r\nC: d\r\n\r\n", 8 },
	{ "A: b\r\n \r\n\r\nbody", 11 },
	{ "A: b\n\nC: d\r\n\r\n", 14 },
	{ "A: b\r\n\n\r\n", 0 },
};

/* However the bytes come in. */
static void
finds_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct str bytes = str_of(ends[i].bytes);
		for (size_t step = 1; step <= bytes.n + 1; step++) {
			size_t scanned = 0, end = 0;
			for (size_t n = 0; n < bytes.n && !end;) {
				n += step;
				end =
				    header_end(str_sub(bytes, 0, n), &scanned);
			}
			assert_int_equal(end, ends[i].end);
		}
	}
}

static void
does_not_scan_twice(void **state)
{
	(void)state;
	size_t scanned = 0;
	assert_int_equal(header_end(STR("A: b\r\nC: d"), &scanned), 0);
	assert_int_equal(scanned, 10);
	/* Had it looked at the first octets again, it would find this. */
	assert_int_equal(header_end(STR("A\r\n\r\n: d: d"), &scanned), 0);
}

struct field {
	const char *name, *value;
};

static const struct {
	const char *section;
	bool good;
	struct field fields[4];
	size_t rest; /* octets behind the fields */
} sections[] = {
	{ "", true, { { 0 } }, 0 },
	{ "\r\n", true, { { 0 } }, 2 },
	{ "A: b\r\n", true, { { "A", " b" } }, 0 },
	{ "A:\r\n", true, { { "A", "" } }, 0 },
	{ "A: b\r\nC:d \r\n\r\n", true, { { "A", " b" }, { "C", "d " } }, 2 },
	{ "A: b\r\n\tc\r\n d\r\nE: f\r\n", true,
	    { { "A", " b\r\n\tc\r\n d" }, { "E", " f" } }, 0 },
	{ "A:\r\n b\r\n", true, { { "A", "\r\n b" } }, 0 },
	{ "A: b\r\n \r\nC: d\r\n", true, { { "A", " b\r\n " }, { "C", " d" } },
	    0 },
	{ "A: b:c\r\n", true, { { "A", " b:c" } }, 0 },
	/* RFC 5322 4.5 */
	{ "A : b\r\nB\t  :c\r\n", true, { { "A", " b" }, { "B", "c" } }, 0 },
	{ "X-{}~!: 1\r\n", true, { { "X-{}~!", " 1" } }, 0 },
	{ "A: \xc3\xa4\r\n", true, { { "A", " \xc3\xa4" } }, 0 },
	/* a line that is no field */
	{ "A: b\r\nfoo\r\nC: d\r\n", false, { { "A", " b" } }, 11 },
	{ " A: b\r\n", false, { { 0 } }, 7 },
	{ ": b\r\n", false, { { 0 } }, 5 },
	{ " : b\r\n", false, { { 0 } }, 6 },
	{ "A b: c\r\n", false, { { 0 } }, 8 },
	{ "From me Mon: c\r\n", false, { { 0 } }, 16 },
	{ "\xc3\xa4: c\r\n", false, { { 0 } }, 7 },
	{ "A\x01: c\r\n", false, { { 0 } }, 7 },
	{ "A\r\n : c\r\n", false, { { 0 } }, 9 },
	{ "A\n: c\r\n", false, { { 0 } }, 7 },
	/* the last line has no end */
	{ "A: b", false, { { 0 } }, 4 },
	{ "A: b\r\n c", false, { { 0 } }, 8 },
	{ "A: b\n", false, { { 0 } }, 5 },
};

static void
check_section(size_t i, const struct header *header)
{
	const struct field *fields = sections[i].fields;
	struct buf whole = { 0 };
	size_t count = 0;
	for (; count < 4 && fields[count].name; count++) {
		struct header_field *field = &header->fields[count];
		assert_true(count < header->count);
		assert_str(field->name, str_of(fields[count].name));
		assert_str(field->value, str_of(fields[count].value));
		buf_add(&whole, field->whole);
	}
	assert_int_equal(header->count, count);
	struct str section = str_of(sections[i].section);
	section.n -= sections[i].rest;
	assert_str(header->bytes, section);
	assert_str(buf_str(&whole), section);
	buf_free(&whole);
}

static void
parses_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		struct arena arena = { 0 };
		struct header header;
		const char *why = NULL;
		bool good = header_parse(
		    str_of(sections[i].section), &arena, &header, &why);
		assert_int_equal(good, sections[i].good);
		assert_int_equal(why != NULL, !good);
		check_section(i, &header);
		arena_free(&arena);
	}
}

static bool
parse_many(size_t count, struct str field)
{
	struct arena arena = { 0 };
	struct buf section = { 0 };
	struct header header;
	const char *why = NULL;
	for (size_t i = 0; i < count; i++)
		buf_add(&section, field);
	bool good = header_parse(buf_str(&section), &arena, &header, &why);
	assert_int_equal(good, header.count == count);
	buf_free(&section);
	arena_free(&arena);
	return good;
}

static void
has_limits(void **state)
{
	(void)state;
	static char field[HEADER_MAX_BYTES / 4];
	assert_true(parse_many(HEADER_MAX_FIELDS, STR("A: b\r\n")));
	assert_false(parse_many(HEADER_MAX_FIELDS + 1, STR("A: b\r\n")));
	assert_false(parse_many(100000, STR("A:\r\n")));
	memset(field, 'x', sizeof field);
	memcpy(field, "A:", 2);
	memcpy(field + sizeof field - 2, "\r\n", 2);
	assert_true(parse_many(4, (struct str){ field, sizeof field }));
	assert_false(parse_many(5, (struct str){ field, sizeof field }));
}

static const char message[] = "Received: one\r\n"
			      "From: a@x\r\n"
			      "Subject: folded\r\n"
			      "\tonce and\r\n"
			      " twice\r\n"
			      "received: two\r\n";

static void
finds_and_unfolds(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct header header;
	const char *why;
	assert_true(header_parse(str_of(message), &arena, &header, &why));
	assert_str(header_first(&header, "RECEIVED")->value, STR(" one"));
	assert_null(header_first(&header, "To"));
	assert_int_equal(header_count(&header, "Received"), 2);
	assert_int_equal(header_count(&header, "To"), 0);
	struct str subject = header_first(&header, "Subject")->value;
	assert_str(
	    header_unfold(subject, &arena), STR("folded\tonce and twice"));
	assert_str(header_unfold(STR(" plain "), &arena), STR("plain"));
	assert_str(header_first(&header, "Subject")->whole,
	    STR("Subject: folded\r\n\tonce and\r\n twice\r\n"));
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_end),
		cmocka_unit_test(does_not_scan_twice),
		cmocka_unit_test(parses_fields),
		cmocka_unit_test(has_limits),
		cmocka_unit_test(finds_and_unfolds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
