#include "lib/mail/dot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
expect(bool fact)
{
	if (!fact)
		abort();
}

/* What the RFC says, as plainly as it can be written. */
static size_t
find_end(struct str in)
{
	size_t at = str_search(in, STR("\r\n.\r\n"));
	if (str_starts(in, STR(".\r\n")))
		return 3;
	return at == in.n ? 0 : at + 5;
}

static size_t
read_in_pieces(struct dot_reader *reader, struct str in, size_t size,
    struct buf *text, bool *end)
{
	size_t taken = 0;
	*end = false;
	for (size_t at = 0; at < in.n && !*end; at += size)
		taken += dot_read(reader, str_sub(in, at, size), text, end);
	return taken;
}

/* Stuffed again and read again, a good text is the same. */
static void
check_writing(struct str text, size_t size)
{
	struct dot_writer writer = { 0 };
	struct dot_reader reader = { 0 };
	struct buf wire = { 0 }, again = { 0 };
	bool end;
	for (size_t at = 0; at < text.n; at += size)
		dot_write(&writer, str_sub(text, at, size), &wire);
	dot_finish(&writer, &wire);
	expect(find_end(buf_str(&wire)) == wire.n);
	expect(read_in_pieces(&reader, buf_str(&wire), size, &again, &end) ==
	    wire.n);
	expect(end && str_eq(buf_str(&again), text));
	buf_free(&wire);
	buf_free(&again);
}

/* The first octet is the size of the pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str in = str_from((struct str){ (const char *)p, n }, 1);
	size_t size = n > 0 && *p > 0 ? *p : 1;
	struct dot_reader a = { 0 }, b = { 0 };
	struct buf whole = { 0 }, pieces = { 0 };
	bool end, end_again;
	size_t taken = read_in_pieces(&a, in, n, &whole, &end);
	expect(end == (find_end(in) > 0));
	expect(taken == (end ? find_end(in) : in.n));
	expect(read_in_pieces(&b, in, size, &pieces, &end_again) == taken);
	expect(end == end_again && str_eq(buf_str(&whole), buf_str(&pieces)));
	expect(a.bare_line_end == b.bare_line_end && a.has_nul == b.has_nul &&
	    a.has_8bit == b.has_8bit);
	expect(str_has(buf_str(&whole), '\0') == a.has_nul);
	if (end && !a.bare_line_end)
		check_writing(buf_str(&whole), size);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
