#include "lib/mail/dot.h"

#include "lib/base/clock.h"
#include "tests/unit/assert_str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct result {
	struct buf text;
	struct dot_reader reader;
	size_t taken;
	bool end;
};

/* Bit i of cuts: a piece ends before octet i + 1. */
static struct result
read_in_pieces(struct str in, uint64_t cuts)
{
	struct result r = { 0 };
	for (size_t from = 0; from < in.n && !r.end;) {
		size_t to = from + 1;
		while (to < in.n && !(cuts >> (to - 1) & 1))
			to++;
		struct str piece = str_sub(in, from, to - from);
		size_t taken = dot_read(&r.reader, piece, &r.text, &r.end);
		assert_true(r.end || taken == piece.n);
		r.taken += taken;
		from = to;
	}
	return r;
}

enum flags {
	CLEAN = 0,
	BARE = 1,
	NUL = 2,
	HIGH = 4,
	OPEN = 8
};

static const struct {
	struct str in, text, rest;
	unsigned flags;
} messages[] = {
	/* what ends */
	{ TEXT(".\r\n"), TEXT(""), TEXT(""), CLEAN },
	{ TEXT("a\r\n.\r\n"), TEXT("a\r\n"), TEXT(""), CLEAN },
	{ TEXT("\r\n.\r\n"), TEXT("\r\n"), TEXT(""), CLEAN },
	{ TEXT("a\r\n.\r\nQUIT\r\n"), TEXT("a\r\n"), TEXT("QUIT\r\n"), CLEAN },
	{ TEXT("a\r\n.\r\n.\r\n"), TEXT("a\r\n"), TEXT(".\r\n"), CLEAN },
	/* what is unstuffed */
	{ TEXT("..\r\n.\r\n"), TEXT(".\r\n"), TEXT(""), CLEAN },
	{ TEXT("...\r\n..a\r\n.b\r\n.\r\n"), TEXT("..\r\n.a\r\nb\r\n"),
	    TEXT(""), CLEAN },
	{ TEXT("a.\r\n.\r\n"), TEXT("a.\r\n"), TEXT(""), CLEAN },
	{ TEXT("a\r\n\r\n..\r\n\r\n.\r\n"), TEXT("a\r\n\r\n.\r\n\r\n"),
	    TEXT(""), CLEAN },
	/* what others have taken for the end: none of it is */
	{ TEXT("a\n.\r\n"), TEXT("a\n.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\n.\n"), TEXT("a\n.\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r.\r"), TEXT("a\r.\r"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\n.\n"), TEXT("a\r\n\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\n.\rb"), TEXT("a\r\n\rb"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\n.\r\r\n"), TEXT("a\r\n\r\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\n.\r.\r\n"), TEXT("a\r\n\r.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\r.\r\n"), TEXT("a\r\r.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r.\r\n"), TEXT("a\r.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\n\r.\r\n"), TEXT("a\n\r.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\n\n.\r\n"), TEXT("a\r\n\n.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT("a\r\n\0.\r\n"), TEXT("a\r\n\0.\r\n"), TEXT(""), NUL | OPEN },
	{ TEXT("a\r\n.\0\r\n"), TEXT("a\r\n\0\r\n"), TEXT(""), NUL | OPEN },
	{ TEXT("a\r\n. \r\n"), TEXT("a\r\n \r\n"), TEXT(""), OPEN },
	{ TEXT("\n.\r\n"), TEXT("\n.\r\n"), TEXT(""), BARE | OPEN },
	{ TEXT(".\n"), TEXT("\n"), TEXT(""), BARE | OPEN },
	/* the end is found behind them all the same */
	{ TEXT("a\nb\r\n.\r\nNOOP"), TEXT("a\nb\r\n"), TEXT("NOOP"), BARE },
	{ TEXT("a\r\r\n.\r\n"), TEXT("a\r\r\n"), TEXT(""), BARE },
	{ TEXT("a\n.\r\n.\r\n"), TEXT("a\n.\r\n"), TEXT(""), BARE },
	{ TEXT("a\r\n.\r\r\n.\r\n"), TEXT("a\r\n\r\r\n"), TEXT(""), BARE },
	/* what is noted */
	{ TEXT("a\0b\r\n.\r\n"), TEXT("a\0b\r\n"), TEXT(""), NUL },
	{ TEXT("a longer line with \xfc in it\r\n.\r\n"),
	    TEXT("a longer line with \xfc in it\r\n"), TEXT(""), HIGH },
	{ TEXT("\x80\r\n.\r\n"), TEXT("\x80\r\n"), TEXT(""), HIGH },
	/* what follows the end isn't looked at */
	{ TEXT("a\r\n.\r\n\xff\0\n"), TEXT("a\r\n"), TEXT("\xff\0\n"), CLEAN },
	/* not yet */
	{ TEXT("a\r"), TEXT("a\r"), TEXT(""), OPEN },
	{ TEXT("a\r\n."), TEXT("a\r\n"), TEXT(""), OPEN },
	{ TEXT("a\r\n.\r"), TEXT("a\r\n"), TEXT(""), OPEN },
};

static void
assert_message(size_t i, const struct result *r)
{
	unsigned flags = messages[i].flags;
	assert_str(buf_str(&r->text), messages[i].text);
	assert_int_equal(r->taken, messages[i].in.n - messages[i].rest.n);
	assert_int_equal(r->end, !(flags & OPEN));
	assert_int_equal(r->reader.bare_line_end, (flags & BARE) != 0);
	assert_int_equal(r->reader.has_nul, (flags & NUL) != 0);
	assert_int_equal(r->reader.has_8bit, (flags & HIGH) != 0);
}

enum {
	SHORT = 12
};

/* Short texts are cut in all ways; longer ones not at all, at every place, and
   at each single one. */
static uint64_t
cuts_of(size_t n, uint64_t way)
{
	if (n <= SHORT || way == 0)
		return way;
	return way == n ? UINT64_MAX : (uint64_t)1 << (way - 1);
}

static void
reads_the_same_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		size_t n = messages[i].in.n;
		uint64_t ways = n > SHORT ? n + 1 : (uint64_t)1 << (n - 1);
		for (uint64_t way = 0; way < ways; way++) {
			struct result r =
			    read_in_pieces(messages[i].in, cuts_of(n, way));
			assert_message(i, &r);
			buf_free(&r.text);
		}
	}
}

/* What the RFC says, as plainly as it can be written. */
static size_t
find_end(struct str in)
{
	if (str_starts(in, STR(".\r\n")))
		return 3;
	size_t at = str_search(in, STR("\r\n.\r\n"));
	return at == in.n ? 0 : at + 5;
}

static bool
has_bare(struct str in)
{
	for (size_t i = 0; i < in.n; i++) {
		bool lf = i + 1 < in.n && in.p[i + 1] == '\n';
		if (in.p[i] == '\r' && lf)
			i++;
		else if (in.p[i] == '\n' || (in.p[i] == '\r' && i + 1 < in.n))
			return true;
	}
	return false;
}

/* Every text of up to eight CRs, LFs, dots and letters, at once and octet by
   octet. */
static void
every_short_text_ends_as_the_rfc_says(void **state)
{
	(void)state;
	static const char octets[] = "\r\n.a";
	char text[8];
	for (size_t n = 1; n <= sizeof text; n++)
		for (size_t k = 0; k < (size_t)1 << (2 * n); k++) {
			for (size_t i = 0; i < n; i++)
				text[i] = octets[k >> (2 * i) & 3];
			struct str in = { text, n };
			struct result a = read_in_pieces(in, 0);
			struct result b = read_in_pieces(in, UINT64_MAX);
			size_t end = find_end(in);
			bool bare = has_bare(str_sub(in, 0, end ? end : n));
			assert_int_equal(a.end, end != 0);
			assert_int_equal(a.taken, end ? end : n);
			assert_int_equal(a.reader.bare_line_end, bare);
			assert_int_equal(b.end, a.end);
			assert_int_equal(b.taken, a.taken);
			assert_int_equal(b.reader.bare_line_end, bare);
			assert_str(buf_str(&b.text), buf_str(&a.text));
			buf_free(&a.text);
			buf_free(&b.text);
		}
}

static const struct {
	struct str text, wire;
} sent[] = {
	{ TEXT(""), TEXT(".\r\n") },
	{ TEXT("a\r\n"), TEXT("a\r\n.\r\n") },
	{ TEXT("a"), TEXT("a\r\n.\r\n") },
	{ TEXT("."), TEXT("..\r\n.\r\n") },
	{ TEXT(".\r\n.\r\n"), TEXT("..\r\n..\r\n.\r\n") },
	{ TEXT("a.b\r\n..c\r\n"), TEXT("a.b\r\n...c\r\n.\r\n") },
	{ TEXT("\r\n.\r\n\r\n"), TEXT("\r\n..\r\n\r\n.\r\n") },
};

static struct buf
write_in_pieces(struct str text, size_t size)
{
	struct dot_writer writer = { 0 };
	struct buf wire = { 0 };
	for (size_t at = 0; at < text.n; at += size)
		dot_write(&writer, str_sub(text, at, size), &wire);
	dot_finish(&writer, &wire);
	return wire;
}

static void
stuffs_dots_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
		for (size_t size = 1; size <= 8; size++) {
			struct buf wire = write_in_pieces(sent[i].text, size);
			assert_str(buf_str(&wire), sent[i].wire);
			buf_free(&wire);
		}
}

/* Should a LF get through alone, no lax receiver finds an end behind it. */
static void
stuffs_dots_behind_a_bare_lf(void **state)
{
	(void)state;
	struct buf wire = write_in_pieces(STR("a\n.\r\nb"), 99);
	assert_str(buf_str(&wire), STR("a\n..\r\nb\r\n.\r\n"));
	buf_free(&wire);
}

static struct buf
random_text(size_t lines)
{
	static const char *const starts[] = { "", ".", "..", "a.", ".a" };
	struct buf text = { 0 };
	unsigned char dice[3];
	while (lines--) {
		random_bytes(dice, sizeof dice);
		buf_adds(&text, starts[dice[0] % 5]);
		for (unsigned n = dice[1]; n > 0; n--)
			buf_addc(&text, (char)('a' + (n + dice[2]) % 26));
		buf_adds(&text, "\r\n");
	}
	return text;
}

static void
reads_what_it_writes(void **state)
{
	(void)state;
	struct buf text = random_text(2000);
	for (size_t size = 1; size < 100000; size = size * 3 + 1) {
		struct buf wire = write_in_pieces(buf_str(&text), size);
		struct result r = { 0 };
		for (size_t at = 0; at < wire.n; at += size)
			r.taken += dot_read(&r.reader,
			    str_sub(buf_str(&wire), at, size), &r.text, &r.end);
		assert_true(r.end);
		assert_int_equal(r.taken, wire.n);
		assert_false(r.reader.bare_line_end);
		assert_str(buf_str(&r.text), buf_str(&text));
		buf_free(&r.text);
		buf_free(&wire);
	}
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_same_in_any_pieces),
		cmocka_unit_test(every_short_text_ends_as_the_rfc_says),
		cmocka_unit_test(stuffs_dots_in_any_pieces),
		cmocka_unit_test(stuffs_dots_behind_a_bare_lf),
		cmocka_unit_test(reads_what_it_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
